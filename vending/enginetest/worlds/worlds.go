// Package worlds makes two worlds that differ in nothing but what is hidden from the caller, and statements that must
// answer the same in both.
package worlds

import (
	"fmt"
	"strings"
)

// HiddenNames are the names of what one of two worlds has and the other has not: the tables, and on PostgreSQL the
// other objects.
var HiddenNames = []string{
	"kept", "quiet_view", "mood", "pair", "small", "span", "peek", "hush", "numbering", "kept_at", "hr_secret",
	"customer_orders", "orders_by", "region",
}

// HiddenTables makes what any engine can have, and fills it. The qualifier is that of a schema that PUBLIC may use, or
// nothing.
func HiddenTables(qualifier string) []string {
	return []string{
		fmt.Sprintf(`CREATE TABLE %skept (id integer PRIMARY KEY, quiet text, lastname text)`, qualifier),
		fmt.Sprintf(`INSERT INTO %skept VALUES (1, 'a', 'Abernathy'), (2, 'b', 'Okonkwo'), (3, 'c', NULL)`, qualifier),
		fmt.Sprintf(`CREATE INDEX kept_at ON %skept (quiet)`, qualifier),
		fmt.Sprintf(`CREATE VIEW %squiet_view AS SELECT id, quiet FROM %[1]skept`, qualifier),
	}
}

// HiddenObjects makes, in PostgreSQL's schema public and in one that only its owner may use, what has names there:
// types of all kinds, functions, operators, a collation, a sequence, a text search configuration, tables that have the
// name of one that is open, or of a column.
var HiddenObjects = []string{
	`CREATE TYPE public.mood AS ENUM ('calm', 'cross')`, `CREATE TYPE public.pair AS (a int, b text)`,
	`CREATE DOMAIN public.small AS int CHECK (VALUE < 10)`, `CREATE TYPE public.span AS RANGE (subtype = date)`,
	`CREATE FUNCTION public.peek(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'`,
	`CREATE FUNCTION public.peek(text) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1'`,
	`CREATE FUNCTION public.round(double precision, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'`,
	`CREATE FUNCTION public.customer_orders(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'`,
	`CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)`,
	`CREATE COLLATION public.hush FROM "C"`, `CREATE SEQUENCE public.numbering`, `CREATE TEXT SEARCH CONFIGURATION public.hush (COPY = simple)`,
	`CREATE TABLE public.customer_orders (lastname int, quiet public.mood)`, `CREATE VIEW public.regions AS SELECT 1 AS region`,
	`CREATE TABLE public.region (region int)`, `CREATE TYPE public.orders_by AS ENUM ('x')`, `COMMENT ON TABLE public.kept IS 'nobody may know #PII'`,
	`CREATE FUNCTION public.sought(anyelement) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'`,
	`CREATE FUNCTION public.alike(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'`,
	`CREATE FUNCTION public.alike(json, json) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'`,
	`CREATE FUNCTION public.alike(text, varchar) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'`,
	`CREATE FUNCTION public.length(varchar) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7'`,
	`CREATE OPERATOR public.~~ (LEFTARG = int, RIGHTARG = int, FUNCTION = public.alike)`,
	`CREATE OPERATOR public.= (LEFTARG = json, RIGHTARG = json, FUNCTION = public.alike)`,
	`CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = varchar, FUNCTION = public.alike)`,
	`CREATE SCHEMA hr_secret`, `CREATE TABLE hr_secret.kept (id int)`, `CREATE FUNCTION hr_secret.peek(int) RETURNS int LANGUAGE sql AS 'SELECT 1'`,
	`CREATE TYPE hr_secret.mood AS ENUM ('calm')`, `CREATE OPERATOR hr_secret.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)`,
	`CREATE SCHEMA tools_open`, `GRANT USAGE ON SCHEMA tools_open TO PUBLIC`, `CREATE TABLE tools_open.kept (id int)`,
	`CREATE TYPE tools_open.mood AS ENUM ('calm')`, `CREATE TABLE sales.kept (quiet text)`,
	`CREATE TYPE sales.mood AS ENUM ('calm')`,
}

