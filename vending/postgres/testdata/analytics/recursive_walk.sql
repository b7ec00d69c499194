-- A recursive walk through a graph of rows: parts that share a supplier, three steps from one.
WITH RECURSIVE reach(suppkey, step) AS (
  SELECT ps_suppkey, 0 FROM tpch.partsupp WHERE ps_partkey = 1
  UNION
  SELECT other.ps_suppkey, reach.step + 1
  FROM reach JOIN partsupp mine ON mine.ps_suppkey = reach.suppkey AND mine.ps_partkey < 40 JOIN partsupp other ON other.ps_partkey = mine.ps_partkey
  WHERE reach.step < 2
)
SELECT suppkey, min(step) AS step FROM reach GROUP BY suppkey ORDER BY suppkey;
