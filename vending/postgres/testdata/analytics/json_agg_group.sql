-- jsonb_object_agg and json_agg over groups.
SELECT r_name, jsonb_object_agg(n_name, n_nationkey) AS nations, json_agg(n_name ORDER BY n_name DESC) AS names
FROM tpch.region JOIN tpch.nation ON n_regionkey = r_regionkey
GROUP BY r_name
ORDER BY r_name;
