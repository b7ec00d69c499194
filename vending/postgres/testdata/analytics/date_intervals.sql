-- Interval arithmetic, make_interval, justify and age.
SELECT l_orderkey, l_linenumber, age(l_receiptdate, l_shipdate) AS travelled, l_receiptdate - l_commitdate AS late_days,
       justify_days(make_interval(days => l_receiptdate - l_shipdate) * 3) AS thrice, l_shipdate + interval '1 month - 1 day' AS due
FROM lineitem
WHERE l_orderkey <= 25
ORDER BY l_orderkey, l_linenumber;
