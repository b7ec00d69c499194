-- range_agg puts periods together, as a multirange.
SELECT l_suppkey, unnest(range_agg(daterange(l_shipdate, l_receiptdate))) AS busy
FROM tpch.lineitem
WHERE l_suppkey <= 3 AND l_shipdate < '1992-06-01'
GROUP BY l_suppkey
ORDER BY l_suppkey, busy;
