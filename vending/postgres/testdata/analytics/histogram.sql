-- width_bucket over a float, NULLs and NaN among the answers.
SELECT width_bucket(e_ratio, 0, 1, 10) AS bucket, count(*) AS n, avg(e_ratio) AS mean, min(e_ratio) FILTER (WHERE e_id < 0) AS none, 'NaN'::float8 AS nan
FROM event
GROUP BY bucket
ORDER BY bucket;
