-- UNION, INTERSECT and EXCEPT, nested.
(SELECT c_nationkey AS nation FROM customer WHERE c_acctbal > 9500 INTERSECT SELECT s_nationkey FROM supplier)
EXCEPT
SELECT n_nationkey FROM tpch.nation WHERE n_regionkey = 0
UNION ALL
(SELECT -1 FROM region LIMIT 1)
ORDER BY nation;
