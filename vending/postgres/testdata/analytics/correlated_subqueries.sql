-- Scalar subqueries in the select list, WHERE and ORDER BY.
SELECT c_custkey, (SELECT count(*) FROM orders o WHERE o.o_custkey = c.c_custkey) AS orders, (SELECT n_name FROM nation WHERE n_nationkey = c.c_nationkey) AS nation
FROM customer c
WHERE c_acctbal > (SELECT avg(i.c_acctbal) + 3000 FROM customer i WHERE i.c_nationkey = c.c_nationkey)
ORDER BY (SELECT max(o_orderdate) FROM tpch.orders WHERE orders.o_custkey = c.c_custkey) DESC NULLS LAST, c_custkey
LIMIT 50;
