package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres"
)

// gated analyses a statement and asks the gate.
func gated(t testing.TB, e *postgres.Engine, sql string) error {
	t.Helper()
	s, err := e.Analyze(t.Context(), sql)
	if err != nil {
		return err
	}
	return vending.Gate(s)
}

const dangerousSeed = `CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION pg_trgm; CREATE EXTENSION pgcrypto; CREATE EXTENSION "uuid-ossp"; CREATE SCHEMA sales;
CREATE TABLE sales.people (id int, name text, email citext); INSERT INTO sales.people VALUES (1, 'Ann', 'Ann@x.y');
CREATE FUNCTION public.mine(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';`

// Members of extensions that run SQL, read tables, change something or belong to an extension that is not known pass by
// no name, and the refusal says how an administrator allows them.
func TestDangerousMembersRefused(t *testing.T) {
	database := newDatabase(t, dangerousSeed)
	for _, extension := range []string{"tablefunc", "xml2", "dblink", "postgres_fdw", "file_fdw", "adminpack", "pageinspect", "lo", "pg_stat_statements", "pg_buffercache", "pgstattuple",
		"pgrowlocks", "pg_visibility", "amcheck", "sslinfo", "dict_int", "tsm_system_rows", "pg_prewarm", "old_snapshot", "pg_freespacemap", "insert_username"} {
		// not every build has all
		exec(
			database,
			`DO $$ BEGIN CREATE EXTENSION `+extension+`; EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $$`,
		)
	}
	e := newEngine(t, database, "sales")
	admin := open(t, "postgres", database)
	var members []struct{ Extension, Schema, Name, Arguments, Volatility, Kind string }
	rows, err := admin.Query(
		`SELECT x.extname, n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), p.provolatile, p.prokind FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND p.prokind = 'f' AND x.extname <> 'plpgsql'
AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype) AND NOT 'internal'::regtype = ANY (p.proargtypes::oid[])`,
	)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var m struct{ Extension, Schema, Name, Arguments, Volatility, Kind string }
		if err := rows.Scan(&m.Extension, &m.Schema, &m.Name, &m.Arguments, &m.Volatility, &m.Kind); err != nil {
			t.Fatal(err)
		}
		members = append(members, m)
	}
	known := map[string]bool{"citext": true, "hstore": true, "pg_trgm": true, "pgcrypto": true, "uuid-ossp": true}
	passed := 0
	for _, m := range members {
		var types string
		if err := admin.QueryRow(`SELECT coalesce(string_agg('NULL::' || format_type(a, NULL), ', '), '') FROM unnest((SELECT proargtypes::oid[] FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = $1 AND p.proname = $2 AND pg_get_function_identity_arguments(p.oid) = $3)) AS a`, m.Schema, m.Name, m.Arguments).Scan(&types); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(types, "any") || strings.Contains(types, "cstring") {
			continue
		}
		err := gated(t, e, fmt.Sprintf(`SELECT q FROM (SELECT %s.%q(%s)) q`, m.Schema, m.Name, types))
		switch harmless := known[m.Extension] && m.Volatility != "v"; {
		case err == nil && !harmless:
			t.Errorf("%s.%s(%s) of %s passes the gate", m.Schema, m.Name, m.Arguments, m.Extension)
		case err == nil:
			passed++
		}
	}
	if passed < 50 {
		t.Errorf("only %d members of harmless extensions pass: this test says little", passed)
	}
	for sql, want := range map[string]string{
		`SELECT * FROM crosstab('select 1, 2, 3') AS c(a int, b int)`:                       "extension tablefunc: an administrator can name that under extensions, or public.crosstab under functions",
		`SELECT gen_random_bytes(4)`:                                                        "an administrator can name public.gen_random_bytes under functions",
		`SELECT set_limit(0.1)`:                                                             "an administrator can name public.set_limit under functions",
		`SELECT * FROM xpath_table('id', 'name', 'sales.people', '/a', 'true') AS t(a int)`: "extension xml2",
		`SELECT mine('x')`:                                                                  "the function mine may not be used",
		`SELECT encode(digest('x', 'sha256'), 'hex'), uuid_generate_v5(uuid_ns_dns(), 'x'), similarity('a', 'b')`: "",
	} {
		err := gated(t, e, sql)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			var missing *vending.Error
			if errors.As(err, &missing) && missing.Code == vending.InvalidSQL && strings.Contains(sql, "xpath_table") {
				continue // this build has no libxml
			}
			t.Errorf("%s: %v, not %q", sql, err, want)
		}
	}
}

