-- A table's columns renamed by position: b is the second one, though the first is used by nobody.
SELECT b AS name, n.n_comment, at, count(*) AS suppliers
FROM tpch.nation AS n(a, b) JOIN supplier AS s(key, supplier, address, nation) ON nation = n_regionkey JOIN event AS e(id, orderkey, at) ON orderkey = key
GROUP BY b, n.n_comment, at
ORDER BY name, at;
