package postgres_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lib/pq"
	"pgregory.net/rapid"

	"deputy/internal/testkit/throwaway"
	"deputy/vending"
	"deputy/vending/postgres"
	"deputy/vending/postgres/parameters"
)

func argument(name string, kind vending.Kind, value string) vending.Argument {
	return vending.Argument{Parameter: vending.Parameter{Name: name, Kind: kind}, Values: []string{value}}
}

func none(name string, kind vending.Kind) vending.Argument {
	return vending.Argument{Parameter: vending.Parameter{Name: name, Kind: kind}, Null: true}
}

func list(name string, kind vending.Kind, values ...string) vending.Argument {
	return vending.Argument{Parameter: vending.Parameter{Name: name, Kind: kind, List: true}, Values: values}
}

// answer analyses a statement, and runs it when it can be read, as the tools do.
func answer(t testing.TB, e *postgres.Engine, sql string, arguments ...vending.Argument) (vending.Result, error) {
	t.Helper()
	s, err := e.Analyze(t.Context(), sql, vending.Parameters(arguments)...)
	if err == nil {
		err = vending.Gate(s)
	}
	if err != nil {
		return vending.Result{}, err
	}
	l := lease("parameters", sql)
	l.Arguments = arguments
	return e.Run(t.Context(), l)
}

// Each kind of value comes to the statement as the value that it is, and no value is a part of the text.
func TestParametersAreBound(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	for _, test := range []struct {
		sql       string
		arguments []vending.Argument
		want      [][]any
	}{
		{
			`SELECT id FROM customer_orders WHERE region = :region`,
			[]vending.Argument{argument("region", vending.Text, "US-EAST")},
			[][]any{{int64(1)}},
		},
		{
			`SELECT id FROM sales.customer_orders WHERE id = :id`,
			[]vending.Argument{argument("id", vending.Integer, "2")},
			[][]any{{int64(2)}},
		},
		{
			`SELECT id FROM customer_orders WHERE id = any(:ids) ORDER BY 1`,
			[]vending.Argument{list("ids", vending.Integer, "2", "1", "7")},
			[][]any{{int64(1)}, {int64(2)}},
		},
		{
			`SELECT id FROM customer_orders WHERE id = any(:ids)`,
			[]vending.Argument{list("ids", vending.Integer)},
			[][]any{},
		},
		{
			`SELECT id FROM customer_orders WHERE order_total > :least`,
			[]vending.Argument{argument("least", vending.Number, "100.000000000000000000000000001")},
			[][]any{{int64(2)}},
		},
		{`SELECT :d + 1, :t AT TIME ZONE 'UTC', NOT :b`, []vending.Argument{
			argument("t", vending.Timestamp, "2026-02-03T04:05:06.5Z"), argument("b", vending.Boolean, "true"),
			argument("d", vending.Date, "2026-02-28"),
		}, [][]any{{"2026-03-01", "2026-02-03T04:05:06.5", false}}},
		{
			`SELECT count(*) FROM customer_orders WHERE :region IS NULL OR region = :region`,
			[]vending.Argument{none("region", vending.Text)},
			[][]any{{"2"}},
		},
		{
			`SELECT cardinality(:l), (:l)[1]`,
			[]vending.Argument{list("l", vending.Text, `},{"a`, "NULL", `\"`)},
			[][]any{{int64(3), `},{"a`}},
		},
		{
			`SELECT lastname FROM customer_orders WHERE lastname = :name`,
			[]vending.Argument{argument("name", vending.Text, "Miller")},
			[][]any{},
		},
	} {
		result, err := answer(t, e, test.sql, test.arguments...)
		if err != nil || !reflect.DeepEqual(result.Rows, test.want) {
			t.Errorf("%s gives %v and not %v: %v", test.sql, result.Rows, test.want, err)
		}
	}
	assertNothingStands(t, database, "afterwards")
}

// Whatever a text is, it comes back as it was: alone, and among others in a list.
func TestTextIsNeverSpliced(t *testing.T) {
	e := newEngine(t, newDatabase(t, seed), "sales")
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[{}"'\\, :$1NUL;-]{0,12}`)).Draw(rt, "value")
		value = strings.ReplaceAll(strings.ToValidUTF8(value, ""), "\x00", "")
		result, err := answer(t, e, `SELECT :one, (:all)[2]`,
			argument("one", vending.Text, value), list("all", vending.Text, "first", value))
		if err != nil || !reflect.DeepEqual(result.Rows, [][]any{{value, value}}) {
			rt.Fatalf("%q comes back as %q: %v", value, result.Rows, err)
		}
	})
}

