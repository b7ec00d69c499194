-- Ranges: containment, overlap, bounds, intersection.
SELECT e_id, lower(e_during) AS starts, upper(e_during) - lower(e_during) AS lasts, e_during * tsrange('1995-01-05', '1995-01-10') AS common
FROM event
WHERE e_during && tsrange('1995-01-05', '1995-01-10') AND NOT isempty(e_during) AND e_during @> lower(e_during)
ORDER BY e_id;
