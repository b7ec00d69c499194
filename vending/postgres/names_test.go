package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/setup"
)

const openSeed = `CREATE SCHEMA sales; CREATE TABLE sales.orders (id int, total numeric);
CREATE TABLE public.kept (id int, quiet text); CREATE TABLE public.seen (id int); GRANT USAGE ON SCHEMA public TO PUBLIC;`

// A type that has a refused type in it is refused as well: a row of a catalog, an array of such rows, a domain.
func TestRowTypesRefused(t *testing.T) {
	e := newEngine(t, newDatabase(t, openSeed), "sales")
	for _, sql := range []string{
		`SELECT '(,,,23,,,,,,,)'::pg_catalog.pg_sequences`,
		`SELECT ('(,,,' || 23 || ',,,,,,,)')::pg_sequences::text`,
		`SELECT ARRAY['(,,,23,,,,,,,)'::pg_sequences]`,
		`SELECT json_populate_record(NULL::pg_sequences, '{"data_type": 23}')`,
		`SELECT jsonb_populate_recordset(NULL::pg_prepared_statements, '[{"parameter_types": [23]}]')`,
		`SELECT json_populate_record(NULL::pg_type, '{"typinput": 1242}')`,
		`SELECT json_populate_record(NULL::pg_namespace, '{"nspacl": ["=U/postgres"]}')`,
		`SELECT 100::regcollation`, `SELECT 3748::oid::regconfig::text`,
		`SELECT json_value('{"a": "1259"}', '$.a' RETURNING regclass)`, // PostgreSQL 17
	} {
		s, err := e.Analyze(t.Context(), sql)
		if err == nil && vending.Gate(s) == nil {
			t.Errorf("%s passes the gate", sql)
		}
	}
}

// Where PUBLIC may look into a governed schema, a table that the lease does not have is told from none by no word.
func TestOpenSchemaTellsNothing(t *testing.T) {
	e := newEngine(t, newDatabase(t, openSeed), "public", "sales")
	said := func(sql string) string {
		if _, err := e.Analyze(t.Context(), sql); err != nil {
			_ = err
		}
		err := e.Diagnose(
			t.Context(),
			vending.Lease{ID: fmt.Sprintf("names%09d", time.Now().UnixNano()%1e9), SQL: sql, Timeout: 5 * time.Second},
		)
		var refusal *vending.Error
		if errors.As(err, &refusal) {
			return fmt.Sprint(refusal.Code, " ", refusal.Message)
		}
		return fmt.Sprint(err)
	}
	for _, form := range []string{`SELECT * FROM public.%s`, `SELECT quie FROM public.%s`, `SELECT nosuch FROM public.%s`, `SELECT NULL::public.%s`, `SELECT row_to_json(json_populate_record(NULL::public.%s, '{}'))`} {
		there, absent := said(fmt.Sprintf(form, "kept")), said(fmt.Sprintf(form, "gone"))
		if got := there; fmt.Sprint(absent) != fmt.Sprint(goneForKept(got)) {
			t.Errorf("%s: of a table that is there: %s\nof one that is not: %s", form, there, absent)
		}
	}
}

func goneForKept(s string) string {
	out := ""
	for i := 0; i < len(s); i++ {
		if i+4 <= len(s) && s[i:i+4] == "kept" {
			out, i = out+"gone", i+3
			continue
		}
		out += string(s[i])
	}
	return out
}

