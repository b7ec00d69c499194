-- FILTER on a plain and on a window aggregate.
SELECT o_orderdate, count(*) FILTER (WHERE o_orderpriority = '1-URGENT') AS urgent,
       sum(count(*)) FILTER (WHERE o_orderdate >= '1996-01-15') OVER (ORDER BY o_orderdate) AS later
FROM tpch.orders
WHERE o_orderdate BETWEEN '1996-01-01' AND '1996-01-31'
GROUP BY o_orderdate
ORDER BY o_orderdate;
