-- Grouping by expressions and positions, HAVING, and an ORDER BY that is not selected.
SELECT left(n_name, 1) AS letter, count(DISTINCT s_suppkey) AS suppliers
FROM nation JOIN supplier ON s_nationkey = n_nationkey
GROUP BY 1
HAVING count(DISTINCT s_suppkey) > 3 AND max(s_acctbal) > 5000
ORDER BY sum(s_acctbal) DESC, letter;
