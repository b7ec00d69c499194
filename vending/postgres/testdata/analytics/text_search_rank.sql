-- Full text over an expression: web search syntax and a rank.
SELECT o_orderkey, ts_rank(to_tsvector('english', o_comment), query) AS rank
FROM tpch.orders, websearch_to_tsquery('english', '"special requests" -foxes') AS query
WHERE to_tsvector('english', o_comment) @@ query
ORDER BY rank DESC, o_orderkey
LIMIT 20;
