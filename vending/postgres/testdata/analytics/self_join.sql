-- A table with itself: orders of one customer on one day.
SELECT a.o_custkey, a.o_orderdate, a.o_orderkey AS one, b.o_orderkey AS other
FROM tpch.orders AS a INNER JOIN tpch.orders AS b USING (o_custkey, o_orderdate)
WHERE a.o_orderkey < b.o_orderkey
ORDER BY a.o_custkey, a.o_orderdate, one, other;
