package sqlite

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/enginetest/dataset"
)

func argument(name string, kind vending.Kind, value string) vending.Argument {
	return vending.Argument{Parameter: vending.Parameter{Name: name, Kind: kind}, Values: []string{value}}
}

func list(name string, kind vending.Kind, values ...string) vending.Argument {
	return vending.Argument{Parameter: vending.Parameter{Name: name, Kind: kind, List: true}, Values: values}
}

// answer analyses a statement, and runs it over the table t when it can be read, as the tools do.
func answer(t testing.TB, e *Engine, sql string, arguments ...vending.Argument) (vending.Result, error) {
	t.Helper()
	s, err := e.Analyze(t.Context(), sql, vending.Parameters(arguments)...)
	if err == nil {
		err = vending.Gate(s)
	}
	if err != nil {
		return vending.Result{}, err
	}
	l := bound(sql, arguments...)
	return e.Run(t.Context(), l)
}

func bound(sql string, arguments ...vending.Argument) vending.Lease {
	a := entitlements.Access{Table: entitlements.TableName{Schema: dataset.Schema, Name: "t"}}
	for _, name := range []string{"id", "name"} {
		a.Columns = append(a.Columns, entitlements.ColumnAccess{Column: entitlements.Column{Name: name}})
	}
	l := lease(sql, a)
	l.Arguments = arguments
	return l
}

func newParameterEngine(t testing.TB) *Engine {
	return newEngine(t, newFile(t,
		`CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)`, `CREATE INDEX by_name ON t (name)`,
		`CREATE TABLE hidden (x)`,
		`INSERT INTO t VALUES (1, 'Miller'), (2, 'Okafor')`, `ANALYZE`))
}

// SQLite binds each kind of value as what it is. What was checked is what runs, also where a pattern or
// statistics would let SQLite choose another plan for the value.
func TestParametersAreBound(t *testing.T) {
	e := newParameterEngine(t)
	for _, test := range []struct {
		sql       string
		arguments []vending.Argument
		want      [][]any
	}{
		{
			`SELECT id FROM t WHERE name = :name`,
			[]vending.Argument{argument("name", vending.Text, "Miller")},
			[][]any{{"1"}},
		},
		{
			`SELECT id FROM t WHERE name LIKE :p`,
			[]vending.Argument{argument("p", vending.Text, "Mil%")},
			[][]any{{"1"}},
		},
		{
			`SELECT id FROM t WHERE name GLOB :p AND id > :p`,
			[]vending.Argument{argument("p", vending.Text, "Mil*")},
			[][]any{},
		},
		{
			`SELECT name FROM sales.t WHERE id = :id`,
			[]vending.Argument{argument("id", vending.Integer, "2")},
			[][]any{{"Okafor"}},
		},
		{
			`SELECT name FROM t WHERE id IN (SELECT value FROM json_each(:ids))`,
			[]vending.Argument{list("ids", vending.Integer, "2", "9")},
			[][]any{{"Okafor"}},
		},
		{
			`SELECT name FROM t WHERE id IN (SELECT value FROM json_each(:ids))`,
			[]vending.Argument{list("ids", vending.Integer)},
			[][]any{},
		},
		{`SELECT :t > datetime('2026-01-01'), :d, :n, typeof(:i)`, []vending.Argument{
			argument("t", vending.Timestamp, "2026-02-03T04:05:06Z"), argument("d", vending.Date, "2026-02-28"),
			argument("n", vending.Number, "1.5"), argument("i", vending.Integer, "9223372036854775807"),
		}, [][]any{{"1", "2026-02-28", 1.5, "integer"}}},
		{`SELECT name FROM t WHERE :name IS NULL OR name = :name`, []vending.Argument{
			{Parameter: vending.Parameter{Name: "name", Kind: vending.Text}, Null: true},
		}, [][]any{{"Miller"}, {"Okafor"}}},
	} {
		result, err := answer(t, e, test.sql, test.arguments...)
		if err != nil || fmt.Sprint(result.Rows) != fmt.Sprint(test.want) {
			t.Errorf("%s gives %v and not %v: %v", test.sql, result.Rows, test.want, err)
		}
	}
}

// Whatever a text is, it comes back as it was: alone, and among others in a list.
func TestTextIsNeverSpliced(t *testing.T) {
	e := newParameterEngine(t)
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[{}"'\\, :$1NUL;<>-]{0,12}`)).Draw(rt, "value")
		value = strings.ReplaceAll(strings.ToValidUTF8(value, ""), "\x00", "")
		result, err := answer(t, e, `SELECT :one, (SELECT value FROM json_each(:all) WHERE key = 1)`,
			argument("one", vending.Text, value), list("all", vending.Text, "first", value))
		if err != nil || !reflect.DeepEqual(result.Rows, [][]any{{value, value}}) {
			rt.Fatalf("%q comes back as %q: %v", value, result.Rows, err)
		}
	})
}

// A statement has exactly the parameters that are declared, as SQLite itself reads it, and no value is a name.
func TestParametersAreThoseDeclared(t *testing.T) {
	e := newParameterEngine(t)
	x := argument("x", vending.Text, "hidden")
	for _, sql := range []string{
		`SELECT 1`, `SELECT ':x'`, `SELECT :y`, `SELECT :x, :y`, `SELECT :x, ?`, `SELECT :x, ?2`, `SELECT $x`,
		`SELECT @x`, `SELECT :x; SELECT 1`,
		`SELECT * FROM :x`, `SELECT * FROM sales.:x`, `SELECT t.:x FROM t`, `SELECT ":x"`, `SELECT id AS :x FROM t`,
		`SELECT :X`, `:x`,
		`INSERT INTO t VALUES (:x)`, `SELECT * FROM hidden WHERE x = :x`, `SELECT :x FROM sqlite_schema`,
	} {
		if result, err := answer(t, e, sql, x); err == nil {
			t.Errorf("%s is answered: %v", sql, result.Rows)
		}
		if result, err := e.Run(t.Context(), bound(sql, x)); err == nil { // the second lock alone
			t.Errorf("%s runs: %v", sql, result.Rows)
		}
	}
	if _, err := e.Analyze(t.Context(), `SELECT :x`, x.Parameter); err != nil {
		t.Error(err)
	}
	// the same text of a caller's own is not known, and has no value
	if _, err := answer(t, e, `SELECT :x`); err == nil {
		t.Error("a caller's parameter has a value")
	}
	if _, err := e.Run(t.Context(), bound(`SELECT :x`)); err == nil {
		t.Error("a caller's parameter runs")
	}
}

// A value that does not fit is an error that does not repeat it.
func TestWrongValueIsNotRepeated(t *testing.T) {
	e := newParameterEngine(t)
	for _, a := range []vending.Argument{
		argument("v", vending.Integer, "secret_x"), list("v", vending.Integer, "secret_x"),
		argument("v", vending.Text, strings.Repeat("secret_x", 1<<20)),
	} {
		_, err := answer(t, e, `SELECT 1 FROM json_each(json_array(:v)) WHERE json_extract(:v, '$') = 1`, a)
		var known *vending.Error
		if err == nil || errors.As(err, &known) && strings.Contains(known.Error(), "secret_x") {
			t.Errorf("%s: %.200v", a.Kind, err)
		}
	}
}
