-- A frame by distance in time, not by rows.
SELECT o_orderkey, o_orderdate,
       count(*) OVER (ORDER BY o_orderdate RANGE BETWEEN interval '3 days' PRECEDING AND interval '3 days' FOLLOWING) AS around
FROM orders
WHERE o_orderdate >= date '1998-06-01'
ORDER BY o_orderdate, o_orderkey;
