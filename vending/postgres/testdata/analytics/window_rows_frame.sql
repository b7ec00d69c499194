-- A moving average over a frame of rows.
SELECT o_orderdate, count(*) AS orders, avg(count(*)) OVER (ORDER BY o_orderdate ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week
FROM tpch.orders
WHERE o_orderdate BETWEEN '1995-01-01' AND '1995-03-31'
GROUP BY o_orderdate
ORDER BY o_orderdate;
