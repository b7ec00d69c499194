-- Full text over an indexed tsvector column, with the found words marked.
SELECT e_id, ts_headline('english', o_comment, query) AS headline, ts_rank_cd(e_search, query) AS rank
FROM event JOIN orders ON o_orderkey = e_orderkey, plainto_tsquery('english', 'sleeping platelets') AS query
WHERE e_search @@ query
ORDER BY e_id;
