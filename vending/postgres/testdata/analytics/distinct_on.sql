-- DISTINCT ON: each customer's dearest order.
SELECT DISTINCT ON (o_custkey) o_custkey, o_orderkey, o_totalprice
FROM tpch.orders
WHERE o_orderdate >= '1998-01-01'
ORDER BY o_custkey, o_totalprice DESC, o_orderkey;
