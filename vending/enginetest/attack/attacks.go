// Package attack holds statements of callers who want more than their lease gives. The suite runs them against each
// engine; others run them against the whole server.
package attack

import (
	"fmt"
	"slices"
	"strings"
)

// Attack is one statement of somebody who wants more than the lease: it opens sales.customer_orders with lastname
// masked.
type Attack struct{ Family, Name, SQL string }

// All are those that can be written for every engine. Many are nonsense to one of them; then they must be refused
// as such.
func All() []Attack {
	return slices.Concat(
		stacking(),
		writing(),
		sessions(),
		unmasking(),
		guessing(),
		hiddenTables(),
		catalogs(),
		quoting(),
		bombs(),
	)
}

// OnMasks are those about masked values, which must fail whatever the mask is.
func OnMasks() []Attack { return slices.Concat(unmasking(), guessing()) }

func family(name string, pairs ...string) []Attack {
	var all []Attack
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, Attack{name, pairs[i], pairs[i+1]})
	}
	return all
}

func stacking() []Attack {
	return family("stacking",
		"commit and read", `COMMIT; SELECT lastname FROM sales.customer_orders`,
		"commit behind a comment", "/* x */ COMMIT; DROP TABLE sales.customer_orders",
		"commit behind a line comment", "-- x\nCOMMIT; DELETE FROM sales.customer_orders",
		"commit behind a semicolon", `; COMMIT; DELETE FROM sales.customer_orders`,
		"a read first", `SELECT 1; DROP TABLE sales.customer_orders`,
		"a read first, then commit", `SELECT 1; COMMIT; UPDATE sales.customer_orders SET lastname = 'x'; SELECT 2`,
		"rollback and begin again", `SELECT 1; ROLLBACK; BEGIN; DELETE FROM sales.customer_orders; COMMIT`,
		"two semicolons", `SELECT 1;;SELECT lastname FROM sales.secret_salaries`,
		"a string that looks closed", `SELECT ''';'; DROP TABLE sales.customer_orders; --'`,
		"a comment that looks closed", "SELECT 1 /* /* */ ; DROP TABLE sales.customer_orders; -- */",
		"commit alone", `COMMIT`, "end alone", `END`, "abort alone", `ABORT`, "commit and chain", `COMMIT AND CHAIN`,
		"savepoint", `SAVEPOINT a`, "release", `RELEASE a`, "two-phase commit", `PREPARE TRANSACTION 'x'`,
	)
}

func writing() []Attack {
	return family("writing",
		"insert", `INSERT INTO sales.customer_orders VALUES ('x', 'x', 1, 1)`,
		"insert and return", `INSERT INTO sales.customer_orders SELECT * FROM sales.customer_orders RETURNING lastname`,
		"upsert", `INSERT INTO sales.customer_orders VALUES ('x', 'x', 1, 1) ON CONFLICT DO NOTHING RETURNING lastname`,
		"update and return", `UPDATE sales.customer_orders SET region = lastname RETURNING lastname, region`,
		"delete and return", `DELETE FROM sales.customer_orders RETURNING lastname`,
		"delete in WITH", `WITH d AS (DELETE FROM sales.customer_orders RETURNING lastname) SELECT lastname FROM d`,
		"delete behind WITH", `WITH d AS (SELECT 1) DELETE FROM sales.customer_orders RETURNING lastname`,
		"select into", `SELECT * INTO sales.stolen FROM sales.customer_orders`,
		"create table as", `CREATE TABLE sales.stolen AS SELECT lastname FROM sales.customer_orders`,
		"create temporary table as", `CREATE TEMP TABLE stolen AS SELECT lastname FROM sales.customer_orders`,
		"create view", `CREATE VIEW stolen AS SELECT lastname FROM sales.customer_orders`,
		"replace the vended view", `CREATE TEMP VIEW customer_orders AS SELECT lastname FROM sales.customer_orders`,
		"drop the vended view", `DROP VIEW customer_orders`,
		"trigger", `CREATE TEMP TRIGGER t INSTEAD OF INSERT ON customer_orders BEGIN SELECT 1; END`,
		"alter", `ALTER TABLE sales.customer_orders RENAME COLUMN lastname TO region2`,
		"truncate", `TRUNCATE sales.customer_orders`,
		"lock rows", `SELECT lastname FROM sales.customer_orders FOR UPDATE`,
		"write a file", `VACUUM INTO '/tmp/deputy-attack.db'`,
		"copy out", `COPY sales.customer_orders TO STDOUT`,
		"copy a query out", `COPY (SELECT lastname FROM sales.customer_orders) TO STDOUT`,
		"copy to a program", `COPY sales.customer_orders TO PROGRAM 'cat > /tmp/deputy-attack'`,
		"a block of code", `DO $$ BEGIN DELETE FROM sales.customer_orders; END $$`,
		"call", `CALL sales.anything()`,
		"analyze", `ANALYZE`, "reindex", `REINDEX`,
	)
}