// A value that never should have come so far is an error that does not repeat it, to the model or to the operator.
func TestWrongValueIsNotRepeated(t *testing.T) {
	e := newEngine(t, newDatabase(t, seed), "sales")
	for _, a := range []vending.Argument{
		argument("v", vending.Integer, "1); DROP TABLE secret_x"), argument("v", vending.Number, "secret_x"),
		argument("v", vending.Date, "secret_x"),
		argument("v", vending.Timestamp, "secret_x"), argument("v", vending.Boolean, "secret_x"),
		argument("v", vending.Integer, "1e999"),
		list("v", vending.Integer, "secret_x"), argument("v", vending.Text, "secret_x\x00"),
		argument("v", vending.Text, "secret_x\xff"),
	} {
		_, err := answer(t, e, `SELECT :v`, a)
		var known *vending.Error
		if !errors.As(err, &known) || strings.Contains(err.Error(), "secret_x") ||
			strings.Contains(err.Error(), "1e999") {
			t.Errorf("%s %q: %v", a.Kind, a.Values, err)
		}
	}
	if n := count(t, "postgres", `SELECT 1`); n != 1 {
		t.Error("the database is gone")
	}
}

// A statement has exactly the parameters that are declared, as PostgreSQL itself reads it, and no value is a name.
func TestParametersAreThoseDeclared(t *testing.T) {
	e := newEngine(t, newDatabase(t, seed), "sales")
	x := argument("x", vending.Text, "customer_orders")
	for _, sql := range []string{
		`SELECT 1`, `SELECT ':x'`, `SELECT :y`, `SELECT :x, :y`, `SELECT :x, $1`, `SELECT :x, $2`,
		`SELECT :x; SELECT 1`, `SELECT id FROM sales.:x`,
		`SELECT o.:x FROM customer_orders o`, `SELECT "a:x"`, `SELECT E'\' :x'`,
		`SELECT id AS :x FROM customer_orders`, `:x`,
		`SELECT 1::text COLLATE :x`, `INSERT INTO customer_orders VALUES (:x)`,
		`SELECT region || :x FROM customer_orders GROUP BY :y`,
	} {
		if result, err := answer(t, e, sql, x); err == nil {
			t.Errorf("%s is answered: %v", sql, result.Rows)
		}
		l := lease("parameters", sql) // the second lock alone
		l.Arguments = []vending.Argument{x}
		if result, err := e.Run(t.Context(), l); err == nil && sql != `SELECT :x, $1` {
			t.Errorf("%s runs: %v", sql, result.Rows)
		}
	}
	// in FROM it is a row that holds the value, and no table
	if result, err := answer(
		t,
		e,
		`SELECT * FROM :x`,
		x,
	); err != nil ||
		fmt.Sprint(result.Rows) != "[[customer_orders]]" {
		t.Errorf("a parameter behind FROM: %v, %v", result.Rows, err)
	}
	var known *vending.Error
	if _, err := answer(t, e, `SELECT ':x'`, x); !errors.As(err, &known) || known.Code != vending.InvalidSQL {
		t.Errorf("a parameter in a string: %v", err)
	}
	for _, sql := range []string{`SELECT $1`, `SELECT :x`} { // a caller's own
		if _, err := answer(t, e, sql); err == nil {
			t.Errorf("a caller's %s has a value", sql)
		}
	}
}

