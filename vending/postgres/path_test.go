package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending"
	"deputy/vending/postgres"
)

const extensionsSeed = `CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent;
CREATE EXTENSION intarray; CREATE SCHEMA sales; CREATE DOMAIN sales.mail AS citext; CREATE TYPE sales.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE sales.people (id int, name text, email citext, mail sales.mail, kv hstore, path ltree, emails citext[], numbers int[], mood sales.mood);
INSERT INTO sales.people VALUES
 (1, 'Ännä', 'Boss@Acme.com', 'Boss@Acme.com', 'team=>blue', 'a.b', '{Boss@Acme.com}', '{1,2}', 'ok'),
 (2, 'Joe', 'joe@other.com', 'joe@other.com', 'team=>red', 'a.c', '{joe@other.com}', '{3}', 'sad'),
 (3, 'joe', 'BOSS@acme.com', NULL, NULL, 'a.b.c', '{BOSS@acme.com,x@y.z}', '{2,3}', 'happy');
CREATE TABLE sales.notes (email citext, note text); INSERT INTO sales.notes VALUES ('boss@ACME.com', 'n1');`

// newEngineWith is newEngine with a configuration that the test changes.
func newEngineWith(t testing.TB, database string, change func(*postgres.Config)) *postgres.Engine {
	t.Helper()
	bootstrap(t, database, "sales")
	c := postgres.Config{DSN: cluster.DSN("deputy_runner", database), Schemas: []string{"sales"}, SigningKey: signingKey}
	change(&c)
	e, err := postgres.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// where is a filter as an administrator writes it. :x stands for the list of values.
func where(condition string, values ...string) entitlements.Filter {
	before, after, found := strings.Cut(condition, ":x")
	f := entitlements.Filter{Policy: "some rows", Where: []expression.Part{{SQL: before}}}
	if found {
		f.Where = append(f.Where, expression.Part{Variable: "attribute.x", Values: values}, expression.Part{SQL: after})
	}
	return f
}

// shown runs a statement on sales.people and the other tables named, and gives its rows or its error.
func shown(t testing.TB, e *postgres.Engine, sql string, access ...entitlements.Access) (string, error) {
	t.Helper()
	l := lease("paths000001", sql)
	l.Access = access
	result, err := e.Run(t.Context(), l)
	if err != nil {
		return "", err
	}
	var rows []string
	for _, row := range result.Rows {
		rows = append(rows, strings.Trim(fmt.Sprint(row), "[]"))
	}
	return strings.Join(rows, "|"), nil
}

// asSuperuser is what psql would show.
func asSuperuser(t testing.TB, database, sql string) string {
	t.Helper()
	conn, err := open(t, "postgres", database).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	result, err := postgres.ReadPlain(t.Context(), conn, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var rows []string
	for _, row := range result.Rows {
		rows = append(rows, strings.Trim(fmt.Sprint(row), "[]"))
	}
	return strings.Join(rows, "|")
}

var extensionConditions = []string{
	"email <> 'boss@acme.com'", "email not like '%@acme.com'", "email not in ('boss@acme.com')", "email !~ '^boss'", "email is distinct from 'boss@acme.com'",
	"coalesce(email, '') <> 'boss@acme.com'", "email = 'boss@acme.com'::public.citext", "name::public.citext = 'JOE'", "nullif(email, 'boss@acme.com') is null",
	"case email when 'boss@acme.com' then false else true end", "(email, 1) = ('boss@acme.com', 1)", "(email, 1) < ('c', 1)", "strpos(email, 'BOSS') = 0",
	"mail <> 'boss@acme.com'", "mail like 'BOSS%'", "'boss@acme.com' = any(emails)", "emails[1] = 'boss@acme.com'", "emails = '{boss@acme.com}'", "emails @> '{boss@acme.com}'::citext[]",
	"email in (select n.email from sales.notes n)", "exists (select from sales.notes n where n.email = people.email)", "greatest(email, 'boss@acme.com') = 'boss@acme.com'",
	"email between 'BOSS@A' and 'boss@b'", "kv -> 'team' = 'blue'", "kv @> 'team=>blue'", "kv ? 'team'", "path <@ 'a.b'", "path ~ 'a.*{1}'", "name % 'Joe'",
	"similarity(name, 'joe') = 1", "unaccent(name) = 'Anna'", "unaccent(lower(name)) like 'ann%'", "numbers && '{2}'", "icount(numbers) = 2", "numbers @@ '1|3'::query_int",
	"mood > 'sad'", "mood = 'ok'::sales.mood", "mood::text ~ '^s'", "email collate \"C\" > 'J'",
}

// What a filter means on a type of an extension is what psql says. The same words decide in a mask's condition.
func TestPoliciesOnExtensions(t *testing.T) {
	database := newDatabase(t, extensionsSeed)
	e := newEngine(t, database, "sales")
	for _, condition := range extensionConditions {
		want := asSuperuser(t, database, `SELECT id FROM sales.people WHERE `+condition+` ORDER BY 1`)
		if got, err := shown(t, e, `SELECT id FROM sales.people ORDER BY 1`, access(t, e, "people", where(condition))); err != nil ||
			got != want {
			t.Errorf("filter %s shows %s, not %s: %v", condition, got, want, err)
		}
		want = asSuperuser(
			t,
			database,
			`SELECT CASE WHEN (`+condition+`) IS NOT FALSE THEN 'HIDDEN' ELSE name END FROM sales.people ORDER BY id`,
		)
		a := access(t, e, "people")
		a.Columns[1].Masks = []entitlements.AppliedMask{{Mask: constant("HIDDEN"), When: where(condition).Where}}
		if got, err := shown(t, e, `SELECT name FROM sales.people ORDER BY id`, a); err != nil || got != want {
			t.Errorf("a mask when %s shows %s, not %s: %v", condition, got, want, err)
		}
		want = asSuperuser(t, database, `SELECT (`+condition+`)::text FROM sales.people ORDER BY id`)
		a.Columns[1].Masks = []entitlements.AppliedMask{
			{Mask: entitlements.Mask{Kind: entitlements.MaskSQL, SQL: []expression.Part{{SQL: "(" + condition + ")::text"}}}},
		}
		if got, err := shown(t, e, `SELECT name FROM sales.people ORDER BY id`, a); err != nil || got != want {
			t.Errorf("the sql mask %s shows %s, not %s: %v", condition, got, want, err)
		}
	}
	for _, list := range []string{"email = any(:x)", "email <> all(:x)", "mail = any(:x)", "mail <> all(:x)", "name = any(:x)", "mood = any(:x)"} {
		values := []string{"boss@acme.com", "JOE@OTHER.COM"}
		if strings.HasPrefix(list, "mood") {
			values = []string{"ok"}
		}
		want := asSuperuser(
			t,
			database,
			`SELECT id FROM sales.people WHERE `+strings.Replace(
				list,
				":x",
				"'{"+strings.Join(values, ",")+"}'",
				1,
			)+` ORDER BY 1`,
		)
		if got, err := shown(t, e, `SELECT id FROM sales.people ORDER BY 1`, access(t, e, "people", where(list, values...))); err != nil ||
			got != want {
			t.Errorf("filter %s shows %s, not %s: %v", list, got, want, err)
		}
	}
}

// Statements on types of extensions give psql's rows, wherever the extensions are.
func TestStatementsOnExtensions(t *testing.T) {
	for _, schema := range []string{"public", "extensions", "sales"} {
		t.Run(schema, func(t *testing.T) {
			seed := extensionsSeed
			if schema != "public" {
				seed = "CREATE SCHEMA " + schema + "; GRANT USAGE ON SCHEMA " + schema + " TO PUBLIC; SET search_path = " + schema + ", pg_catalog; " +
					strings.Replace(
						extensionsSeed,
						"CREATE SCHEMA sales;",
						"CREATE SCHEMA IF NOT EXISTS sales;",
						1,
					)
			}
			database := newDatabase(t, seed)
			exec("postgres", "ALTER DATABASE "+database+" SET search_path = "+schema+", public")
			e := newEngine(t, database, "sales")
			for _, sql := range append(statementsOnExtensions, "SELECT id FROM sales.people WHERE path OPERATOR("+schema+".<@) 'a.b' ORDER BY 1",
				"SELECT id FROM sales.people WHERE name::"+schema+".citext = 'JOE' ORDER BY 1", "SELECT "+schema+".similarity(name, 'Joe') FROM sales.people ORDER BY 1") {
				s, err := e.Analyze(t.Context(), sql)
				if err == nil {
					err = vending.Gate(s)
				}
				if err != nil {
					t.Errorf("%s: %v", sql, err)
					continue
				}
				got, err := shown(t, e, sql, access(t, e, "people"), access(t, e, "notes"))
				if want := asSuperuser(t, database, sql); err != nil || got != want {
					t.Errorf("%s gives\n%s, not\n%s: %v", sql, got, want, err)
				}
			}
		})
	}
}

var statementsOnExtensions = []string{
	"SELECT id FROM sales.people WHERE email = 'boss@acme.com' ORDER BY id", "SELECT id FROM sales.people WHERE email IN ('BOSS@acme.com', 'JOE@other.com') ORDER BY id",
	"SELECT lower(email::text) FROM sales.people ORDER BY email, id", "SELECT count(*) FROM (SELECT DISTINCT email FROM sales.people) q",
	"SELECT count(*) FROM sales.people GROUP BY email ORDER BY 1", "SELECT max(lower(email::text)), min(email)::text = 'x' FROM sales.people", "SELECT lower(max(email)::text) FROM sales.people",
	"SELECT id, note FROM sales.people p JOIN sales.notes n ON p.email = n.email ORDER BY id", "SELECT id, note FROM sales.people JOIN sales.notes USING (email) ORDER BY id",
	"SELECT id, note FROM sales.people NATURAL JOIN sales.notes ORDER BY id", "SELECT id FROM sales.people WHERE email IN (SELECT email FROM sales.notes) ORDER BY id",
	"SELECT id FROM sales.people WHERE email LIKE 'boss%' ORDER BY id", "SELECT id FROM sales.people WHERE email ~ '^boss' ORDER BY id", "SELECT id FROM sales.people WHERE mail = 'BOSS@acme.com'",
	"SELECT kv -> 'team' FROM sales.people ORDER BY id", "SELECT kv -> ARRAY['team'] FROM sales.people ORDER BY id", "SELECT id FROM sales.people WHERE kv ? 'team' ORDER BY id",
	"SELECT (each(kv)).value FROM sales.people ORDER BY 1", "SELECT hstore('a', 'b') -> 'a'", "SELECT kv FROM sales.people WHERE kv IS NOT NULL ORDER BY kv",
	"SELECT id FROM sales.people WHERE path <@ 'a.b' ORDER BY id", "SELECT path FROM sales.people ORDER BY path", "SELECT nlevel(path), subpath(path, 1) FROM sales.people ORDER BY 1, 2",
	"SELECT id FROM sales.people WHERE name % 'Joe' ORDER BY id", "SELECT name <-> 'Joe' FROM sales.people ORDER BY 1", "SELECT similarity(name, 'Joe') FROM sales.people ORDER BY 1",
	"SELECT unaccent(name) FROM sales.people ORDER BY 1", "SELECT numbers & '{2}' FROM sales.people ORDER BY id", "SELECT sort(numbers) FROM sales.people ORDER BY id",
	"SELECT count(*) FILTER (WHERE email = 'boss@acme.com') FROM sales.people", "SELECT count(DISTINCT email) FROM sales.people",
	"SELECT id, rank() OVER (ORDER BY email) FROM sales.people ORDER BY id", "SELECT 1 FROM sales.people a, sales.people b WHERE a.email = b.email AND a.id < b.id",
	"SELECT email::text COLLATE \"C\" FROM sales.people UNION SELECT note FROM sales.notes ORDER BY 1", "SELECT count(*) FROM (SELECT email FROM sales.people UNION SELECT email FROM sales.notes) q",
	"SELECT id FROM sales.people WHERE emails @> ARRAY['boss@acme.com']::citext[] ORDER BY id", "SELECT length(email) FROM sales.people ORDER BY id",
	"SELECT id FROM sales.people WHERE (email, id) = ('BOSS@ACME.COM', 1)", "SELECT nullif(email, 'boss@acme.com') FROM sales.people ORDER BY id",
	"SELECT CASE email WHEN 'boss@acme.com' THEN 1 END FROM sales.people ORDER BY id", "SELECT regexp_replace(email, 'BOSS', 'x') FROM sales.people ORDER BY id",
}

// Extensions that not every PostgreSQL has: where one is there, statements and policies on its types give psql's rows
// too.
func TestFurtherExtensions(t *testing.T) {
	for _, tt := range []struct {
		extension, seed string
		conditions      []string
		statements      []string
	}{
		{"vector", `CREATE TABLE sales.items (id int, v vector(3)); INSERT INTO sales.items VALUES (1, '[1,2,3]'), (2, '[3,2,1]'), (3, NULL);`,
			[]string{"v <-> '[1,2,3]' < 1", "v = '[3,2,1]'", "v <> '[1,2,3]'"},
			[]string{"SELECT id FROM sales.items ORDER BY v <-> '[3,2,1]' LIMIT 1", "SELECT avg(v) FROM sales.items", "SELECT v <=> '[1,0,0]' FROM sales.items ORDER BY 1", "SELECT vector_dims(v) FROM sales.items ORDER BY 1"}},
		{"postgis", `CREATE TABLE sales.items (id int, v geometry(Point, 4326)); INSERT INTO sales.items VALUES (1, 'SRID=4326;POINT(7 50)'), (2, 'SRID=4326;POINT(9 48)');`,
			[]string{"v && ST_MakeEnvelope(6, 49, 8, 51, 4326)", "ST_DWithin(v, 'SRID=4326;POINT(7 50)', 0.1)", "v = 'SRID=4326;POINT(9 48)'"},
			[]string{"SELECT id, ST_AsText(v) FROM sales.items ORDER BY v <-> 'SRID=4326;POINT(9 48)'", "SELECT ST_AsText(ST_Extent(v)) FROM sales.items", "SELECT round(ST_X(v)) FROM sales.items ORDER BY 1"}},
		{"ip4r", `CREATE TABLE sales.items (id int, v ip4r); INSERT INTO sales.items VALUES (1, '10.0.0.0/8'), (2, '192.168.0.1');`,
			[]string{"v >>= '10.1.2.3'", "v <> '10.0.0.0/8'"}, []string{"SELECT id FROM sales.items ORDER BY v", "SELECT count(DISTINCT v) FROM sales.items"}},
		{"semver", `CREATE TABLE sales.items (id int, v semver); INSERT INTO sales.items VALUES (1, '1.9.0'), (2, '1.10.0');`,
			[]string{"v > '1.9.1'", "v = '1.9.0'"}, []string{"SELECT v FROM sales.items ORDER BY v", "SELECT max(v) FROM sales.items"}},
		{"isn", `CREATE TABLE sales.items (id int, v isbn); INSERT INTO sales.items VALUES (1, '978-0-393-04002-9'), (2, '0-306-40615-2');`,
			[]string{"v = '9780393040029'", "v <> '9780393040029'"}, []string{"SELECT id FROM sales.items ORDER BY v", "SELECT id FROM sales.items WHERE v = '9780393040029'"}},
		{"seg", `CREATE TABLE sales.items (id int, v seg); INSERT INTO sales.items VALUES (1, '1 .. 2'), (2, '2.0 .. 3');`,
			[]string{"v && '2.5'", "v = '2 .. 3'"}, []string{"SELECT id FROM sales.items ORDER BY v", "SELECT seg_center(v) FROM sales.items ORDER BY 1"}},
	} {
		t.Run(tt.extension, func(t *testing.T) {
			database := newDatabase(t, `CREATE SCHEMA sales`)
			var there bool
			if err := open(t, "postgres", database).QueryRow(`SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = $1)`, tt.extension).Scan(&there); err != nil ||
				!there {
				t.Skipf("this PostgreSQL does not have it: %v", err)
			}
			exec(database, "CREATE EXTENSION "+tt.extension)
			execAs(t, "dba", database, tt.seed)
			e := newEngine(t, database, "sales")
			for _, condition := range tt.conditions {
				want := asSuperuser(t, database, `SELECT id FROM sales.items WHERE `+condition+` ORDER BY 1`)
				if got, err := shown(t, e, `SELECT id FROM sales.items ORDER BY 1`, access(t, e, "items", where(condition))); err != nil ||
					got != want {
					t.Errorf("filter %s shows %s, not %s: %v", condition, got, want, err)
				}
			}
			for _, sql := range tt.statements {
				if err := gated(t, e, sql); err != nil {
					t.Errorf("%s: %v", sql, err)
					continue
				}
				got, err := shown(t, e, sql, access(t, e, "items"))
				if want := asSuperuser(t, database, sql); err != nil || got != want {
					t.Errorf("%s gives %s, not %s: %v", sql, got, want, err)
				}
			}
		})
	}
}