func sessions() []Attack {
	return family("session",
		"set role", `SET ROLE postgres`, "reset role", `RESET ROLE`, "reset all", `RESET ALL`, "discard all", `DISCARD ALL`,
		"session authorization", `SET SESSION AUTHORIZATION DEFAULT`,
		"read write", `SET TRANSACTION READ WRITE`, "search path", `SET search_path = sales`,
		"schema can be written", `PRAGMA writable_schema = on`, "writes are on", `PRAGMA query_only = off`,
		"attach", `ATTACH '/etc/passwd' AS p`, "attach as the schema", `ATTACH ':memory:' AS sales`, "detach", `DETACH sales`,
		"prepare", `PREPARE p AS SELECT lastname FROM sales.customer_orders`, "execute", `EXECUTE p`,
		"cursor", `DECLARE c CURSOR WITH HOLD FOR SELECT lastname FROM sales.customer_orders`,
		"listen", `LISTEN x`, "notify", `NOTIFY x, 'y'`, "load", `LOAD 'x'`,
		"explain", `EXPLAIN SELECT lastname FROM sales.customer_orders`,
		"explain analyze", `EXPLAIN ANALYZE SELECT lastname FROM sales.customer_orders WHERE lastname LIKE 'A%'`,
		"explain the plan", `EXPLAIN QUERY PLAN SELECT lastname FROM sales.customer_orders`,
		"load an extension", `SELECT load_extension('/tmp/x')`,
	)
}

