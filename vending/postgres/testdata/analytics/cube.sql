-- CUBE over an expression and a column.
SELECT extract(year FROM o_orderdate) AS year, o_orderstatus, count(*) AS orders
FROM orders
GROUP BY CUBE (extract(year FROM o_orderdate), o_orderstatus)
ORDER BY year, o_orderstatus;
