-- LEFT JOIN LATERAL keeps those that have none.
SELECT c_custkey, coalesce(n, 0) AS urgent, last
FROM tpch.customer LEFT JOIN LATERAL (
  SELECT count(*) AS n, max(o_orderdate) AS last FROM tpch.orders WHERE o_custkey = c_custkey AND o_orderpriority = '1-URGENT' HAVING count(*) > 0) o ON true
WHERE c_custkey BETWEEN 100 AND 160
ORDER BY c_custkey;