func unmasking() []Attack {
	return family(
		"unmasking",
		"as it is",
		`SELECT lastname FROM sales.customer_orders`,
		"everything",
		`SELECT * FROM sales.customer_orders`,
		"everything of an alias",
		`SELECT o.*, o.lastname FROM sales.customer_orders o`,
		"another name",
		`SELECT lastname AS region FROM sales.customer_orders`,
		"concatenation",
		`SELECT '' || lastname || '' FROM sales.customer_orders`,
		"a function",
		`SELECT upper(lower(lastname)) FROM sales.customer_orders`,
		"another type and back",
		`SELECT CAST(CAST(lastname AS varchar(20)) AS text) FROM sales.customer_orders`,
		"a piece",
		`SELECT substr(lastname, 2, 5) FROM sales.customer_orders`,
		"a replacement",
		`SELECT replace(lastname, 'REDACTED', region) FROM sales.customer_orders`,
		"unless it is the mask",
		`SELECT nullif(lastname, 'REDACTED') FROM sales.customer_orders`,
		"hexadecimal digits",
		`SELECT hex(lastname) FROM sales.customer_orders`,
		"CASE",
		`SELECT CASE WHEN 1 = 1 THEN lastname END FROM sales.customer_orders`,
		"a scalar subquery",
		`SELECT (SELECT o.lastname) FROM sales.customer_orders o`,
		"a common table expression",
		`WITH c AS (SELECT lastname AS l FROM sales.customer_orders) SELECT l FROM c`,
		"a common table expression of the view's name",
		`WITH customer_orders AS (SELECT lastname FROM sales.customer_orders) SELECT lastname FROM customer_orders`,
		"a common table expression of the view's name over main",
		`WITH customer_orders AS (SELECT lastname FROM main.customer_orders) SELECT lastname FROM customer_orders`,
		"a common table expression of the view's name over temp",
		`WITH customer_orders AS (SELECT lastname FROM temp.customer_orders) SELECT lastname FROM customer_orders`,
		"a common table expression of the view's name over a hidden table",
		`WITH customer_orders AS (SELECT name AS lastname FROM secret_salaries) SELECT lastname FROM customer_orders`,
		"nested common table expressions",
		`WITH a AS (WITH customer_orders AS (SELECT lastname FROM sales.customer_orders) SELECT * FROM customer_orders) SELECT * FROM a`,
		"a recursive common table expression",
		`WITH RECURSIVE customer_orders(lastname) AS (SELECT name FROM secret_salaries UNION SELECT lastname FROM customer_orders) SELECT * FROM customer_orders`,
		"materialised",
		`WITH c AS MATERIALIZED (SELECT lastname FROM sales.customer_orders) SELECT * FROM c`,
		"a union",
		`SELECT region FROM sales.customer_orders UNION ALL SELECT lastname FROM sales.customer_orders`,
		"aggregation of text",
		`SELECT string_agg(lastname, ',') FROM sales.customer_orders`,
		"the extremes",
		`SELECT min(lastname), max(lastname) FROM sales.customer_orders`,
		"a window",
		`SELECT lag(lastname) OVER (ORDER BY region), first_value(lastname) OVER (ORDER BY order_total) FROM sales.customer_orders`,
		"the whole row",
		`SELECT customer_orders FROM sales.customer_orders`,
		"the whole row as text",
		`SELECT CAST(o AS text) FROM sales.customer_orders o`,
		"the whole row as JSON",
		`SELECT row_to_json(o) FROM sales.customer_orders o`,
		"JSON of the column",
		`SELECT json_object('l', lastname) FROM sales.customer_orders`,
		"JSON of all rows",
		`SELECT json_group_array(lastname) FROM sales.customer_orders`,
		"lateral",
		`SELECT l.x FROM sales.customer_orders o, LATERAL (SELECT o.lastname AS x) l`,
		"the table in another schema",
		`SELECT lastname FROM public.customer_orders`,
		"the table in main",
		`SELECT lastname FROM main.customer_orders`,
		"row numbers of storage",
		`SELECT rowid, ctid, lastname FROM sales.customer_orders`,
		"sorted by what is under the mask",
		`SELECT lastname FROM sales.customer_orders ORDER BY sales.customer_orders.lastname`,
		"a natural join with itself",
		`SELECT lastname FROM sales.customer_orders NATURAL JOIN sales.customer_orders AS o`,
		"using",
		`SELECT lastname FROM sales.customer_orders o JOIN sales.customer_orders p USING (lastname)`,
	)
}

