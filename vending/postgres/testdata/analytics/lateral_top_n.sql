-- LATERAL: the three latest orders of each customer, by the index on the customer.
SELECT c.c_custkey, o.o_orderkey, o.o_orderdate
FROM customer c CROSS JOIN LATERAL (
  SELECT o_orderkey, o_orderdate FROM tpch.orders WHERE orders.o_custkey = c.c_custkey ORDER BY o_orderdate DESC, o_orderkey DESC LIMIT 3) o
WHERE c.c_custkey <= 60
ORDER BY c.c_custkey, o.o_orderdate DESC, o.o_orderkey DESC;