// shapes are statements in which what PostgreSQL looks up depends on a type: overloads, unions, comparisons.
var shapes = []string{
	`SELECT :p`,
	`SELECT :p, :p`,
	`SELECT id FROM sales.customer_orders WHERE id::text = (:p)::text`,
	`SELECT to_json(:p)`,
	`SELECT f(:p)`,
	`SELECT coalesce(:p, :p)`,
	`SELECT CASE WHEN id = 1 THEN :p END FROM sales.customer_orders`,
	`SELECT :p UNION SELECT :q`,
	`SELECT :p < :q`,
	`SELECT :p IN (:q)`,
	`SELECT ARRAY[:p]`,
	`SELECT max(:p)`,
	`SELECT count(*) FROM sales.customer_orders GROUP BY :p`,
	`VALUES (:p), (:q)`,
	`SELECT x FROM (SELECT :p AS x) q ORDER BY x`,
	`SELECT f(id, :p) FROM sales.customer_orders`,
	`SELECT :p = any(:l)`,
	`SELECT unnest(:l)`,
	`SELECT greatest(:p, :q)`,
	`SELECT 1 WHERE :p IS NULL`,
	`WITH c AS (SELECT :p AS v) SELECT v FROM c LIMIT 3`,
	`SELECT concat(:p, 'x', :q)`,
	`SELECT o.region || :p FROM sales.customer_orders o`,
	`SELECT DISTINCT ON (:p) id FROM sales.customer_orders`,
	`SELECT row_number() OVER (PARTITION BY :p) FROM sales.customer_orders`,
}

const overloads = `
CREATE FUNCTION public.f(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.f(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.f(numeric) RETURNS numeric LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.f(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.f(int, timestamptz) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.f(int, anyelement) RETURNS text LANGUAGE sql AS 'SELECT $1::text';`

// A value is a NULL of its type in the analysis: PostgreSQL's trees of the two texts differ in nothing else.
func TestBothTextsMeanTheSame(t *testing.T) {
	database := newDatabase(t, seed)
	if err := cluster.Exec(throwaway.Superuser, database, overloads); err != nil {
		t.Fatal(err)
	}
	tree := treesOf(t, database)
	understood := 0
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(vending.Kinds)
		p := vending.Parameter{Name: "p", Kind: kind.Draw(rt, "p"), List: rapid.IntRange(0, 4).Draw(rt, "list") == 0}
		declared := []vending.Parameter{
			p, {Name: "q", Kind: kind.Draw(rt, "q"), List: p.List}, {Name: "l", Kind: p.Kind, List: true},
		}
		sql := rapid.SampledFrom(shapes).Draw(rt, "sql")
		declared = slices.DeleteFunc(
			declared,
			func(p vending.Parameter) bool { return !strings.Contains(sql, ":"+p.Name) },
		)
		analysed, runs := parameters.AsNull(sql, declared), parameters.AsBound(sql, declared)
		one, errOne := tree(analysed)
		two, errTwo := tree(runs)
		if fmt.Sprint(errOne) != fmt.Sprint(errTwo) || errOne == nil && one != two {
			rt.Fatalf("%s\nmeans %s (%v)\n%s\nmeans %s (%v)", analysed, one, errOne, runs, two, errTwo)
		}
		if errOne == nil {
			understood++
		}
	})
	if understood == 0 {
		t.Error("no statement was understood at all")
	}
}

var (
	nulls  = regexp.MustCompile(`\{CONST :consttype (\d+) [^{}]*:constisnull true [^{}]*\}`)
	params = regexp.MustCompile(`\{PARAM [^{}]*:paramtype (\d+) [^{}]*\}`)
	places = regexp.MustCompile(`:(location|stmt_len|stmt_location) -?\d+`)
)

// treesOf says what PostgreSQL understands by a text when it prepares it, without places and parameters.
func treesOf(t *testing.T, database string) func(text string) (string, error) {
	t.Helper()
	connector, err := pq.NewConnector(cluster.DSN(throwaway.Superuser, database))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := connector.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var tree string
	pq.SetNoticeHandler(conn, func(n *pq.Error) { tree += n.Detail })
	set := `SET debug_print_parse = on; SET debug_pretty_print = off; SET client_min_messages = log`
	if _, err := conn.(driver.ExecerContext).ExecContext(t.Context(), set, nil); err != nil {
		t.Fatal(err)
	}
	return func(text string) (string, error) {
		tree = ""
		stmt, err := conn.(driver.ConnPrepareContext).PrepareContext(t.Context(), text)
		if err != nil {
			var pe *pq.Error
			if !errors.As(err, &pe) {
				return "", err
			}
			return "", errors.New(pe.Message)
		}
		out := tree
		if err := stmt.Close(); err != nil {
			return "", err
		}
		if out == "" {
			return "", errors.New("the database has said nothing of what it understands")
		}
		out = places.ReplaceAllString(strings.Join(strings.Fields(out), " "), "")
		return params.ReplaceAllString(nulls.ReplaceAllString(out, "{OF $1}"), "{OF $1}"), nil
	}
}