// guessing attacks ask one question about one name, and make a row say so if the answer is yes.
func guessing() []Attack {
	const yes, name = `'LEAK' || 'ED'`, `'Aber' || 'nathy'`
	from := ` FROM sales.customer_orders `
	return family(
		"guessing",
		"equality",
		`SELECT `+yes+from+`WHERE lastname = `+name,
		"in a list",
		`SELECT `+yes+from+`WHERE lastname IN (`+name+`, 'Okon' || 'kwo')`,
		"not the mask",
		`SELECT `+yes+from+`WHERE lastname <> 'REDACTED'`,
		"a prefix",
		`SELECT `+yes+from+`WHERE lastname LIKE 'Abe%'`,
		"a range",
		`SELECT `+yes+from+`WHERE lastname BETWEEN 'A' AND 'Q'`,
		"length",
		`SELECT `+yes+from+`WHERE length(lastname) <> 8`,
		"CASE",
		`SELECT CASE WHEN lastname = `+name+` THEN `+yes+` ELSE 'no' END`+from,
		"HAVING",
		`SELECT `+yes+from+`GROUP BY region HAVING max(lastname) > 'S'`,
		"groups",
		`SELECT `+yes+` FROM (SELECT lastname`+from+`GROUP BY lastname) AS g HAVING count(*) > 1`,
		"distinct",
		`SELECT CASE WHEN count(DISTINCT lastname) > 1 THEN `+yes+` ELSE 'no' END`+from,
		"order",
		`SELECT CASE WHEN order_total = 225 THEN `+yes+` ELSE 'no' END FROM (SELECT order_total`+from+
			`ORDER BY CASE WHEN lastname = `+name+` THEN 0 ELSE 1 END, order_total LIMIT 1) AS o`,
		"rank",
		`SELECT `+yes+` FROM (SELECT rank() OVER (ORDER BY lastname) AS r`+from+`) AS w WHERE r > 1`,
		"a join with guesses",
		`SELECT `+yes+from+`o JOIN (SELECT `+name+` AS g) AS guesses ON guesses.g = o.lastname`,
		"EXISTS",
		`SELECT `+yes+` WHERE EXISTS (SELECT 1`+from+`WHERE lastname = `+name+`)`,
		"intersection",
		`SELECT `+yes+` FROM (SELECT `+name+` AS n INTERSECT SELECT lastname`+from+`) AS i`,
		"a filter on an aggregate",
		`SELECT CASE WHEN count(*) FILTER (WHERE lastname = `+name+`) > 0 THEN `+yes+` ELSE 'no' END`+from,
		"an error that repeats the value",
		`SELECT CAST(lastname AS integer)`+from,
		"an error that repeats the value as a date",
		`SELECT date(lastname), CAST(lastname AS date)`+from,
		"an error that repeats the value as JSON",
		`SELECT json_extract('{}', lastname)`+from,
		"an error that repeats the value as a format",
		`SELECT printf(lastname, 1), strftime(lastname, 'now')`+from,
		"an error that repeats the value as a number",
		`SELECT CAST(lastname AS numeric) + 0, abs(lastname)`+from,
		"an error for one row",
		`SELECT 1 / (CASE WHEN lastname = `+name+` THEN 0 ELSE 1 END)`+from,
		"a limit for one row",
		`SELECT region`+from+`LIMIT (SELECT count(*)`+from+`WHERE lastname = `+name+`)`,
	)
}

