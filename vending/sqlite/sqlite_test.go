package sqlite

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending"
	"deputy/vending/enginetest/dataset"
	"deputy/vending/sqlite/view"
)

func TestOpenFailsLoudly(t *testing.T) {
	good := func() Config { return Config{Path: newFile(t, `CREATE TABLE t(a)`), Schema: "sales", HashKey: testKey} }
	text := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		break_ func(*Config)
		want   string
	}{
		{"no path", func(c *Config) { c.Path = "" }, "path"},
		{"no file", func(c *Config) { c.Path += ".not-there" }, "not-there"},
		{"a file that is no database", func(c *Config) { c.Path = text }, "text.db"},
		{"no schema", func(c *Config) { c.Schema = "" }, "schema"},
		{"a schema that SQLite has already", func(c *Config) { c.Schema = "main" }, "main"},
		{"a schema that needs quotes", func(c *Config) { c.Schema = `a"b` }, "schema"},
		{"a short hash key", func(c *Config) { c.HashKey = testKey[:31] }, "31 bytes"},
	} {
		cfg := good()
		test.break_(&cfg)
		e, err := Open(cfg)
		if err == nil { // the file is looked at when something is asked of it
			_, err = e.Check(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: Open and Check say %v, without %q", test.name, err, test.want)
		}
	}
	if _, err := os.Stat(good().Path + ".not-there"); err == nil {
		t.Error("opening a file that is not there makes one")
	}
}

func TestCatalogHasOrdinaryTablesOnly(t *testing.T) {
	path := newFile(
		t,
		`CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, total NUMERIC(10,2), twice GENERATED ALWAYS AS (total * 2), at TIMESTAMP, ok BOOL, raw BLOB, plain)`,
		`INSERT INTO orders(total) VALUES (1)`,
		`CREATE VIEW v AS SELECT 1 AS x`,
		`CREATE INDEX i ON orders(total)`,
		`ANALYZE`,
	)
	e := newEngine(t, path, func(c *Config) { c.CatalogAge = time.Nanosecond })
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(catalog.Tables) != 1 {
		t.Fatalf("the catalog has more than the one table: %v", catalog.Tables)
	}
	var columns []string
	for _, c := range catalog.Tables[0].Columns {
		columns = append(columns, fmt.Sprintf("%s %s %s", c.Name, c.Type, c.Kind))
	}
	want := []string{
		"id integer number",
		"total numeric(10,2) number",
		"twice  other",
		"at timestamp time",
		"ok bool boolean",
		"raw blob other",
		"plain  other",
	}
	if !slices.Equal(columns, want) {
		t.Errorf("the columns are %q, not %q", columns, want)
	}
	administer(t, path, `ALTER TABLE orders ADD COLUMN more TEXT`)
	if after, err := e.Catalog(t.Context()); err != nil || after.Version == catalog.Version {
		t.Errorf("the version stays %s although a column was added (%v)", catalog.Version, err)
	}
}

func TestObjectsNamedLikeRolesAreNoticed(t *testing.T) {
	e := newEngine(t, newFile(t, `CREATE TABLE t(a)`, `CREATE VIEW deputy_0123456789 AS SELECT 1`))
	if standing, err := e.Standing(t.Context()); err != nil || !slices.Equal(standing, []string{"deputy_0123456789"}) {
		t.Errorf("Standing does not look into the file: %v, %v", standing, err)
	}
	if findings, err := e.Check(t.Context()); err != nil || len(findings) != 1 {
		t.Errorf("Check finds %v, %v", findings, err)
	}
	if findings, err := newEngine(t, newFile(t)).Check(t.Context()); err != nil || len(findings) != 1 {
		t.Errorf("Check finds nothing wrong with an empty file: %v, %v", findings, err)
	}
}

// What is in the file and not governed is as good as not there.
func TestViewsOfTheFileAreOutOfReach(t *testing.T) {
	e := newEngine(
		t,
		newFile(t, append(dataset.Statements(""), `CREATE VIEW staff AS SELECT name FROM secret_salaries`)...),
	)
	orders := open(t, e, "customer_orders", redacted)
	for _, sql := range []string{`SELECT * FROM staff`, `SELECT count(*) FROM staff`, `SELECT name FROM sales.staff`, `SELECT count(*) FROM "STAFF"`} {
		_, err := e.Run(t.Context(), lease(sql, orders))
		_, twin := e.Run(
			t.Context(),
			lease(strings.NewReplacer("staff", "stuff", "STAFF", "STUFF").Replace(sql), orders),
		)
		var got, want *vending.Error
		if !errors.As(err, &got) || !errors.As(twin, &want) || got.Code != vending.NotPermitted ||
			got.Message != want.Message {
			t.Errorf("%s\nanswers %v, but for a name that is not there %v", sql, err, twin)
		}
		if _, err := e.Analyze(t.Context(), sql); !errors.As(err, &got) || got.Code != vending.NotPermitted {
			t.Errorf("%s\nis analysed: %v", sql, err)
		}
	}
}

