-- CYCLE stops a walk that comes back to where it was.
WITH RECURSIVE walk(at, hops) AS (
  SELECT 0, 0 UNION ALL SELECT (n_nationkey * 7 + 3) % 25, hops + 1 FROM walk JOIN nation ON n_nationkey = at
) CYCLE at SET again USING path
SELECT at, hops, again, path::text FROM walk ORDER BY hops;
