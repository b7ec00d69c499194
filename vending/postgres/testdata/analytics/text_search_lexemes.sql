-- Lexemes, weights and phrase queries.
SELECT lexeme, count(*) AS n, bool_or(e_search @@ phraseto_tsquery('english', 'carefully special')) AS with_phrase, max(length(setweight(e_search, 'A'))) AS longest
FROM tpch.event, unnest(e_search) AS u(lexeme, positions, weights)
GROUP BY lexeme
ORDER BY n DESC, lexeme
LIMIT 15;