func TestFiltersCompareAsPeopleWould(t *testing.T) {
	e := newEngine(t, newFile(t, `CREATE TABLE t (id INTEGER, label TEXT, n INTEGER, x REAL, bare)`,
		`INSERT INTO t VALUES (1, '1', 1, 1.5, 1), (2, '01', 2, 2.5, '1'), (3, 'a', 3, NULL, 'a')`))
	for _, test := range []struct{ column, operator, values, want string }{
		{"label", "=", "1", "1"}, {"label", "=", "01", "2"}, {"label", "<>", "1", "2 3"},
		{"n", "=", "1 3", "1 3"}, {"n", "<>", "1", "2 3"}, {"n", "=", "1.0", "1"}, {"n", "=", "x", ""},
		{"x", "=", "1.5", "1"}, {"x", "<>", "1.5", "2"},
		{"bare", "=", "1", "1 2"}, {"bare", "<>", "1", "3"}, {"bare", "<>", "a", "1 2"},
		{"coalesce(n, 0)", "=", "2", "2"}, {"coalesce(n, 0)", "<>", "2", "1 3"}, {"coalesce(x, -0.5)", "<>", "-0.5 1.5", "2"},
	} {
		quantifier := map[string]string{"=": "= any(", "<>": "<> all("}[test.operator]
		filter := entitlements.Filter{Policy: "p", Where: []expression.Part{
			{
				SQL: test.column + " " + quantifier,
			},
			{Variable: "attribute.a", Values: strings.Fields(test.values)},
			{SQL: ")"},
		}}
		result, err := e.Run(t.Context(), lease(`SELECT id FROM t ORDER BY id`, open(t, e, "t", nil, filter)))
		if got := strings.Trim(
			strings.NewReplacer("[", "", "]", "").Replace(fmt.Sprint(result.Rows)),
			" ",
		); err != nil ||
			got != test.want {
			t.Errorf("%s %s%s) shows %q, not %q (%v)", test.column, quantifier, test.values, got, test.want, err)
		}
	}
}

func TestFiltersMayLookIntoOtherTables(t *testing.T) {
	e := newEngine(t, newFile(t, dataset.Statements("")...))
	filter := entitlements.Filter{Policy: "p", Where: []expression.Part{
		{SQL: `sales.customer_orders.lastname IN (SELECT name FROM sales.secret_salaries WHERE salary > 700000)`}}}
	result, err := e.Run(
		t.Context(),
		lease(`SELECT region FROM customer_orders`, open(t, e, "customer_orders", redacted, filter)),
	)
	if err != nil || !reflect.DeepEqual(result.Rows, [][]any{{"US-WEST"}}) {
		t.Errorf("the filter shows %v, %v", result.Rows, err)
	}
}

// A filter that cannot be written for SQLite, or that SQLite does not understand, shows nothing and is the operator's
// business.
func TestBrokenFiltersFailClosed(t *testing.T) {
	e := newEngine(t, newFile(t, dataset.Statements("")...))
	values := expression.Part{Variable: "attribute.a", Values: []string{"US-EAST"}}
	for _, where := range [][]expression.Part{
		{{SQL: "region > any("}, values, {SQL: ")"}},
		{{SQL: "region = any("}, values},
		{{SQL: "region = any("}, values, {SQL: " || 'x')"}},
		{{SQL: "region in ("}, values, {SQL: ")"}},
		{{SQL: "region = = 1"}}, {{SQL: "nothing = 1"}}, {{SQL: "region IN (SELECT name FROM pragma_table_list)"}},
		{{SQL: "changes() >= 0"}}, {{SQL: "region IN (SELECT region FROM sales.nothing)"}},
	} {
		result, err := e.Run(
			t.Context(),
			lease(
				`SELECT count(*) FROM customer_orders`,
				open(t, e, "customer_orders", nil, entitlements.Filter{Policy: "p", Where: where}),
			),
		)
		var refusal *vending.Error
		if !errors.As(err, &refusal) || len(result.Rows) > 0 {
			t.Fatalf("%v shows %v, %v", where, result.Rows, err)
		}
		for _, word := range []string{"nothing", "pragma", "changes", "any"} {
			if strings.Contains(refusal.Message, word) {
				t.Errorf("%v is told to the caller: %s", where, refusal.Message)
			}
		}
	}
	for _, f := range []entitlements.Filter{{}, {Never: true}, {Where: []expression.Part{{SQL: "region <> all("}, {Variable: "attribute.a"}, {SQL: ")"}}}} {
		result, err := e.Run(
			t.Context(),
			lease(`SELECT count(*) FROM customer_orders`, open(t, e, "customer_orders", nil, f)),
		)
		if err != nil || result.Rows[0][0] != int64(0) {
			t.Errorf("%+v shows %v, %v", f, result.Rows, err)
		}
	}
}

