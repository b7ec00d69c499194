-- Percentiles, mode, and a hypothetical rank.
SELECT l_shipmode, percentile_cont(0.5) WITHIN GROUP (ORDER BY l_extendedprice) AS median, percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY l_quantity) AS tails,
       mode() WITHIN GROUP (ORDER BY l_discount) AS mode, rank(100) WITHIN GROUP (ORDER BY l_partkey) AS would_be
FROM lineitem
GROUP BY l_shipmode
ORDER BY l_shipmode;
