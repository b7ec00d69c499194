-- Containment and overlap, as a GIN index answers them, and building arrays up.
SELECT e_id, e_tags || 'seen'::text AS tags, array_position(e_tags, 'vip') AS vip_at, array_to_string(e_tags, '+') AS joined
FROM tpch.event
WHERE e_tags @> ARRAY['vip'] AND e_tags && ARRAY['mail', 'phone'] AND e_id < 500
ORDER BY e_id;
