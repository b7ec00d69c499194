-- First, last and n-th value of a whole partition.
SELECT DISTINCT l_orderkey, first_value(l_shipdate) OVER w AS first, last_value(l_shipdate) OVER w AS last, nth_value(l_shipdate, 2) OVER w AS second
FROM lineitem
WHERE l_orderkey < 200
WINDOW w AS (PARTITION BY l_orderkey ORDER BY l_shipdate, l_linenumber ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
ORDER BY l_orderkey;
