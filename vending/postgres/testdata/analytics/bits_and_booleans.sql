-- bool_and, bool_or, every, bit_or over groups.
SELECT o_custkey, bool_and(o_orderstatus = 'F') AS all_done, bool_or(o_orderpriority = '1-URGENT') AS any_urgent, every(o_totalprice > 1000) AS every_big, bit_or(o_orderkey % 8) AS bits
FROM tpch.orders
WHERE o_custkey < 100
GROUP BY o_custkey
ORDER BY o_custkey;
