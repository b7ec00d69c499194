-- unnest WITH ORDINALITY of an array column.
SELECT tag, place, count(*) AS n
FROM event, unnest(e_tags) WITH ORDINALITY AS t(tag, place)
GROUP BY tag, place
ORDER BY tag, place;
