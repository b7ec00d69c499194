-- TABLE instead of SELECT.
(TABLE tpch.region ORDER BY r_regionkey LIMIT 3) UNION ALL (TABLE region ORDER BY r_regionkey DESC LIMIT 1);
