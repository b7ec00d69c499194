-- A NATURAL JOIN of tables that share no column is a cross join, and names no column at all.
SELECT count(*) AS pairs FROM region NATURAL JOIN tpch.part;
