-- Members, paths, containment and existence.
SELECT e_id, e_body->>'source' AS source, (e_body->'steps'->0->>'ms')::int AS first_ms, e_body #>> '{steps,-1,n}' AS last_step, e_body - 'steps' AS rest
FROM event
WHERE e_body @> '{"source": "app"}' AND e_body ? 'coupon'
ORDER BY e_id
LIMIT 40;