func hiddenTables() []Attack {
	return family(
		"hidden table",
		"as it is",
		`SELECT * FROM sales.secret_salaries`,
		"without the schema",
		`SELECT name, salary FROM secret_salaries`,
		"its rows",
		`SELECT CASE WHEN count(*) > 0 THEN 'LEAK' || 'ED' END FROM sales.secret_salaries`,
		"its rows, without the schema",
		`SELECT CASE WHEN count(*) > 0 THEN 'LEAK' || 'ED' END FROM secret_salaries`,
		"its rows, in another case",
		`SELECT 'LEAK' || 'ED' FROM SECRET_Salaries`,
		"its rows, quoted",
		`SELECT 'LEAK' || 'ED' FROM "secret_salaries"`,
		"its rows, as a string",
		`SELECT 'LEAK' || 'ED' FROM 'secret_salaries'`,
		"its rows, in backticks",
		"SELECT 'LEAK' || 'ED' FROM `secret_salaries`",
		"its rows, in brackets",
		`SELECT 'LEAK' || 'ED' FROM [secret_salaries]`,
		"its rows, joined",
		`SELECT 'LEAK' || 'ED' FROM sales.customer_orders, secret_salaries`,
		"its rows, in a common table expression",
		`WITH c AS (SELECT 1 FROM secret_salaries) SELECT 'LEAK' || 'ED' FROM c`,
		"its rows, outer joined",
		`SELECT 'LEAK' || 'ED' FROM (SELECT 1 AS one) AS o JOIN secret_salaries ON 1 = 1`,
		"EXISTS",
		`SELECT 'LEAK' || 'ED' FROM sales.customer_orders WHERE EXISTS (SELECT 1 FROM secret_salaries)`,
		"a scalar subquery",
		`SELECT (SELECT max(salary) FROM sales.secret_salaries) FROM sales.customer_orders`,
		"a union",
		`SELECT region FROM sales.customer_orders UNION SELECT name FROM sales.secret_salaries`,
		"a natural join",
		`SELECT * FROM sales.customer_orders NATURAL JOIN secret_salaries`,
		"IN the table",
		`SELECT 'LEAK' || 'ED' FROM sales.customer_orders WHERE 5 NOT IN secret_salaries`,
		"in ORDER BY",
		`SELECT region FROM sales.customer_orders ORDER BY (SELECT salary FROM secret_salaries LIMIT 1)`,
		"in LIMIT",
		`SELECT region FROM sales.customer_orders LIMIT (SELECT salary FROM secret_salaries LIMIT 1)`,
		"in a window",
		`SELECT sum(order_total) OVER (ORDER BY (SELECT salary FROM secret_salaries LIMIT 1)) FROM sales.customer_orders`,
		"TABLE",
		`TABLE sales.secret_salaries`,
		"in main",
		`SELECT name FROM main.secret_salaries`,
		"in temp",
		`SELECT name FROM temp.secret_salaries`,
		"spaces around the dot",
		"SELECT name FROM sales\n.\tsecret_salaries",
		"a comment around the dot",
		`SELECT name FROM sales/**/./**/secret_salaries`,
		"a common table expression of the schema's name",
		`WITH sales AS (SELECT 1) SELECT name FROM sales.secret_salaries`,
		"its index",
		`SELECT name FROM secret_salaries INDEXED BY x`,
	)
}

func catalogs() []Attack {
	return family(
		"catalog",
		"tables of SQLite",
		`SELECT sql FROM sqlite_schema`,
		"its old name",
		`SELECT sql FROM sqlite_master`,
		"temporary tables of SQLite",
		`SELECT name, sql FROM sqlite_temp_schema`,
		"temporary tables, qualified",
		`SELECT sql FROM temp.sqlite_master`,
		"tables of the schema",
		`SELECT sql FROM sales.sqlite_schema`,
		"only counted",
		`SELECT 'LEAK' || 'ED' FROM sqlite_schema`,
		"statistics of SQLite",
		`SELECT * FROM sqlite_stat1`,
		"pragmas",
		`SELECT * FROM pragma_table_list`,
		"pragmas, counted",
		`SELECT 'LEAK' || 'ED' FROM pragma_table_list`,
		"files",
		`SELECT file FROM pragma_database_list`,
		"functions",
		`SELECT * FROM pragma_function_list`,
		"columns",
		`SELECT * FROM pragma_table_info('secret_salaries')`,
		"information schema",
		`SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'sales'`,
		"tables of PostgreSQL",
		`SELECT relname FROM pg_catalog.pg_class`,
		"views of PostgreSQL",
		`SELECT definition FROM pg_views`,
		"statistics of PostgreSQL",
		`SELECT most_common_vals FROM pg_stats`,
		"roles of PostgreSQL",
		`SELECT rolname, rolpassword FROM pg_authid`,
		"statements of others",
		`SELECT query FROM pg_stat_activity`,
	)
}

