-- Objects built from rows, nested.
SELECT c_custkey, jsonb_build_object('name', c_name, 'nation', n_name, 'orders',
         (SELECT jsonb_agg(jsonb_build_object('key', o_orderkey, 'total', o_totalprice) ORDER BY o_orderkey) FROM orders WHERE o_custkey = c_custkey)) AS document
FROM customer JOIN nation ON n_nationkey = c_nationkey
WHERE c_custkey <= 10
ORDER BY c_custkey;