// An administrator allows an extension by its name, but for what of it runs SQL; that they allow by the function's own.
func TestExtensionsAreNamed(t *testing.T) {
	database := newDatabase(t, dangerousSeed, `CREATE EXTENSION tablefunc`)
	e := newEngineWith(t, database, func(c *postgres.Config) { c.Extensions = []string{"tablefunc", "tabelfunc"} })
	if err := gated(t, e, `SELECT * FROM crosstab('select 1, 2, 3') AS c(a int, b int)`); err == nil ||
		!strings.Contains(err.Error(), "name public.crosstab under functions") {
		t.Errorf("crosstab is allowed with its extension: %v", err)
	}
	findings, err := e.Check(t.Context())
	if err != nil ||
		!strings.Contains(fmt.Sprint(findings), `the extension tabelfunc is not installed; did you mean "tablefunc"?`) {
		t.Errorf("the check says %v %v", findings, err)
	}
	e = newEngineWith(t, database, func(c *postgres.Config) { c.Functions = []string{"public.crosstab"} })
	if err := gated(t, e, `SELECT * FROM crosstab('select 1, 2, 3') AS c(a int, b int)`); err != nil {
		t.Errorf("crosstab is named, and refused: %v", err)
	}
}

// An operator that is not the extension's own may call the extension's function and mean the opposite.
func TestOperatorOfAnotherRefused(t *testing.T) {
	database := newDatabase(
		t,
		dangerousSeed,
		`CREATE OPERATOR sales.= (LEFTARG = citext, RIGHTARG = citext, FUNCTION = public.citext_ne)`,
	)
	e := newEngine(t, database, "sales")
	if err := gated(t, e, `SELECT id FROM people WHERE email OPERATOR(sales.=) 'x'`); err == nil {
		t.Error("it passes the gate")
	}
	got, err := shown(t, e, `SELECT id FROM people WHERE email = 'ANN@x.y'`, access(t, e, "people"))
	if gate := gated(t, e, `SELECT id FROM people WHERE email = 'ANN@x.y'`); gate == nil && (err != nil || got != "1") {
		t.Errorf("it is what = means: %s %v", got, err)
	}
}

// A schema that extensions are in may have tables: what is refused says as little of them as of none.
func TestSharedSchemaTellsNoTables(t *testing.T) {
	e := newEngine(
		t,
		newDatabase(
			t,
			dangerousSeed+`CREATE TABLE public.kept (id int, quiet text); CREATE VIEW public.seen AS SELECT 1 AS id; GRANT SELECT ON public.seen TO PUBLIC;`,
		),
		"sales",
	)
	said := func(sql string) string {
		gate := gated(t, e, sql)
		err := e.Diagnose(
			t.Context(),
			vending.Lease{ID: "shared00001", SQL: sql, Access: []entitlements.Access{access(t, e, "people")}, Timeout: 5e9},
		)
		if err == nil {
			err = gate
		}
		var refusal *vending.Error
		if errors.As(err, &refusal) {
			return fmt.Sprint(refusal.Code, " ", refusal.Message)
		}
		return fmt.Sprint(err)
	}
	for _, form := range []string{`SELECT * FROM %s`, `SELECT nosuch FROM %s`, `SELECT 'a'::citext, nosuch FROM %s`, `SELECT similarity('a', 'b') FROM %s`, `SELECT NULL::%s`, `SELECT crosstab(id::text) FROM %s`} {
		absent := said(fmt.Sprintf(form, "gone"))
		for _, name := range []string{"kept", "seen"} {
			if there := strings.ReplaceAll(said(fmt.Sprintf(form, name)), name, "gone"); there != absent {
				t.Errorf("%s: of a table that is there: %s\nof none: %s", form, there, absent)
			}
		}
	}
	for sql, want := range map[string]string{
		`SELECT gen_random_bytes(4)`:                     "the function gen_random_bytes may not be used: it does more than compute",
		`SELECT nosuch('x')`:                             "function nosuch(unknown) does not exist",
		`SELECT name % 'a', nosuch FROM sales.people`:    `column "nosuch" does not exist`,
		`SELECT similarity(name, 'a') FROM people LIMIT`: "syntax error",
	} {
		if got := said(sql); !strings.Contains(got, want) {
			t.Errorf("%s: %s", sql, got)
		}
	}
}
