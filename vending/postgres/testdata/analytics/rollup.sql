-- ROLLUP over region and nation.
SELECT r_name, n_name, count(*) AS customers, sum(c_acctbal) AS balance
FROM tpch.customer JOIN tpch.nation ON n_nationkey = c_nationkey JOIN tpch.region ON r_regionkey = n_regionkey
GROUP BY ROLLUP (r_name, n_name)
ORDER BY r_name NULLS LAST, n_name NULLS LAST;
