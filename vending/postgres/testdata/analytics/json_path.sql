-- jsonb_path_query with a filter and a variable.
SELECT e_id, step->>'n' AS n, step->>'ms' AS ms
FROM tpch.event, jsonb_path_query(e_body, '$.steps[*] ? (@.ms > $least)', '{"least": 450}') AS step
WHERE e_body @@ '$.weight > 50' AND jsonb_path_exists(e_body, '$.coupon')
ORDER BY e_id, n;
