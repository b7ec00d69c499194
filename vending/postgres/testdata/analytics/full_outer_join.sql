-- FULL JOIN of two groupings, and COALESCE over the sides.
SELECT coalesce(c.nation, s.nation) AS nation, c.n AS customers, s.n AS suppliers
FROM (SELECT c_nationkey AS nation, count(*) AS n FROM tpch.customer WHERE c_acctbal > 8000 GROUP BY 1) c
FULL JOIN (SELECT s_nationkey AS nation, count(*) AS n FROM tpch.supplier WHERE s_acctbal > 8000 GROUP BY 1) s USING (nation)
ORDER BY nation;