func TestValues(t *testing.T) {
	for _, test := range []struct {
		declared string
		value    any
		want     any
	}{
		{"NUMERIC(10,2)", int64(89), "89.00"}, {"NUMERIC(10,2)", 95.67, "95.67"}, {"DECIMAL(8, 3)", 0.5, "0.500"}, {"NUMERIC(10,2)", 1.125, "1.125"},
		{"NUMERIC(10,2)", int64(-7), "-7.00"}, {"NUMERIC", int64(5), "5"}, {"NUMERIC(10)", 5.5, "5.5"}, {"numeric(10,2)", 1e21, "1000000000000000000000.00"},
		{"INTEGER", int64(5), int64(5)}, {"INTEGER", int64(math.MaxInt32), int64(math.MaxInt32)}, {"INTEGER", int64(math.MaxInt32) + 1, "2147483648"},
		{"INTEGER", int64(math.MinInt32) - 1, "-2147483649"}, {"BIGINT", int64(5), "5"},
		{"BOOLEAN", int64(1), true}, {"BOOLEAN", int64(0), false}, {"BOOLEAN", int64(2), int64(2)},
		{"REAL", 0.1, 0.1}, {"REAL", math.Inf(1), "Inf"}, {"REAL", math.Inf(-1), "-Inf"}, {"", 2.5, 2.5},
	} {
		o := newOutput("x", test.declared)
		var got any
		switch v := test.value.(type) {
		case int64:
			got = o.integer(v)
		case float64:
			got = o.real(v)
		}
		if got != test.want {
			t.Errorf("%v of a column declared %s comes out as %#v, not %#v", test.value, test.declared, got, test.want)
		}
	}
}

func TestBytesAndBrokenText(t *testing.T) {
	e := newEngine(
		t,
		newFile(t, `CREATE TABLE t (b BLOB, x TEXT)`, `INSERT INTO t VALUES (x'00ff', CAST(x'61ff62' AS TEXT))`),
	)
	result, err := e.Run(t.Context(), lease(`SELECT b, x, 1 AS n, NULL AS void FROM t`, open(t, e, "t", nil)))
	if err != nil || !reflect.DeepEqual(result.Rows, [][]any{{`\x00ff`, "a\uFFFDb", int64(1), nil}}) {
		t.Errorf("the row is %#v, %v", result.Rows, err)
	}
	want := []vending.OutputColumn{
		{Name: "b", Type: "blob"},
		{Name: "x", Type: "text"},
		{Name: "n", Type: "integer"},
		{Name: "void", Type: "any"},
	}
	if !slices.Equal(result.Columns, want) {
		t.Errorf("the columns are %v, not %v", result.Columns, want)
	}
}

// A statement that needs too much memory ends with an error, and what it used is given back.
func TestMemoryIsLimited(t *testing.T) {
	e := newEngine(
		t,
		newFile(t, dataset.Statements("")...),
		func(c *Config) { c.MaxMemory = 8 << 20; c.MaxConcurrent = 1 },
	)
	const hungry = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500000) SELECT i, i || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' FROM n ORDER BY 2 DESC`
	for range 3 {
		result, err := e.Run(t.Context(), lease(hungry))
		var refusal *vending.Error
		if !errors.As(err, &refusal) || refusal.Code != vending.Unsupported || result.Role.Revoked.IsZero() {
			t.Fatalf("a statement that needs too much memory gives %v", err)
		}
	}
	if _, err := e.Run(t.Context(), lease(`SELECT 1`)); err != nil {
		t.Errorf("the engine does not go on: %v", err)
	}
}

