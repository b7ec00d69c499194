-- Several arrays in step, with ROWS FROM.
SELECT n, letter, s_name
FROM ROWS FROM (unnest(ARRAY[3, 1, 2, 9]), unnest(ARRAY['c', 'a', 'b'])) AS t(n, letter) LEFT JOIN supplier ON s_suppkey = n
ORDER BY n;
