-- Named windows, one built on the other.
SELECT p_partkey, p_size, rank() OVER by_price AS rank, dense_rank() OVER by_price AS dense, sum(p_retailprice) OVER (by_size ROWS UNBOUNDED PRECEDING) AS total
FROM part
WHERE p_partkey <= 300
WINDOW by_size AS (PARTITION BY p_size ORDER BY p_partkey), by_price AS (ORDER BY p_retailprice DESC)
ORDER BY p_partkey;
