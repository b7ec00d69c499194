-- An enum compared and ordered by its own order.
SELECT e_severity, e_id, greatest(e_severity, 'warning') AS at_least
FROM event
WHERE e_severity > 'info' AND e_id < 60
ORDER BY e_severity DESC, e_id;
