-- A list of VALUES as a table.
SELECT label, count(*) AS parts, min(p_retailprice) AS cheapest
FROM (VALUES ('small', 1, 10), ('medium', 11, 30), ('large', 31, 50)) AS class(label, low, high) JOIN tpch.part ON p_size BETWEEN low AND high
GROUP BY label
ORDER BY label;
