-- Whole rows as JSON: the row itself is the argument.
SELECT row_to_json(r) AS row, to_jsonb(n) - 'n_comment' AS nation
FROM region r JOIN tpch.nation n ON n.n_regionkey = r.r_regionkey
ORDER BY n.n_nationkey;
