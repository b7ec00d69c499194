-- Deciles and relative ranks.
SELECT c_custkey, ntile(10) OVER w AS decile, round(percent_rank() OVER w::numeric, 6) AS percent_rank, cume_dist() OVER w AS cume_dist, row_number() OVER w AS n
FROM tpch.customer
WHERE c_nationkey = 3
WINDOW w AS (ORDER BY c_acctbal DESC, c_custkey)
ORDER BY c_custkey;
