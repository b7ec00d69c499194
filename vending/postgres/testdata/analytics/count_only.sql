-- Counts alone: no column of the table is named.
SELECT (SELECT count(*) FROM lineitem) AS lines, (SELECT count(*) FROM tpch.orders) AS orders, EXISTS (SELECT FROM customer) AS any_customer;
