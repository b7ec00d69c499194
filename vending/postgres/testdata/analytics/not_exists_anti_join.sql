-- NOT EXISTS and NOT IN: parts that nobody ordered in a year.
SELECT p_partkey, p_name
FROM part
WHERE NOT EXISTS (SELECT FROM tpch.lineitem WHERE l_partkey = p_partkey AND l_shipdate BETWEEN '1995-01-01' AND '1995-12-31')
  AND p_partkey NOT IN (SELECT ps_partkey FROM partsupp WHERE ps_availqty < 200)
ORDER BY p_partkey
LIMIT 60;
