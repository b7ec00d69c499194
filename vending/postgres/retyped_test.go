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

// retypedSeed has what PostgreSQL takes for texts and not for numbers, in a schema that every caller looks into. No
// caller may use it: only the function ok is named in the configuration.
const retypedSeed = `CREATE SCHEMA sales; CREATE TABLE sales.people (id int, age int, name text, kept int);
INSERT INTO sales.people VALUES (1, 25, 'a', 25), (2, 35, 'b', 35); CREATE SCHEMA tools;
GRANT USAGE ON SCHEMA tools TO PUBLIC;
CREATE FUNCTION tools.ok(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION tools.told(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'refused' $$;
CREATE FUNCTION tools.abs(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'refused' $$;
CREATE OPERATOR tools.% (LEFTARG = text, RIGHTARG = text, FUNCTION = tools.told);`

// A mask that changes the type of a column makes the statement call other functions than those that the gate has seen.
func TestRetypedColumnIsGatedAsItRuns(t *testing.T) {
	e := newEngineWith(t, newDatabase(t, retypedSeed), func(c *postgres.Config) { c.Functions = []string{"tools.ok"} })
	sql := func(text string) entitlements.Mask {
		return entitlements.Mask{Kind: entitlements.MaskSQL, SQL: []expression.Part{{SQL: text}}}
	}
	for name, mask := range map[string]entitlements.Mask{
		"bucket": bucket("30", "young", "old"), "sql": sql("'x'::text"), "none": {Kind: entitlements.MaskNull},
	} {
		a := access(t, e, "people")
		a.Columns[1].Masks = []entitlements.AppliedMask{always(mask)}
		for _, statement := range []string{
			`SELECT age % age FROM people`, `SELECT abs(age) FROM people`,
			`SELECT id FROM people WHERE abs(age) IS NOT NULL`,
			`SELECT abs(age) FROM people, (SELECT 1 AS x) AS y`, `SELECT id FROM people ORDER BY age % age`,
		} {
			analysed, err := e.Analyze(t.Context(), statement)
			if err != nil || vending.Gate(analysed) != nil {
				t.Fatalf("%s: %v, %v", statement, err, analysed)
			}
			got, err := shown(t, e, statement, a)
			if (err == nil) != (name == "none") || strings.Contains(got, "refused") {
				t.Errorf("%s under %s gives %q, %v", statement, name, got, err)
			}
			if err != nil && strings.Contains(err.Error(), "tools") {
				t.Errorf("%s under %s names what is hidden: %v", statement, name, err)
			}
		}
		for _, statement := range []string{
			`SELECT ok(kept) FROM people WHERE age IS NOT NULL OR true ORDER BY id`,
			`SELECT abs(kept) FROM people ORDER BY age, id`,
		} {
			if got, err := shown(t, e, statement, a); err != nil || len(got) != len("25|35") {
				t.Errorf("%s under %s gives %q, %v", statement, name, got, err)
			}
		}
	}
}

// A domain may refuse NULL, at any depth and by any constraint. What hides a cell of it shows a NULL of the type at the
// bottom, in every mask and chain of masks, and that is the type that the engine says.
func TestNullOfAnyDomain(t *testing.T) {
	domains := map[string]string{
		"a": "text NOT NULL", "b": "d.a CHECK (VALUE <> 'never')",
		"c": "int CHECK (VALUE IS NOT NULL)", "d": "d.c", "e": "d.d",
		"f": "int[] NOT NULL", "g": "d.mood NOT NULL", "h": "numeric(8,2) NOT NULL", "i": "varchar(9) NOT NULL",
		"j": "timestamptz NOT NULL", "k": "jsonb NOT NULL", "l": "d.pair NOT NULL", "m": "int4range NOT NULL",
	}
	values := map[string]string{
		"f": "{1}", "g": "sad", "j": "2026-01-01", "k": "{}", "l": "(1,x)", "m": "[1,2)",
	}
	seed := `CREATE SCHEMA d; CREATE SCHEMA sales;
CREATE TYPE d.mood AS ENUM ('sad'); CREATE TYPE d.pair AS (n int, t text);`
	columns, row := []string{"id int"}, []string{"1"}
	for _, name := range strings.Split("abcdefghijklm", "") {
		seed += fmt.Sprintf(" CREATE DOMAIN d.%s AS %s;", name, domains[name])
		columns = append(columns, "x"+name+" d."+name)
		value := values[name]
		if value == "" {
			value = "7"
		}
		row = append(row, "'"+value+"'")
	}
	seed += fmt.Sprintf(" CREATE TABLE sales.people (%s); INSERT INTO sales.people VALUES (%s)",
		strings.Join(columns, ", "), strings.Join(row, ", "))
	e := newEngine(t, newDatabase(t, seed), "sales")
	null := entitlements.Mask{Kind: entitlements.MaskNull}
	when := func(condition string, m entitlements.Mask) entitlements.AppliedMask {
		return entitlements.AppliedMask{Mask: m, When: []expression.Part{{SQL: condition}}}
	}
	sql := entitlements.Mask{Kind: entitlements.MaskSQL, SQL: []expression.Part{{SQL: "NULL"}}}
	chains := map[string][]entitlements.AppliedMask{
		"null": {always(null)}, "some": {when("id = 1", null)}, "other": {when("id = 2", null)},
		"both": {when("id = 2", null), when("id = 1", null)}, "unknown": {when("NULL", null)},
		"rest": {when("id = 2", null), always(null)},
		"hash": {always(entitlements.Mask{Kind: entitlements.MaskHash})}, "bucket": {always(bucket("9", "x", "y"))},
		"constant": {when("id = 1", constant("8"))}, "round": {when("id = 1", round("10")), always(null)},
		"sql": {when("id = 1", sql)}, "sql and null": {when("id = 2", sql), always(null)},
		"null and sql": {when("id = 1", null), always(sql)},
	}
	for name, chain := range chains {
		a := access(t, e, "people")
		for i := range a.Columns[1:] {
			a.Columns[i+1].Masks = chain
		}
		for _, c := range a.Columns[1:] {
			statement := fmt.Sprintf("SELECT %s IS NULL, pg_typeof(%[1]s) FROM people", c.Name)
			want := fmt.Sprint(name != "other")
			typ := e.ShownType(c)
			if typ != "" {
				want += " " + typ
			}
			got, err := shown(t, e, statement, a)
			if err != nil || !strings.HasPrefix(got+"[]", want) || strings.Contains(typ, "d.x") {
				t.Errorf("%s of %s under %s is %q and not %q: %v", c.Name, c.Type, name, got, want, err)
			}
			join := "SELECT * FROM people p LEFT JOIN people q ON q." + c.Name + " IS NULL"
			if _, err := shown(t, e, join, a); err != nil {
				t.Errorf("%s under %s cannot be read: %v", c.Name, name, err)
			}
		}
	}
}
