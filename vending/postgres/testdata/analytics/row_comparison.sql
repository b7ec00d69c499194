-- Row values compared as a whole: the next page after a key.
SELECT l_orderkey, l_linenumber, l_partkey
FROM lineitem
WHERE (l_orderkey, l_linenumber) > (777, 2)
ORDER BY l_orderkey, l_linenumber
LIMIT 25;
