-- TPC-H at a scale factor of 0.01: every value is a hash of its key, so each load is the same.
SET search_path = tpch;
SET synchronous_commit = off;

-- pick gives a number from 0 to n-1 for a key; another salt gives another one.
CREATE FUNCTION pg_temp.pick(key bigint, salt int, n int) RETURNS int LANGUAGE sql IMMUTABLE AS
  'SELECT (abs(hashint8extended(key, salt) % n))::int';
CREATE FUNCTION pg_temp.word(key bigint, salt int, words text[]) RETURNS text LANGUAGE sql IMMUTABLE AS
  'SELECT words[1 + (abs(hashint8extended(key, salt) % cardinality(words)))::int]';
CREATE FUNCTION pg_temp.phrase(key bigint, salt int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT pg_temp.word(key, salt, '{carefully,quickly,furiously,slyly,blithely,never}') || ' '
      || pg_temp.word(key, salt + 1, '{special,regular,final,pending,ironic,express,silent,unusual}') || ' '
      || pg_temp.word(key, salt + 2, '{requests,deposits,packages,accounts,theodolites,pinto beans,instructions}') || ' '
      || pg_temp.word(key, salt + 3, '{sleep,haggle,nag,wake,cajole,detect,integrate}') || ' '
      || pg_temp.word(key, salt + 4, '{above,among,across,against}') || ' the '
      || pg_temp.word(key, salt + 5, '{foxes,ideas,dependencies,platelets,dolphins}') $$;

INSERT INTO region SELECT i - 1, name, pg_temp.phrase(i, 10)
FROM unnest('{AFRICA,AMERICA,ASIA,EUROPE,MIDDLE EAST}'::text[]) WITH ORDINALITY AS r(name, i);

INSERT INTO nation SELECT i - 1, name, ('{0,1,1,1,4,0,3,3,2,2,4,4,2,4,0,0,0,1,2,3,4,2,3,3,1}'::int[])[i], pg_temp.phrase(i, 20)
FROM unnest('{ALGERIA,ARGENTINA,BRAZIL,CANADA,EGYPT,ETHIOPIA,FRANCE,GERMANY,INDIA,INDONESIA,IRAN,IRAQ,JAPAN,JORDAN,KENYA,MOROCCO,MOZAMBIQUE,
PERU,CHINA,ROMANIA,SAUDI ARABIA,VIETNAM,RUSSIA,UNITED KINGDOM,UNITED STATES}'::text[]) WITH ORDINALITY AS n(name, i);

-- Four suppliers from each nation.
INSERT INTO supplier
SELECT i, 'Supplier#' || lpad(i::text, 9, '0'), 'address ' || pg_temp.pick(i, 30, 9999), i % 25,
       i % 25 + 10 || '-' || 100 + pg_temp.pick(i, 31, 900) || '-' || 100 + pg_temp.pick(i, 32, 900) || '-' || 1000 + pg_temp.pick(i, 33, 9000),
       (pg_temp.pick(i, 34, 1099999) - 99999) / 100.0,
       CASE WHEN i % 20 = 7 THEN 'Customer ' || pg_temp.phrase(i, 35) || ' Complaints' ELSE pg_temp.phrase(i, 35) END
FROM generate_series(1, 100) AS i;

INSERT INTO part
SELECT i, pg_temp.word(i, 40, colors) || ' ' || pg_temp.word(i, 41, colors) || ' ' || pg_temp.word(i, 42, colors),
       'Manufacturer#' || maker, 'Brand#' || maker || 1 + pg_temp.pick(i, 44, 5),
       pg_temp.word(i, 45, '{STANDARD,SMALL,MEDIUM,LARGE,ECONOMY,PROMO}') || ' ' || pg_temp.word(i, 46, '{ANODIZED,BURNISHED,PLATED,POLISHED,BRUSHED}')
         || ' ' || pg_temp.word(i, 47, '{TIN,NICKEL,BRASS,STEEL,COPPER}'),
       1 + pg_temp.pick(i, 48, 50), pg_temp.word(i, 49, '{SM,LG,MED,JUMBO,WRAP}') || ' ' || pg_temp.word(i, 50, '{CASE,BOX,BAG,JAR,PKG,PACK,CAN,DRUM}'),
       (90000 + (i / 10) % 20001 + 100 * (i % 1000)) / 100.0, pg_temp.phrase(i, 51)
FROM generate_series(1, 2000) AS i,
     LATERAL (SELECT 1 + pg_temp.pick(i, 43, 5) AS maker,
                     '{almond,azure,blue,chocolate,coral,cyan,firebrick,forest,ghost,green,honeydew,ivory,lace,linen,magenta,navy,olive,peru,rose,snow}'::text[] AS colors) AS c;

-- Four suppliers a part, as TPC-H spreads them: lineitem below takes one of the same four.
INSERT INTO partsupp
SELECT p, (p + s * (25 + (p - 1) / 100)) % 100 + 1, 1 + pg_temp.pick(4 * p + s, 60, 9999), (100 + pg_temp.pick(4 * p + s, 61, 99900)) / 100.0,
       pg_temp.phrase(4 * p + s, 62)
FROM generate_series(1, 2000) AS p, generate_series(0, 3) AS s;

INSERT INTO customer
SELECT i, 'Customer#' || lpad(i::text, 9, '0'), 'address ' || pg_temp.pick(i, 70, 9999), n,
       n + 10 || '-' || 100 + pg_temp.pick(i, 71, 900) || '-' || 100 + pg_temp.pick(i, 72, 900) || '-' || 1000 + pg_temp.pick(i, 73, 9000),
       (pg_temp.pick(i, 74, 1099999) - 99999) / 100.0,
       pg_temp.word(i, 75, '{AUTOMOBILE,BUILDING,FURNITURE,HOUSEHOLD,MACHINERY}'), pg_temp.phrase(i, 76)
FROM generate_series(1, 1500) AS i, LATERAL (SELECT pg_temp.pick(i, 77, 25) AS n) AS c;

-- One customer in three never orders. An order's price and status come from its lines, so those are made first.
CREATE TEMPORARY TABLE ordered AS
SELECT i AS key, 1 + c - c % 3 + pg_temp.pick(i, 80, 2) AS customer, date '1992-01-01' + pg_temp.pick(i, 81, 2406) AS day
FROM generate_series(1, 15000) AS i, LATERAL (SELECT pg_temp.pick(i, 82, 1499) AS c) AS x;

INSERT INTO lineitem
SELECT key, part, (part + pg_temp.pick(line, 90, 4) * (25 + (part - 1) / 100)) % 100 + 1, number, quantity,
       quantity * (90000 + (part / 10) % 20001 + 100 * (part % 1000)) / 100.0, pg_temp.pick(line, 91, 11) / 100.0, pg_temp.pick(line, 92, 9) / 100.0,
       CASE WHEN received > '1995-06-17' THEN 'N' WHEN pg_temp.pick(line, 93, 2) = 0 THEN 'R' ELSE 'A' END,
       CASE WHEN shipped > '1995-06-17' THEN 'O' ELSE 'F' END, shipped, day + 30 + pg_temp.pick(line, 94, 61), received,
       pg_temp.word(line, 95, '{DELIVER IN PERSON,COLLECT COD,NONE,TAKE BACK RETURN}'),
       pg_temp.word(line, 96, '{REG AIR,AIR,RAIL,SHIP,TRUCK,MAIL,FOB}'), pg_temp.phrase(line, 97)
FROM ordered, LATERAL generate_series(1, 1 + pg_temp.pick(key, 83, 7)) AS number,
     LATERAL (SELECT 8 * key + number AS line) AS l,
     LATERAL (SELECT 1 + pg_temp.pick(line, 98, 2000) AS part, 1 + pg_temp.pick(line, 99, 50) AS quantity, day + 1 + pg_temp.pick(line, 100, 121) AS shipped) AS m,
     LATERAL (SELECT shipped + 1 + pg_temp.pick(line, 101, 30) AS received) AS n;

INSERT INTO orders
SELECT key, customer, CASE WHEN bool_and(l_linestatus = 'F') THEN 'F' WHEN bool_and(l_linestatus = 'O') THEN 'O' ELSE 'P' END,
       sum(l_extendedprice * (1 + l_tax) * (1 - l_discount)), day,
       pg_temp.word(key, 84, '{1-URGENT,2-HIGH,3-MEDIUM,4-NOT SPECIFIED,5-LOW}'), 'Clerk#' || lpad((1 + pg_temp.pick(key, 85, 1000))::text, 9, '0'), 0,
       pg_temp.phrase(key, 86)
FROM ordered JOIN lineitem ON l_orderkey = key GROUP BY key, customer, day ORDER BY key;

INSERT INTO event
SELECT i, o_orderkey, o_orderdate::timestamp AT TIME ZONE 'UTC' + make_interval(mins => pg_temp.pick(i, 110, 20000)), make_interval(secs => pg_temp.pick(i, 111, 90000)),
       tsrange(o_orderdate, o_orderdate + 1 + pg_temp.pick(i, 112, 20)), pg_temp.word(i, 113, '{info,info,warning,error}')::severity,
       ARRAY[pg_temp.word(i, 114, '{web,phone,mail}'), pg_temp.word(i, 115, '{new,repeat}')] || CASE WHEN i % 5 = 0 THEN '{vip}'::text[] ELSE '{}' END,
       jsonb_build_object('source', pg_temp.word(i, 116, '{app,site,partner}'), 'weight', pg_temp.pick(i, 117, 1000) / 10.0,
         'steps', (SELECT jsonb_agg(jsonb_build_object('n', n, 'ms', pg_temp.pick(i * 10 + n, 118, 500))) FROM generate_series(1, 1 + i % 3) AS n))
         || CASE WHEN i % 7 = 0 THEN '{"coupon": "SPRING"}'::jsonb ELSE '{}' END,
       CASE WHEN i % 11 > 0 THEN pg_temp.pick(i, 119, 10000) / 10000.0 END, to_tsvector('english', o_comment)
FROM orders, LATERAL (SELECT o_orderkey::bigint AS i) AS e WHERE o_orderkey <= 3000;
