-- SEARCH BREADTH FIRST orders a recursive walk.
WITH RECURSIVE tree(name, key, depth) AS (
  SELECT r_name, r_regionkey, 0 FROM region
  UNION ALL
  SELECT n_name, 100 + n_nationkey, depth + 1 FROM tree JOIN tpch.nation ON n_regionkey = key
) SEARCH BREADTH FIRST BY name SET place
SELECT name, depth FROM tree ORDER BY place;
