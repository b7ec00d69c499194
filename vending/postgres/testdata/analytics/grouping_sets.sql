-- GROUPING SETS, with GROUPING() to tell totals from NULLs.
SELECT l_returnflag, l_shipmode, grouping(l_returnflag, l_shipmode) AS level, sum(l_quantity) AS quantity
FROM lineitem
WHERE l_shipdate >= '1997-01-01'
GROUP BY GROUPING SETS ((l_returnflag, l_shipmode), (l_shipmode), ())
ORDER BY level, l_returnflag, l_shipmode;
