-- A running total within a partition: the default frame.
SELECT o_custkey, o_orderkey, o_totalprice, sum(o_totalprice) OVER (PARTITION BY o_custkey ORDER BY o_orderdate, o_orderkey) AS running
FROM orders
WHERE o_custkey <= 20
ORDER BY o_custkey, o_orderdate, o_orderkey;
