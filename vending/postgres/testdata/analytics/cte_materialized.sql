-- MATERIALIZED and NOT MATERIALIZED.
WITH recent AS MATERIALIZED (SELECT * FROM tpch.orders WHERE o_orderdate >= '1998-01-01'),
     lines AS NOT MATERIALIZED (SELECT l_orderkey, l_quantity FROM tpch.lineitem)
SELECT r.o_orderkey, sum(l.l_quantity) AS quantity
FROM recent r JOIN lines l ON l.l_orderkey = r.o_orderkey
GROUP BY r.o_orderkey
ORDER BY quantity DESC, r.o_orderkey
LIMIT 50;
