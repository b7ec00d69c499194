-- Keys that occur, and jsonb_set and jsonb_strip_nulls on the way.
SELECT key, jsonb_typeof(value) AS type, count(*) AS n, min(length(jsonb_set(jsonb_strip_nulls(e_body), '{weight}', '0')::text)) AS shortest
FROM tpch.event, jsonb_each(e_body)
GROUP BY key, jsonb_typeof(value)
ORDER BY key, type;
