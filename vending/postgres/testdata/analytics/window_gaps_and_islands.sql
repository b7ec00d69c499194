-- Runs of consecutive days, found by a difference of ranks.
WITH days AS (SELECT DISTINCT o_orderdate AS day FROM orders WHERE o_clerk < 'Clerk#000000030'),
islands AS (SELECT day, day - row_number() OVER (ORDER BY day)::int AS island FROM days)
SELECT min(day) AS from_day, max(day) AS to_day, count(*) AS days
FROM islands
GROUP BY island
HAVING count(*) > 1
ORDER BY from_day;
