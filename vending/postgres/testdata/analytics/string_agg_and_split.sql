-- string_agg, and string_to_array to take words apart.
SELECT word, count(*) AS n, string_agg(DISTINCT substr(r_name, 1, 2), ',' ORDER BY substr(r_name, 1, 2)) AS regions
FROM tpch.nation JOIN tpch.region ON r_regionkey = n_regionkey, unnest(string_to_array(n_comment, ' ')) AS word
GROUP BY word
ORDER BY n DESC, word;