// A domain may refuse NULL. What hides a column of it shows a NULL of the type that the domain is made of.
func TestNullOfDomain(t *testing.T) {
	e := newEngine(
		t,
		newDatabase(
			t,
			`CREATE SCHEMA sales; CREATE DOMAIN sales.name AS text NOT NULL; CREATE DOMAIN sales.rank AS int CHECK (VALUE IS NOT NULL);
CREATE TABLE sales.people (id int, called sales.name, ranked sales.rank); INSERT INTO sales.people VALUES (1, 'x', 2);`,
		),
		"sales",
	)
	a := access(t, e, "people")
	for i := range a.Columns {
		if a.Columns[i].Name != "id" {
			a.Columns[i].Masks = []entitlements.AppliedMask{
				{Mask: entitlements.Mask{Kind: entitlements.MaskNull}, Policy: "hidden"},
			}
		}
	}
	for _, sql := range []string{`SELECT called FROM people`, `SELECT ranked FROM people`, `SELECT * FROM people`} {
		if _, err := e.Run(t.Context(), vending.Lease{ID: "domains00001", SQL: sql, Access: []entitlements.Access{a}, MaxRows: 10, MaxBytes: 1 << 16, Timeout: time.Minute}); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// What a domain's constraint calls is called by the statement that makes a value of it.
func TestConstraintGated(t *testing.T) {
	e := newEngine(
		t,
		newDatabase(
			t,
			`CREATE SCHEMA sales; CREATE FUNCTION sales.known(v text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN v <> 'x'; END $$;
CREATE DOMAIN sales.code AS text CHECK (sales.known(VALUE)); CREATE TABLE sales.people (id int, code sales.code); INSERT INTO sales.people VALUES (1, 'a');`,
		),
		"sales",
	)
	for _, sql := range []string{`SELECT json_populate_record(p, '{"code": "b"}') FROM sales.people p`, `SELECT (jsonb_populate_record(p, '{"code": "b"}')).code FROM people p`} {
		if s, err := e.Analyze(t.Context(), sql); err == nil && vending.Gate(s) == nil {
			t.Errorf("%s passes the gate", sql)
		}
	}
	if s, err := e.Analyze(t.Context(), `SELECT code FROM sales.people WHERE code = 'a'`); err != nil ||
		vending.Gate(s) != nil {
		t.Errorf("a column of such a domain cannot be read: %v", err)
	}
}

// An open schema is named by check, with what closes it, and bootstrap prints the lines without running them.
func TestOpenSchemaIsNamed(t *testing.T) {
	e := newEngine(t, newDatabase(t, openSeed), "public", "sales")
	warned := func() string {
		findings, err := e.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			if f.Warning && f.Key == "schemas[0]" {
				return f.Text
			}
		}
		return ""
	}
	if got := warned(); !strings.Contains(got, `REVOKE USAGE ON SCHEMA "public" FROM PUBLIC`) {
		t.Errorf("check says %q", got)
	}
	printed := setup.Order{Schemas: []string{"public", "a\nDROP TABLE x"}}.Print()
	if !strings.Contains(printed, "\n-- REVOKE USAGE ON SCHEMA \"public\" FROM PUBLIC;\n") ||
		strings.Contains(printed[strings.Index(printed, "These lines"):], "\nDROP TABLE x\" FROM") {
		t.Errorf("bootstrap prints %s", printed)
	}
}

// A table that PUBLIC may read is read through its view only, however it is named.
func TestPublicTableMasked(t *testing.T) {
	database := newDatabase(
		t,
		`CREATE SCHEMA sales; CREATE TABLE public.people (id int, name text); INSERT INTO public.people VALUES (1, 'raw');
GRANT SELECT (id, name) ON public.people TO PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC`,
	)
	e := newEngine(t, database, "public", "sales")
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	table, _ := catalog.Table(entitlements.TableName{Schema: "public", Name: "people"})
	a := vending.Whole(table)
	a.Columns[1].Masks = []entitlements.AppliedMask{
		{Mask: entitlements.Mask{Kind: entitlements.MaskNull}, Policy: "hidden"},
	}
	for _, name := range []string{
		"public.people", `U&"public".people`, `U&"\0070ublic".people`, database + ".public.people",
		`"public" . people`, "people", "public.people AS p, " + database + ".public.people",
		database + `.U&"\+000070ublic".U&"peopl\0065"`,
	} {
		result, err := e.Run(
			t.Context(),
			vending.Lease{
				ID:       "public000001",
				SQL:      "SELECT * FROM " + name,
				Access:   []entitlements.Access{a},
				MaxRows:  10,
				MaxBytes: 1 << 16,
				Timeout:  5 * time.Second,
			},
		)
		if strings.Contains(fmt.Sprint(result.Rows), "raw") || err != nil {
			t.Errorf("%s: %v, %v", name, result.Rows, err)
		}
	}
	if _, err := e.Profile(t.Context(), "public000002", table.TableName, 10); err != nil {
		t.Errorf("it has no profile: %v", err)
	}
}
