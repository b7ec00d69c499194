-- Cohorts: who came in a year, and in how many later years they came again.
WITH first AS (SELECT o_custkey, min(date_trunc('year', o_orderdate)) AS cohort FROM orders GROUP BY o_custkey),
     active AS (SELECT DISTINCT o_custkey, date_trunc('year', o_orderdate) AS year FROM orders)
SELECT extract(year FROM cohort) AS cohort, extract(year FROM age(year, cohort)) AS later, count(*) AS customers
FROM first JOIN active USING (o_custkey)
GROUP BY 1, 2
ORDER BY 1, 2;
