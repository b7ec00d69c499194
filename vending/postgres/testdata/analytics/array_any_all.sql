-- = ANY, <> ALL and an array made by a subquery.
SELECT s_suppkey, s_name
FROM supplier
WHERE s_nationkey = ANY (ARRAY(SELECT n_nationkey FROM nation WHERE n_regionkey = 2)) AND s_suppkey <> ALL (ARRAY[8, 9]) AND 500 < ALL (ARRAY[s_acctbal, 5000])
ORDER BY s_suppkey;
