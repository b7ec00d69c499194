-- SELECT * of a join: all columns, in the tables' own order.
SELECT *
FROM tpch.region JOIN tpch.nation ON n_regionkey = r_regionkey JOIN tpch.supplier ON s_nationkey = n_nationkey
ORDER BY s_suppkey;
