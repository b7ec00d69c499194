-- The ALL forms keep how often.
SELECT s_nationkey % 5 AS n FROM tpch.supplier EXCEPT ALL SELECT n_nationkey % 5 FROM tpch.nation INTERSECT ALL SELECT c_nationkey % 5 FROM tpch.customer
ORDER BY n;
