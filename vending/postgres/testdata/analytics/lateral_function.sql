-- A set-returning function over each row, without the word LATERAL.
SELECT o_orderkey, day::date AS day
FROM orders, generate_series(o_orderdate, o_orderdate + interval '2 days', interval '1 day') AS day
WHERE o_orderkey <= 30
ORDER BY o_orderkey, day;
