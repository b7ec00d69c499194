-- Collations, LIKE with an escape, ILIKE ANY, and NULLS FIRST.
SELECT n_name, nullif(n_regionkey, 1) AS region
FROM nation
WHERE n_name ILIKE ANY (ARRAY['%an%', 'u%']) AND n_comment NOT LIKE '%\_%' ESCAPE '\'
ORDER BY region NULLS FIRST, n_name COLLATE "C" DESC;
