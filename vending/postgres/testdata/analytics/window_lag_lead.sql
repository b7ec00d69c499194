-- Days between a customer's orders, and the next one's price.
SELECT o_custkey, o_orderdate, o_orderdate - lag(o_orderdate) OVER w AS days_since, lead(o_totalprice, 1, 0) OVER w AS next_price
FROM orders
WHERE o_custkey IN (1, 2, 4, 5, 7)
WINDOW w AS (PARTITION BY o_custkey ORDER BY o_orderdate, o_orderkey)
ORDER BY o_custkey, o_orderdate, o_orderkey;
