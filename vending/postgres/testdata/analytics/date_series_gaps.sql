-- A series of days, so that days without rows show too.
SELECT day::date AS day, count(o_orderkey) AS orders
FROM generate_series(timestamp '1995-02-20', '1995-03-10', '1 day') AS day LEFT JOIN tpch.orders ON o_orderdate = day::date AND o_orderstatus = 'P'
GROUP BY day
ORDER BY day;
