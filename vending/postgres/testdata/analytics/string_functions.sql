-- Strings cut, padded, replaced and put together.
SELECT c_custkey, upper(left(c_name, 4)) || '-' || lpad(c_custkey::text, 6, '0') AS code, split_part(c_phone, '-', 1) AS country, initcap(c_mktsegment) AS segment,
       format('%s <%s>', c_name, replace(c_address, ' ', '.')) AS label, reverse(trim(c_mktsegment)) AS mirrored, position('s' IN c_comment) AS first_s,
       translate(c_phone, '0123456789', 'abcdefghij') AS letters, md5(c_name) AS digest, concat_ws('/', c_nationkey, NULL, c_custkey) AS path
FROM customer
WHERE c_custkey <= 25
ORDER BY c_custkey;
