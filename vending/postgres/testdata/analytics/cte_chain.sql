-- CTEs that build on each other, used more than once.
WITH spent AS (SELECT o_custkey, sum(o_totalprice) AS total FROM orders GROUP BY o_custkey),
     average AS (SELECT avg(total) AS mean FROM spent),
     big AS (SELECT o_custkey, total FROM spent, average WHERE total > 2 * mean)
SELECT c_name, total, round(total / mean, 3) AS times
FROM big JOIN tpch.customer ON c_custkey = o_custkey CROSS JOIN average
ORDER BY total DESC, c_name;