// NamePositions are statements with a place for a name, written %s.
var NamePositions = []string{
	`SELECT * FROM %s`, `SELECT 1 FROM ONLY %s`, `TABLE %s`, `SELECT quie FROM %s`, `SELECT nosuch FROM %s`,
	`SELECT quiet FROM %s`, `SELECT x.quiet FROM %s x`,
	`SELECT count(*) FROM sales.customer_orders o, %s k`, `SELECT region FROM sales.customer_orders JOIN %s USING (lastname)`,
	`SELECT * FROM sales.customer_orders NATURAL JOIN %s`, `SELECT nosuch, (SELECT 1 FROM %s) FROM sales.customer_orders`,
	`SELECT region FROM sales.customer_orders WHERE EXISTS (SELECT 1 FROM %s) AND nosuch = 1`, `WITH a AS (SELECT * FROM %s) SELECT * FROM a`,
	`WITH kept AS (SELECT 1 AS id) SELECT id, nosuch FROM kept, %s`, `SELECT * FROM sales.customer_orders ORDER BY (SELECT 1 FROM %s)`,
	`SELECT %s FROM sales.customer_orders`, `SELECT %s.region FROM sales.customer_orders`, `SELECT hr_secret.%s.region FROM sales.customer_orders`, `SELECT %s.* FROM sales.customer_orders`, `SELECT region AS %s FROM sales.customer_orders`,
	`SELECT * FROM sales.customer_orders AS %s`, `SELECT k.region FROM sales.customer_orders k GROUP BY %s`,
	`SELECT NULL::%s`, `SELECT CAST(NULL AS %s)`, `SELECT NULL::%s[]`, `SELECT '(1,2)'::%s`, `SELECT 'calm'::%s`,
	`SELECT 'x'::%s`, `SELECT %s 'calm'`, `SELECT '3'::%s, nosuch`,
	`SELECT json_populate_record(NULL::%s, '{}')`, `SELECT * FROM json_to_recordset('[]') AS x(a %s)`,
	`SELECT (NULL::%s).quiet`, `SELECT ROW(1, 'a')::%s`,
	`SELECT %s(1)`, `SELECT %s('a')`, `SELECT %s('calm', nosuch)`, `SELECT * FROM %s(1)`, `SELECT %s(o) FROM sales.customer_orders o`, `SELECT count(%s(order_total)) FROM sales.customer_orders`,
	`SELECT lastname COLLATE %s FROM sales.customer_orders`, `SELECT 'a' < 'b' COLLATE %s`, `SELECT 1 OPERATOR(%s.===) 2`, `SELECT 1 OPERATOR(%s.===) 2, nosuch`,
	`SELECT sum(1) OVER %s FROM sales.customer_orders`, `SELECT sum(1) OVER (PARTITION BY %s) FROM sales.customer_orders WINDOW w AS (ORDER BY 1)`,
	`SELECT '%s'::regclass`, `SELECT '%s'::regtype`, `SELECT '%s'::regproc`, `SELECT '%s'::regrole`,
	`SELECT '%s'::regnamespace`, `SELECT '%s'::regcollation`, `SELECT '%s'::regconfig`,
	`SELECT '%s'::regclass, nosuch FROM sales.customer_orders`, `SELECT nextval('%s')`, `SELECT pg_relation_size('%s')`, `SELECT to_tsvector('%s', region) FROM sales.customer_orders`,
	`SELECT has_table_privilege('%s', 'select')`, `SELECT to_regclass('%s')`, `INSERT INTO %s VALUES (1)`,
	`UPDATE %s SET quiet = 1`, `DELETE FROM %s`, `DROP TABLE %s`, `COPY %s TO STDOUT`,
	`SELECT 1 FROM %s; SELECT 2`, `EXPLAIN SELECT * FROM %s`, `SELECT 1 INTO %s`, `CREATE TABLE %s (id int)`,
	`CREATE VIEW %s AS SELECT 1`, `LOCK TABLE %s`, `SELECT * FROM %s FOR UPDATE`,
	`SELECT region FROM sales.customer_orders TABLESAMPLE %s (10)`, `SELECT xmlserialize(content '<a/>' AS %s)`, `SELECT pg_typeof(NULL::%s)`,
	`SELECT count(*) FROM sales.customer_orders WHERE region::%s IS NULL`, `SELECT 1 UNION SELECT id FROM %s`, `VALUES ((SELECT 1 FROM %s))`, `SELECT pg_sleep(0) FROM %s`,
	`SELECT lastname FROM sales.customer_orders WHERE (SELECT quiet FROM %s) = 'a' AND order_total = 'x'`, `SELECT 'a'::nosuchtype FROM %s`, `SELECT * FROM pg_class, %s`,
}

// Spellings are ways to write a name: as it is, qualified, quoted, in other letters.
func Spellings(name string) []string {
	quoted := `"` + name + `"`
	return []string{
		name, "public." + name, `"public".` + quoted, strings.ToUpper(name), quoted, "sales." + name, "hr_secret." + name,
		"tools_open." + name, "main." + name, "nosuch." + name,
		`U&"` + name + `"`, `public . /* . */ ` + name, "pg_catalog." + name, `U&"\0070ublic".` + name, name + ".quiet",
		"public." + name + ".quiet", `public."` + strings.ToUpper(name) + `"`,
	}
}

