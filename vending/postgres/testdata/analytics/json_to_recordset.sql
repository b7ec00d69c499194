-- A JSON array as a table with typed columns.
SELECT e_severity, count(*) AS steps, sum(ms) AS ms, max(n) AS longest
FROM event, jsonb_to_recordset(e_body->'steps') AS step(n int, ms int)
GROUP BY e_severity
ORDER BY e_severity;
