-- A frame of peer groups that leaves the current row out.
SELECT s_suppkey, s_nationkey, s_acctbal, max(s_acctbal) OVER (ORDER BY s_nationkey GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS neighbours
FROM tpch.supplier
ORDER BY s_nationkey, s_suppkey;
