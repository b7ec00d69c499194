-- A pivot by CASE and by FILTER.
SELECT extract(year FROM o_orderdate) AS year, sum(CASE o_orderpriority WHEN '1-URGENT' THEN 1 ELSE 0 END) AS urgent,
       count(*) FILTER (WHERE o_orderpriority = '5-LOW') AS low, round(100.0 * count(*) FILTER (WHERE o_orderstatus = 'F') / nullif(count(*), 0), 1) AS percent_done
FROM orders
GROUP BY 1
ORDER BY 1;
