-- Pairs bought together: a self join, grouped.
SELECT least(a.l_partkey, b.l_partkey) AS one, greatest(a.l_partkey, b.l_partkey) AS other, count(*) AS together
FROM lineitem a JOIN lineitem b ON a.l_orderkey = b.l_orderkey AND a.l_linenumber < b.l_linenumber
WHERE a.l_partkey < 200 AND b.l_partkey < 200
GROUP BY 1, 2
ORDER BY together DESC, one, other
LIMIT 30;
