-- A CTE that bears a table's name hides the table.
WITH orders AS (SELECT o_custkey AS who, count(*) AS n FROM tpch.orders GROUP BY o_custkey)
SELECT who, n FROM orders ORDER BY n DESC, who LIMIT 10;
