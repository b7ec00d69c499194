package enginetest

import (
	"fmt"
	"slices"
	"strings"
)

// PostgresAttacks are those that only PostgreSQL understands. They are here, and not beside the engine, because the whole server is
// attacked with them too.
func PostgresAttacks() []Attack {
	return slices.Concat(
		numbered("falling back to another role",
			`RESET ROLE`, `SET ROLE NONE`, `SET ROLE deputy_owner`, `SET ROLE dba`, `SET LOCAL ROLE postgres`, `SET SESSION AUTHORIZATION DEFAULT`,
			`SET SESSION AUTHORIZATION postgres`, `RESET SESSION AUTHORIZATION`, `RESET ALL`, `DISCARD ALL`, `DISCARD PLANS`,
			`SELECT set_config('role', 'none', false), (SELECT lastname FROM sales.customer_orders LIMIT 1)`,
			`SELECT set_config('role', 'deputy_owner', true)`, `SELECT set_config('session_authorization', 'postgres', false)`,
			`WITH x AS MATERIALIZED (SELECT set_config('role', 'none', true)) SELECT lastname FROM x, sales.customer_orders`,
			`WITH x AS MATERIALIZED (SELECT set_config('role', 'deputy_runner', true)) SELECT name FROM x, sales.secret_salaries`,
		),
		numbered("becoming writable",
			`SET TRANSACTION READ WRITE`, `SET transaction_read_only = off`, `SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE`,
			`SELECT set_config('transaction_read_only', 'off', true)`, `SELECT set_config('default_transaction_read_only', 'off', false)`,
			`BEGIN READ WRITE`, `START TRANSACTION READ WRITE`, `ROLLBACK`, `ROLLBACK AND CHAIN`, `COMMIT AND NO CHAIN`, `ABORT AND CHAIN`,
		),
		numbered("vending for oneself",
			`SELECT deputy.vend('{"id":"intruder001","expires":99999999999,"views":[]}', '\x00')`, `SELECT deputy.vend(NULL, NULL)`,
			`SELECT * FROM deputy.keys`, `SELECT * FROM deputy.leases`, `DELETE FROM deputy.leases`, `SELECT deputy.never_commit()`,
			`SET CONSTRAINTS ALL IMMEDIATE`, `SET CONSTRAINTS deputy.never_commit DEFERRED`, `ALTER TABLE deputy.leases DISABLE TRIGGER ALL`,
			`SET session_replication_role = replica`, `PREPARE TRANSACTION 'kept'`, `CREATE ROLE intruder SUPERUSER`, `ALTER ROLE deputy_runner SUPERUSER`,
			`GRANT deputy_owner TO deputy_runner`, `DROP OWNED BY deputy_owner`, `REASSIGN OWNED BY deputy_owner TO deputy_runner`,
		),
		numbered("writing in a read",
			`WITH x AS (INSERT INTO sales.regions VALUES ('x', 'x') RETURNING *) SELECT * FROM x`, `WITH x AS (UPDATE sales.customer_orders SET region = lastname RETURNING region) TABLE x`,
			`MERGE INTO sales.regions r USING sales.regions s ON true WHEN MATCHED THEN DELETE`, `SELECT * FROM sales.customer_orders FOR SHARE SKIP LOCKED`,
			`SELECT lastname INTO TEMP stolen FROM sales.customer_orders`, `CREATE TEMP TABLE stolen (x text)`, `CREATE MATERIALIZED VIEW stolen AS SELECT 1`,
			`EXPLAIN ANALYZE DELETE FROM sales.regions`, `EXPLAIN (VERBOSE) SELECT lastname FROM sales.customer_orders`, `EXPLAIN ANALYZE SELECT * FROM sales.secret_salaries`,
			`SELECT nextval('sales.x')`, `SELECT setval('sales.x', 1)`, `SELECT pg_import_system_collations('sales')`, `SELECT pg_notify('a', 'b')`, `NOTIFY a, 'b'`,
			`VACUUM`, `ANALYZE sales.customer_orders`, `CLUSTER`, `REINDEX DATABASE postgres`, `CHECKPOINT`, `LOCK TABLE sales.customer_orders IN ACCESS EXCLUSIVE MODE`,
		),
		numbered("commands that are no reads",
			`DO $$ BEGIN PERFORM 1; END $$`, `DO $$ BEGIN RAISE EXCEPTION '%', (SELECT string_agg(lastname, ',') FROM sales.customer_orders); END $$`, `CALL sales.x()`,
			`PREPARE p AS SELECT lastname FROM sales.customer_orders`, `EXECUTE p`, `DEALLOCATE ALL`, `LISTEN x`, `UNLISTEN *`, `LOAD 'dblink'`, `SHOW ALL`, `SET search_path = sales`,
			`SELECT set_config('search_path', 'sales', false)`, `IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z`, `CREATE EXTENSION dblink`, `COMMENT ON TABLE sales.regions IS 'x'`,
			`SECURITY LABEL ON TABLE sales.regions IS 'x'`, `CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'`, `CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION x()`,
			`REFRESH MATERIALIZED VIEW x`, `ALTER SYSTEM SET log_statement = 'all'`, `SET LOCAL statement_timeout = 0`, `SET client_min_messages = debug5`,
		),
		numbered("cursors", `DECLARE c CURSOR FOR SELECT lastname FROM sales.customer_orders`, `DECLARE c CURSOR WITH HOLD FOR SELECT 1`, `FETCH ALL FROM c`, `MOVE c`, `CLOSE ALL`,
			`SELECT cursor_to_xml('c', 1, true, true, '')`),
		numbered("copy", `COPY sales.customer_orders TO STDOUT`, `COPY (SELECT * FROM sales.secret_salaries) TO STDOUT`, `COPY sales.regions FROM STDIN`,
			`COPY (SELECT 1) TO PROGRAM 'touch /tmp/deputy-attack'`, `COPY (SELECT 1) TO '/tmp/deputy-attack'`, `COPY sales.regions FROM '/etc/passwd'`),
		numbered("files and programs", `SELECT pg_read_file('/etc/passwd')`, `SELECT * FROM pg_read_file('PG_VERSION')`, `SELECT pg_ls_dir('.')`, `SELECT * FROM pg_ls_logdir()`,
			`SELECT (pg_stat_file('PG_VERSION')).size`, `SELECT pg_read_binary_file('PG_VERSION')`, `SELECT * FROM pg_ls_tmpdir()`, `SELECT pg_current_logfile()`, `SELECT pg_reload_conf()`, `SELECT pg_rotate_logfile()`),
		numbered("large objects", `SELECT lo_import('/etc/passwd')`, `SELECT lo_create(1)`, `SELECT lo_export(1, '/tmp/x')`, `SELECT lo_get(1)`, `SELECT lo_from_bytea(0, 'x')`, `SELECT loread(lo_open(1, 262144), 10)`),
		numbered("SQL inside text",
			`SELECT query_to_xml('SELECT * FROM sales.secret_salaries', true, true, '')`, `SELECT query_to_xml('SELECT lastname FROM sales.customer_orders', true, true, '')`,
			`SELECT table_to_xml('sales.secret_salaries', true, true, '')`, `SELECT schema_to_xml('sales', true, true, '')`, `SELECT database_to_xml(true, true, '')`,
			`SELECT query_to_xmlschema('SELECT * FROM sales.secret_salaries', true, true, '')`, `SELECT * FROM ts_stat('SELECT to_tsvector(name) FROM sales.secret_salaries')`,
			`SELECT * FROM xmltable('/x' PASSING query_to_xml('SELECT name FROM sales.secret_salaries', true, true, '') COLUMNS y text)`,
			`SELECT * FROM dblink('dbname=postgres', 'SELECT 1') AS x(y int)`, `SELECT dblink_connect('x')`,
			`SELECT ts_rewrite('a'::tsquery, 'SELECT name::tsquery, name::tsquery FROM sales.secret_salaries')`,
		),
		numbered("locks and signals", `SELECT pg_advisory_lock(1)`, `SELECT pg_try_advisory_lock_shared(2)`, `SELECT pg_advisory_xact_lock(3)`, `SELECT pg_terminate_backend(pg_backend_pid())`,
			`SELECT pg_cancel_backend(pid) FROM pg_stat_activity`, `SELECT pg_sleep(30)`, `SELECT pg_sleep_for('1 minute')`, `SELECT 1 FROM sales.customer_orders WHERE pg_sleep(30) IS NULL`),
		numbered("what the database tells of itself",
			`SELECT * FROM pg_stats WHERE tablename = 'customer_orders'`, `SELECT most_common_vals FROM pg_stats`, `SELECT * FROM pg_statistic`, `SELECT query FROM pg_stat_activity`,
			`SELECT * FROM pg_authid`, `SELECT * FROM pg_shadow`, `SELECT * FROM pg_hba_file_rules`, `SELECT * FROM pg_settings WHERE name ~ 'key'`, `SELECT current_setting('deputy.key', true)`,
			`SELECT * FROM pg_prepared_statements`, `SELECT * FROM pg_cursors`, `SELECT * FROM pg_locks`, `SELECT * FROM pg_user_mappings`, `SELECT * FROM pg_stat_user_tables`,
			`SELECT pg_get_functiondef('sales.all_names()'::regprocedure)`, `SELECT prosrc FROM pg_proc WHERE proname = 'vend'`, `SELECT * FROM pg_stat_get_activity(NULL)`,
			`SELECT pg_relation_size('sales.secret_salaries')`, `SELECT col_description('sales.customer_orders'::regclass, 1)`, `SELECT current_query()`,
		),
		numbered("functions that are careless", `SELECT sales.all_names()`, `SELECT all_names()`, `SELECT * FROM sales.all_names()`, `SELECT 1 FROM sales.customer_orders WHERE sales.peek(lastname)`,
			`SELECT 1 FROM sales.customer_orders ORDER BY sales.peek(lastname)`, `SELECT count(*) FILTER (WHERE sales.peek(lastname)) FROM sales.customer_orders`),
		numbered("wrapping a masked column",
			`SELECT customer_orders FROM sales.customer_orders`, `SELECT c.* FROM sales.customer_orders c`, `SELECT (c).lastname FROM sales.customer_orders c`, `SELECT row(c.*) FROM sales.customer_orders c`,
			`SELECT row_to_json(c) FROM sales.customer_orders c`, `SELECT to_jsonb(c)->>'lastname' FROM sales.customer_orders c`, `SELECT json_agg(c) FROM sales.customer_orders c`, `SELECT array_agg(c) FROM sales.customer_orders c`,
			`SELECT jsonb_populate_record(NULL::sales.customer_orders, to_jsonb(c)) FROM sales.customer_orders c`, `SELECT (NULL::sales.secret_salaries).name`, `SELECT hstore(c) FROM sales.customer_orders c`,
			`SELECT xmlforest(lastname) FROM sales.customer_orders`, `SELECT xmlagg(xmlelement(name n, lastname)) FROM sales.customer_orders`, `SELECT format('%s', c) FROM sales.customer_orders c`, `SELECT c::text FROM sales.customer_orders c`,
			`SELECT string_agg(lastname, ',' ORDER BY lastname) FROM sales.customer_orders`, `SELECT max(lastname) OVER () FROM sales.customer_orders`, `SELECT mode() WITHIN GROUP (ORDER BY lastname) FROM sales.customer_orders`,
			`SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY lastname) FROM sales.customer_orders`, `SELECT x.* FROM sales.customer_orders c, LATERAL (SELECT c.lastname) x`, `SELECT encode(lastname::bytea, 'base64') FROM sales.customer_orders`,
			`SELECT to_tsvector(lastname) FROM sales.customer_orders`, `SELECT lastname COLLATE "C" FROM sales.customer_orders`, `SELECT * FROM sales.customer_orders TABLESAMPLE SYSTEM (100)`, `SELECT * FROM ONLY sales.customer_orders`,
		),
		numbered("errors that echo", `SELECT lastname::numeric FROM sales.customer_orders`, `SELECT lastname::varchar(3)::"char" FROM sales.customer_orders`, `SELECT format(lastname || '%', 1) FROM sales.customer_orders`,
			`SELECT format('%' || lastname, 1) FROM sales.customer_orders`, `SELECT to_char(1, lastname), to_char(now(), lastname) FROM sales.customer_orders`, `SELECT to_date(lastname, 'YYYY') FROM sales.customer_orders`,
			`SELECT to_timestamp('2026', lastname) FROM sales.customer_orders`, `SELECT decode(lastname, 'hex') FROM sales.customer_orders`, `SELECT decode('00', lastname) FROM sales.customer_orders`, `SELECT convert_to('x', lastname) FROM sales.customer_orders`,
			`SELECT now() AT TIME ZONE lastname FROM sales.customer_orders`, `SELECT date_trunc(lastname, now()) FROM sales.customer_orders`, `SELECT extract(epoch FROM lastname::timestamp) FROM sales.customer_orders`, `SELECT normalize('x', NFC) || lastname::uuid FROM sales.customer_orders`,
			`SELECT jsonb_path_query('{}', lastname::jsonpath) FROM sales.customer_orders`, `SELECT to_tsvector(lastname::regconfig, 'x') FROM sales.customer_orders`, `SELECT lastname::tsquery, lastname::inet FROM sales.customer_orders`,
			`SELECT set_byte('x', length(lastname) * 1000, 1) FROM sales.customer_orders`, `SELECT 'x' LIKE lastname || '\' FROM sales.customer_orders`, `SELECT 'x' ~ (lastname || '[') FROM sales.customer_orders`,
			`SELECT lastname::int FROM sales.customer_orders`, `SELECT lastname::date FROM sales.customer_orders`, `SELECT lastname::jsonb FROM sales.customer_orders`, `SELECT lastname::regclass FROM sales.customer_orders`,
			`SELECT ('{' || lastname)::text[] FROM sales.customer_orders`, `SELECT cast(lastname AS interval) FROM sales.customer_orders`, `SELECT lastname::xml FROM sales.customer_orders`, `SELECT to_number(lastname, lastname) FROM sales.customer_orders`,
			`SELECT regexp_replace('x', '(' || lastname, '') FROM sales.customer_orders`, `SELECT 1 / (position('Zimmer' IN lastname) - 1) FROM sales.customer_orders`, `SELECT chr(length(lastname) * 100000000) FROM sales.customer_orders`,
			`SELECT CASE WHEN EXISTS (SELECT FROM sales.customer_orders WHERE lastname ~ '^Zimmer') THEN 'LEAK' || 'ED' END`, `SELECT width_bucket(1, 1, 1, length(lastname)) FROM sales.customer_orders WHERE lastname LIKE 'Zimmer%'`,
		),
		numbered("names and quoting", `SELECT "lastname" FROM "sales"."customer_orders"`, `SELECT lastname FROM U&"sales".U&"secret\005fsalaries"`, `SELECT * FROM U&"\0073ales".customer_orders`, `SELECT U&"l\0061stname" FROM sales.customer_orders`,
			`SELECT * FROM sales . /* x */ customer_orders`, "SELECT * FROM sales\u00a0.customer_orders", `SELECT * FROM ｓales.customer_orders`, `SELECT $$a$$ || $x$b$x$ || E'\'' || 'sales.customer_orders'`, `SELECT * FROM "sales.customer_orders"`,
			`SELECT 1 AS "sales.customer_orders", sales.customer_orders.lastname FROM sales.customer_orders`, `SELECT sales.region FROM sales.customer_orders AS sales`, `SELECT 1 -- */ /* ; DROP TABLE x`, `SELECT /* /* nested */ ; */ lastname FROM sales.customer_orders`,
			`SELECT * FROM postgres.sales.customer_orders`, `SELECT * FROM pg_temp.customer_orders`, `SELECT * FROM public.customer_orders`, `SELECT 1) q; DROP TABLE sales.regions; --`, `SELECT 1) q, (SELECT name FROM sales.secret_salaries`, `SELECT '\'; SELECT 1; --'`,
			"SELECT 1 \\; SELECT 2", `SELECT 1::"char" FROM sales.customer_orders`, `SELECT * FROM sales.customer_orders WHERE lastname = '' OR 1=1 -- '`, `SELECT $1`, `SELECT * FROM $1`,
		),
		numbered("too much", `SELECT `+strings.Repeat("(", 20000)+`1`+strings.Repeat(")", 20000), `SELECT `+strings.Repeat("- ", 30000)+`1`, `SELECT `+strings.Repeat("1+", 30000)+`1`, `SELECT ARRAY[`+strings.Repeat("1,", 30000)+`1]`,
			`SELECT '`+strings.Repeat("x", 65000)+`'`, `SELECT repeat('x', 200000000)`, `SELECT lpad('', 200000000, 'x')`, `WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r`,
			`SELECT count(*) FROM generate_series(1, 1000000000000)`, `SELECT string_agg(g::text, '') FROM generate_series(1, 100000000) g`, `SELECT `+strings.Repeat("(SELECT ", 3000)+`1`+strings.Repeat(")", 3000), `SELECT 'a' ~ '`+strings.Repeat("(a*)*", 50)+`b'`,
			`SELECT array_fill(1, ARRAY[100000000])`, `SELECT 10::numeric ^ 100000`, `SELECT length(factorial(30000)::text)`),
	)
}

// numbered makes attacks that are named after their own text.
func numbered(name string, statements ...string) []Attack {
	var out []Attack
	for i, s := range statements {
		out = append(out, Attack{name, fmt.Sprintf("%02d %.40s", i, s), s})
	}
	return out
}