// ShadowedStatements mean something in a world in which nothing hidden has the names in them, and must mean it in the
// other.
var ShadowedStatements = []string{
	`SELECT region FROM customer_orders WHERE region IN (SELECT region FROM region)`,
	`SELECT region, region FROM sales.customer_orders WHERE EXISTS (SELECT 1 FROM region) AND nosuch = 1`,
	`SELECT lastname FROM customer_orders ORDER BY order_total`, `SELECT c.region FROM customer_orders c JOIN regions r ON r.region = c.region ORDER BY 1`, `SELECT country FROM regions ORDER BY 1`,
	`SELECT region FROM customer_orders WHERE region = 'US-EAST'`, `SELECT count(*) FROM customer_orders, sales.customer_orders o`,
	`SELECT round(1.5::float8, 2)`, `SELECT round(order_total, 1) FROM customer_orders ORDER BY 1`, `SELECT round(order_total::float8, 1) FROM customer_orders`, `SELECT region(o) FROM customer_orders o`, `SELECT customer_orders(1)`,
	`WITH kept AS (SELECT 1 AS id) SELECT id FROM kept`, `SELECT kept.region FROM customer_orders AS kept ORDER BY 1`, `SELECT region AS mood FROM customer_orders ORDER BY mood`, `SELECT 1 === 2`, `SELECT 1 === 2, nosuch`,
	`SELECT row_to_json(o)::text FROM customer_orders o ORDER BY 1`, `SELECT (o).region FROM customer_orders o ORDER BY 1`, `SELECT NULL::customer_orders`, `SELECT NULL::sales.customer_orders`, `SELECT nosuch, region FROM customer_orders`,
	`SELECT lastnome FROM customer_orders`, `SELECT lastname = order_total FROM customer_orders`, `SELECT quiet FROM customer_orders`, `SELECT region.region FROM (SELECT 1 AS region) region`, `SELECT region FROM (SELECT 'US-EAST' AS region) a NATURAL JOIN customer_orders`,
}

// Unwritten are statements that PostgreSQL understands by what is hidden although they do not write its name, or not
// where names are looked up.
var Unwritten = []string{
	`SELECT o.sought FROM customer_orders o`, `SELECT (o).sought FROM sales.customer_orders o`,
	`SELECT (r).sought FROM (SELECT 1 AS a) r`,
	`SELECT 1 LIKE 2`, `SELECT 1 NOT LIKE 2`, `SELECT '1'::json IN ('1')`, `SELECT CASE '1'::json WHEN '1' THEN 1 END`,
	`SELECT NULLIF('1'::json, '1')`,
	`SELECT '1'::json IS DISTINCT FROM '1'`, `SELECT 1 FROM (SELECT '1'::json AS j) a JOIN (SELECT '1'::json AS j) b USING (j)`,
	`SELECT 1 FROM (SELECT '1'::json AS j) a NATURAL JOIN (SELECT '1'::json AS j) b`, `SELECT 1 = 2, '1'::json = '1'::json`,
	`SELECT length(region::varchar) FROM customer_orders ORDER BY 1`, `SELECT length('a'), length('x'::varchar)`,
	`SELECT count(*) FROM customer_orders WHERE region = 'US-EAST'::varchar`,
	`SELECT '{kept}'::regclass[]`, `SELECT ('{public.kept}'::regclass[])[1]`, `SELECT _regclass '{kept}'`,
	`SELECT '{mood}'::regtype[], nosuch`,
	`SELECT 'kept'::regclass = ANY ('{kept}')`, `SELECT ARRAY['kept'::regclass]`,
}

// Populated are statements that read a value of a type that shows names into a row made from another one, from a number
// or a name.
var Populated = []string{
	`SELECT json_populate_record(q, json_build_object('t', n))::text FROM (SELECT pg_typeof(1) AS t) q, generate_series(16384, 20000) n`,
	`SELECT json_populate_record(q, '{"t": "public.kept"}') FROM (SELECT pg_typeof(1) AS t) q`,
	`SELECT jsonb_populate_record(ROW(pg_typeof(1)), '{"f1": "public.kept"}')`, `SELECT jsonb_populate_recordset(q, '[{"t": "kept"}]') FROM (SELECT pg_typeof(1) AS t) q`,
	`WITH q AS (SELECT pg_typeof(1) AS t) SELECT json_populate_record(q, '{"t": "public.kept"}') FROM q`,
	`SELECT json_populate_record(x.q, '{"t": "public.kept"}') FROM (SELECT q FROM (SELECT pg_typeof(1) AS t) q) x`,
	`SELECT json_populate_record((SELECT q FROM (SELECT pg_typeof(1) AS t) q), '{"t": "public.kept"}')`,
	`SELECT json_populate_record((array_agg(q))[1], '{"t": "public.kept"}') FROM (SELECT pg_typeof(1) AS t) q`,
	`SELECT json_populate_record(q, '{"t": "hush"}') FROM (SELECT 'english'::regconfig AS t) q`,
	`SELECT json_populate_record(ROW('english'::regconfig), '{"f1": "hush"}')`,
	`SELECT json_populate_record(q, '{"t": "hush"}') FROM (VALUES ('english'::regconfig)) q (t)`,
	`SELECT json_populate_record(q, '{"t": "hush"}') FROM (SELECT 'simple'::regdictionary AS t) q`,
}
