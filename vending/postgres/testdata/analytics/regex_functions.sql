-- Regular expressions: match, replace, split, capture.
SELECT p_partkey, regexp_replace(p_name, '(\w+) (\w+).*', '\2 \1') AS swapped, substring(p_brand FROM '#(\d+)') AS brand, (regexp_match(p_type, '^(\S+)\s'))[1] AS line,
       regexp_split_to_array(p_name, '\s+') AS colors, p_name ~* 'GREEN|BLUE' AS cold, p_container SIMILAR TO '(SM|LG)%' AS ends
FROM tpch.part
WHERE p_name ~ '^(green|blue) ' AND p_type !~ 'STEEL'
ORDER BY p_partkey;
