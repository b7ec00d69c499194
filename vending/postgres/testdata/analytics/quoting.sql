-- Every way to write a string or a name, with the words of tables inside.
SELECT $$tpch.orders$$ AS dollar, $x$it's tpch.nation$x$ AS tagged, E'tpch.part\n' AS escaped, 'tpch.lineitem' AS plain, "O".o_orderkey AS "tpch.orders", U&'\0041' AS unicode
FROM "tpch" . "orders" AS "O" /* not tpch.customer */ -- nor tpch.region
WHERE "O"."o_orderkey" < 4
ORDER BY 5;
