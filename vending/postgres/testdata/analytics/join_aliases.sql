-- A join's columns renamed by position: without the first one, the second would silently be another.
SELECT second
FROM (tpch.nation JOIN region ON n_regionkey = r_regionkey) AS j(first, second)
ORDER BY second;
