-- regexp_matches with all matches, as rows.
SELECT o_orderkey, m[1] AS word
FROM orders, regexp_matches(o_comment, '\m(s\w+)', 'g') WITH ORDINALITY AS r(m, place)
WHERE o_orderkey < 40
ORDER BY o_orderkey, place;