func quoting() []Attack {
	return family(
		"quoting",
		"a NUL",
		"SELECT lastname FROM sales.customer_orders\x00; DROP TABLE sales.customer_orders",
		"invalid UTF-8",
		"SELECT '\xff\xfe' FROM sales.customer_orders",
		"an overlong quote",
		"SELECT '\xc0\xa7; DROP TABLE sales.customer_orders; --",
		"a byte order mark",
		"\ufeffSELECT name FROM secret_salaries",
		"a no-break space",
		"SELECT\u00a0name FROM\u00a0secret_salaries",
		"full-width letters",
		`SELECT name FROM ｓecret_salaries`,
		"a Unicode escape",
		`SELECT name FROM U&"\0073ecret_salaries"`,
		"a Kelvin sign",
		"SELECT name FROM sec\u212Aret_salaries",
		"an escape string",
		`SELECT E'\'' || name FROM secret_salaries --'`,
		"a dollar quote",
		`SELECT $a$ $b$ $a$, name FROM secret_salaries --$b$`,
		"an open string",
		`SELECT 'lastname FROM sales.customer_orders`,
		"an open comment",
		`SELECT name FROM secret_salaries /* lastname`,
		"a nested comment",
		`SELECT /* /* */ name FROM secret_salaries -- */ 1`,
		"an identifier with a quote",
		`SELECT name FROM "sales"."secret_""salaries"`,
		"the schema's word for another",
		`SELECT sales.name FROM secret_salaries AS sales`,
		"a table's name as an alias of the schema's",
		`SELECT sales.customer_orders FROM (SELECT name AS customer_orders FROM secret_salaries) AS sales`,
		"line breaks of old",
		"SELECT 1 -- x\r; DROP TABLE sales.customer_orders",
	)
}

func bombs() []Attack {
	nest := func(open, inner, closing string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(closing, n)
	}
	doubling := `WITH a0 AS (SELECT 1 AS x)`
	for i := range 40 {
		doubling += fmt.Sprintf(`, a%d AS (SELECT x FROM a%d UNION ALL SELECT x FROM a%d)`, i+1, i, i)
	}
	long := `SELECT region FROM sales.customer_orders WHERE lastname IN ('x'` + strings.Repeat(`, 'x'`, 12_000) + `)`
	return family(
		"bomb",
		"without end",
		Endless,
		"without end, kept in memory",
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n) SELECT i FROM n ORDER BY i DESC`,
		"parentheses",
		`SELECT `+nest("(", "1", ")", 30_000),
		"subqueries",
		`SELECT `+nest("(SELECT ", "1", ")", 5_000),
		"subqueries in FROM",
		`SELECT * FROM `+nest("(SELECT * FROM ", "sales.customer_orders", ") AS q", 2_000),
		"negations",
		`SELECT `+strings.Repeat("NOT ", 15_000)+`1 = 1`,
		"conditions",
		`SELECT 1 WHERE 1 = 1`+strings.Repeat(` OR 1 = 1`, 6_000),
		"CASE",
		`SELECT `+nest("CASE WHEN 1 = 1 THEN ", "1", " END", 2_000),
		"a union of many",
		`SELECT 1`+strings.Repeat(` UNION SELECT 1`, 4_000),
		"doubling",
		doubling+` SELECT count(*) FROM a40`,
		"crossed joins",
		`SELECT count(*) FROM sales.customer_orders`+strings.Repeat(
			`, customer_orders`,
			1,
		)+strings.Repeat(
			` CROSS JOIN (SELECT 1 FROM sales.customer_orders) AS q`,
			1,
		)+strings.Repeat(
			` CROSS JOIN sales.customer_orders AS z`,
			40,
		),
		"a statement just short enough",
		long[:min(len(long), 65_000)]+` -- `,
		"a long list",
		long,
		"a statement too long",
		`SELECT '`+strings.Repeat("x", 10<<20)+`'`,
		"a huge value",
		`SELECT replace(replace(replace(replace('aaaaaaaaaa', 'a', 'bbbbbbbbbbbbbbbbbbbb'), 'b', 'cccccccccccccccccccc'), 'c', 'dddddddddddddddddddd'), 'd', 'eeeeeeeeeeeeeeeeeeee')`,
		"a huge formatted value",
		`SELECT printf('%.*c', 900000000, 'x')`,
		"a huge blob",
		`SELECT length(randomblob(900000000)), length(zeroblob(900000000))`,
	)
}

// Endless is a statement that does not come back by itself.
const Endless = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 - 1 FROM n) SELECT count(*) FROM n`
