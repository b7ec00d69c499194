-- array_agg with its own order, a slice of it, and its length.
SELECT o_custkey, (array_agg(o_orderkey ORDER BY o_totalprice DESC, o_orderkey))[1:3] AS top, cardinality(array_agg(o_orderkey)) AS n,
       array_agg(DISTINCT o_orderstatus ORDER BY o_orderstatus) AS statuses
FROM tpch.orders
WHERE o_custkey <= 40
GROUP BY o_custkey
ORDER BY o_custkey;
