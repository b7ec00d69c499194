-- The two largest of each group, by a rank in a subquery.
SELECT n_name, s_name, s_acctbal
FROM (SELECT n.n_name, s.s_name, s.s_acctbal, row_number() OVER (PARTITION BY n.n_nationkey ORDER BY s.s_acctbal DESC, s.s_suppkey) AS place
      FROM tpch.supplier s JOIN tpch.nation n ON n.n_nationkey = s.s_nationkey) ranked
WHERE place <= 2
ORDER BY n_name, place;