func TestTooBusy(t *testing.T) {
	path := newFile(t, dataset.Statements("")...)
	e := newEngine(t, path, func(c *Config) { c.MaxConcurrent = 1 })
	code := func(l vending.Lease) vending.Code {
		t.Helper()
		var refusal *vending.Error
		if _, err := e.Run(t.Context(), l); !errors.As(err, &refusal) {
			t.Fatalf("the statement is not refused: %v", err)
		}
		return refusal.Code
	}
	l := lease(`SELECT count(*) FROM regions`, open(t, e, "regions", nil))

	release, err := e.slot(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	l.Timeout = time.Millisecond
	if got := code(l); got != vending.TooBusy {
		t.Errorf("a call that finds no free session is answered %s", got)
	}
	release()

	writer, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := writer.Exec(`BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	l.Timeout = time.Minute
	if got := code(l); got != vending.Locked {
		t.Errorf("a call that finds the file locked is answered %s", got)
	}
}

func TestAWriteAheadLogIsRead(t *testing.T) {
	path := newFile(t, `PRAGMA journal_mode = wal`, `CREATE TABLE t (a INTEGER)`)
	e := newEngine(t, path)
	writer, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := writer.Exec(`INSERT INTO t VALUES (7)`); err != nil {
		t.Fatal(err)
	}
	result, err := e.Run(t.Context(), lease(`SELECT a FROM t`, open(t, e, "t", nil)))
	if err != nil || !reflect.DeepEqual(result.Rows, [][]any{{int64(7)}}) {
		t.Errorf("what was just written is not read: %v, %v", result.Rows, err)
	}
}

// The caller may know what a mask shows, and what an administrator wrote in SQL cannot be elsewhere: all else is kept
// on this side.
func TestNoParameterOfAMaskIsInAView(t *testing.T) {
	e := newEngine(t, newFile(t, dataset.Statements("")...))
	n, err := e.randomNames()
	if err != nil {
		t.Fatal(err)
	}
	for column, mask := range map[string]entitlements.Mask{
		"lastname":    {Kind: entitlements.MaskHash},
		"region":      {Kind: entitlements.MaskRegex, Pattern: "4711471147", Replace: "4711471147"},
		"order_total": {Kind: entitlements.MaskBucket, Buckets: []entitlements.Bucket{{Below: "4711471147", Name: "4711471147"}}},
	} {
		for _, mask := range []entitlements.Mask{mask, {Kind: entitlements.MaskFormatPreserving}, {Kind: entitlements.MaskPartial, First: 4711471147}, {Kind: entitlements.MaskRound, Step: "4711471147"}} {
			masked := open(t, e, "customer_orders", map[string]entitlements.Mask{column: mask})
			v, err := view.NewWriter(e.schema, testKey, n.Names, nil).Write(masked, nil, "vinner", false)
			if text := v.Inner + v.Public; err != nil || strings.Contains(text, string(testKey)) ||
				strings.Contains(text, "4711471147") {
				t.Errorf("a view of the mask %s is %+v, %v", mask.Kind, v, err)
			}
		}
	}
}

func TestBadLeasesAreNotVended(t *testing.T) {
	path := newFile(t, dataset.Statements("")...)
	e := newEngine(t, path)
	orders := open(t, e, "customer_orders", redacted)
	elsewhere, ghost, catalog := orders, orders, orders
	stale := open(t, e, "regions", nil)
	stale.Columns[0].Name = "dropped"
	elsewhere.Table.Schema = "main"
	ghost.Table.Name = "ghost"
	catalog.Table.Name = "sqlite_schema"
	for name, l := range map[string]vending.Lease{
		"another schema":            lease(`SELECT 1 FROM customer_orders`, elsewhere),
		"a table that is not there": lease(`SELECT region FROM ghost`, ghost),
		"a table of SQLite's":       lease(`SELECT 1`, catalog),
		"a column that was dropped": lease(`SELECT country FROM regions`, stale),
		"a table twice":             lease(`SELECT 1`, orders, orders),
		"no id":                     {SQL: `SELECT 1`, Timeout: time.Second},
		"an id with more in it":     {SQL: `SELECT 1`, ID: `x"; DROP ROLE`, Timeout: time.Second},
	} {
		result, err := e.Run(t.Context(), l)
		var refusal *vending.Error
		if !errors.As(err, &refusal) || refusal.Code != vending.Unavailable || len(result.Rows) > 0 ||
			strings.Contains(refusal.Message, path) {
			t.Errorf("a lease with %s gives %v, %v", name, result, err)
		}
	}
	e.Close()
	var refusal *vending.Error
	if _, err := e.Run(
		t.Context(),
		lease(`SELECT 1`),
	); !errors.As(err, &refusal) ||
		refusal.Code != vending.Unavailable {
		t.Errorf("an engine that was closed answers %v", err)
	}
}

func TestUnnamedExpressionsAreNamedAsWritten(t *testing.T) {
	e := newEngine(t, newFile(t, dataset.Statements("")...))
	result, err := e.Run(t.Context(), lease(`SELECT sales.customer_orders.order_total +
		1 FROM sales.customer_orders`, open(t, e, "customer_orders", redacted)))
	if err != nil || !strings.HasPrefix(result.Columns[0].Name, "sales.customer_orders.order_total +") {
		t.Errorf("the column is called %q (%v)", result.Columns[0].Name, err)
	}
}
