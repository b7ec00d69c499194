-- Months with date_trunc, and the growth over the one before.
SELECT date_trunc('month', o_orderdate)::date AS month, sum(o_totalprice) AS revenue,
       round(100 * (sum(o_totalprice) / lag(sum(o_totalprice)) OVER (ORDER BY date_trunc('month', o_orderdate)) - 1), 2) AS growth
FROM orders
GROUP BY date_trunc('month', o_orderdate)
ORDER BY month;
