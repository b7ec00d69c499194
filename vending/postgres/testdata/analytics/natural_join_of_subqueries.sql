-- NATURAL JOIN, nested parentheses and column aliases.
SELECT nation, region, customers
FROM (nation AS n(nationkey, nation, regionkey) NATURAL JOIN region AS r(regionkey, region)) NATURAL JOIN (SELECT c_nationkey AS nationkey, count(*) AS customers FROM customer GROUP BY 1) c
ORDER BY nation;
