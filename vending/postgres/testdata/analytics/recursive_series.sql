-- A recursive CTE that counts months, joined with what happened in them.
WITH RECURSIVE months(month) AS (
  SELECT date '1997-01-01' UNION ALL SELECT (month + interval '1 month')::date FROM months WHERE month < '1997-12-01'
)
SELECT month, count(o_orderkey) AS orders
FROM months LEFT JOIN orders ON date_trunc('month', o_orderdate) = month
GROUP BY month
ORDER BY month;
