package sqlite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending/sqlite/view"
)

// count is how many rows a rule lets through.
func count(t *testing.T, e *Engine, table string, filters ...entitlements.Filter) string {
	t.Helper()
	result, err := e.Run(t.Context(), lease(`SELECT count(*) FROM `+table, open(t, e, table, nil, filters...)))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(result.Rows[0][0])
}

func TestWithinReadsMomentsAsSQLiteWritesThem(t *testing.T) {
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.FixedZone("CET", 3600)) // 09:00 UTC
	for _, test := range []struct {
		declared, value string
		last            time.Duration
		want            bool
	}{
		{"DATE", `'2026-11-25'`, time.Hour, true},
		{"DATE", `'2026-11-24'`, time.Hour, false},
		{"DATE", `'2026-11-24'`, 24 * time.Hour, true},
		{"DATE", `'2026-11-24'`, 47 * time.Hour, true},
		{"DATE", `'2026-11-23'`, 47 * time.Hour, false},
		{"DATE", `'2026-11-26'`, 24 * time.Hour, false},
		{"DATE", `'2026-11-25 23:59:59'`, time.Hour, true},
		{"DATE", `1795564799`, time.Hour, false}, // the last second of yesterday
		{"DATE", `1795564800`, time.Hour, true},
		{"TIMESTAMP", `'2026-11-25 09:00:00'`, time.Hour, true},
		{"TIMESTAMP", `'2026-11-25 09:00:00.001'`, time.Hour, false},
		{"TIMESTAMP", `'2026-11-25T08:00'`, time.Hour, true},
		{"TIMESTAMP", `'2026-11-25 07:59:59'`, time.Hour, false},
		{"TIMESTAMP", `'2026-11-25T10:00:00+01:00'`, time.Hour, true},
		{"TIMESTAMP", `'2026-11-25 09:00:01Z'`, time.Hour, false},
		{"TIMESTAMP", `'2026-11-25'`, 9 * time.Hour, true},
		{"TIMESTAMP", `'2026-11-25'`, 8 * time.Hour, false},
		{"DATETIME", `1795597200`, time.Hour, true},
		{"DATETIME", `1795597201`, time.Hour, false},
		{"DATETIME", `1795593600`, time.Hour, true},
		{"DATETIME", `1795593599`, time.Hour, false},
		{"DATETIME", `9223372036854775807`, time.Hour, false},
		{"DATETIME", `-9223372036854775807`, time.Hour, false},
		{"DATETIME", `NULL`, time.Hour, false},
		{"DATETIME", `'now'`, time.Hour, false},
		{"DATETIME", `''`, time.Hour, false},
		{"DATETIME", `'2026-11-31'`, 500 * time.Hour, false},
		{"DATETIME", `'09:00'`, 500 * time.Hour, false},
		{"DATETIME", `'2026-11-25 later'`, 500 * time.Hour, false},
		{"DATETIME", `2461369.875`, time.Hour, false}, // a Julian day
		{"DATETIME", `x'323032362d31312d3235'`, 500 * time.Hour, false},
	} {
		e := newEngine(
			t,
			newFile(t, `CREATE TABLE t (c `+test.declared+`)`, `INSERT INTO t VALUES (`+test.value+`)`),
			func(c *Config) { c.Now = func() time.Time { return now } },
		)
		column := open(t, e, "t", nil).Columns[0].Column
		got := count(t, e, "t", entitlements.Filter{Within: &entitlements.Within{Column: column, Last: test.last}})
		if got == "1" != test.want {
			t.Errorf("%s in a %s is within %v of 09:00 on 2026-11-25: %s", test.value, test.declared, test.last, got)
		}
	}
}

// Rows that a reader could take for the same are drawn each on their own, by everything that is in them.
func TestASampleIsDrawnByTheWholeRow(t *testing.T) {
	half := entitlements.Filter{Sample: &entitlements.Sample{PerMillion: 500_000}}
	shown := func(create string, insert ...string) (rows int) {
		e := newEngine(t, newFile(t, append([]string{create}, insert...)...))
		result, err := e.Run(t.Context(), lease(`SELECT 1 FROM t`, open(t, e, "t", nil, half)))
		if err != nil {
			t.Fatal(err)
		}
		return len(result.Rows)
	}
	const n = 80 // all alike with a probability of 2^-79
	for name, insert := range map[string]func(i int) string{
		"the last column": func(i int) string { return fmt.Sprintf(`'x', 'y', %d`, i) },
		"where a value ends": func(i int) string {
			const unit = "78040000000000000000" // what stands between two values, if the second is empty
			return fmt.Sprintf(`x'%s78', x'%s78', 0`, strings.Repeat(unit, i), strings.Repeat(unit, n-i))
		},
		"bytes": func(i int) string { return fmt.Sprintf(`x'%02x', NULL, 0`, i) },
		"reals": func(i int) string { return fmt.Sprintf(`%d.5, NULL, 0`, i) },
	} {
		var rows []string
		for i := range n {
			rows = append(rows, `INSERT INTO t VALUES (`+insert(i)+`)`)
		}
		if got := shown(`CREATE TABLE t (a, b, c)`, rows...); got < n/5 || got > n*4/5 {
			t.Errorf("of %d rows that differ in %s, %d are in a sample of 50%%", n, name, got)
		}
	}
	e := newEngine(t, newFile(t, `CREATE TABLE t (a)`))
	draw := map[string]bool{}
	if err := e.withFile(t.Context(), "f", func(c conn) error {
		n, err := e.randomNames()
		if err != nil {
			return err
		}
		if err := view.NewWriter(e.schema, testKey, n.Names, nil).Register(c.Conn, time.Now()); err != nil {
			return err
		}
		for _, value := range []string{`1`, `1.0`, `'1'`, `x'31'`, `NULL`, `''`, `x''`, `0`} {
			var at []byte
			for share := 10_000; share < 1_000_000; share += 10_000 {
				if err := c.query(
					fmt.Sprintf(`SELECT %s(%d, %s)`, n.Sample, share, value),
					func(r row) { at = append(at, '0'+byte(r.ColumnInt(0))) },
				); err != nil {
					return err
				}
			}
			draw[string(at)] = true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(draw) < 7 { // eight numbers below a hundred: two may fall together
		t.Errorf("values of different storage classes are drawn alike: %d of 8 draws differ", len(draw))
	}
}

func TestASampleOfATableWithMoreColumnsThanAFunctionTakes(t *testing.T) {
	var columns []string
	for i := range 1500 {
		columns = append(columns, fmt.Sprintf("c%d DEFAULT 0", i))
	}
	e := newEngine(t, newFile(
		t,
		`CREATE TABLE t (`+strings.Join(columns, ", ")+`)`,
		`INSERT INTO t (c7) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
			SELECT i FROM n`,
	))
	first := count(t, e, "t", entitlements.Filter{Sample: &entitlements.Sample{PerMillion: 500_000}})
	if first < "350" || first > "650" || len(first) != 3 {
		t.Errorf("50%% of 1,000 rows of 1,500 columns are %s", first)
	}
}

func TestAValueThatIsNoPlainTextShowsNoRow(t *testing.T) {
	e := newEngine(t, newFile(t, `CREATE TABLE t (a TEXT)`, `INSERT INTO t VALUES ('x')`))
	for _, value := range []string{"x\x00", "x\xff"} {
		for _, parts := range [][]expression.Part{
			{{SQL: "a <> "}, {Variable: expression.UserID, Values: []string{value}}},
			{{SQL: "a <> all("}, {Variable: "attribute.a", Values: []string{"y", value}}, {SQL: ")"}},
		} {
			result, err := e.Run(
				t.Context(),
				lease(`SELECT a FROM t`, open(t, e, "t", nil, entitlements.Filter{Where: parts})),
			)
			if err != nil || len(result.Rows) > 0 || len(result.Unfit) != 1 {
				t.Errorf("%q in a condition shows %v, and %v is said: %v", value, result.Rows, result.Unfit, err)
			}
		}
	}
}

// The functions that rules call are for rules: a statement can neither name them nor ask them.
func TestTheFunctionsOfRulesAreForRules(t *testing.T) {
	e := newEngine(t, newFile(t, `CREATE TABLE t (a DATE)`))
	n, err := e.randomNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []string{n.Sample + `(1, 2)`, n.Within + `(1, 2, 3)`} {
		err := e.withFile(t.Context(), n.lure, func(c conn) error {
			if err := c.attach(e.uri, n.File); err != nil {
				return err
			}
			s, err := e.vend(c, lease(`SELECT `+call+` FROM t`, open(t, e, "t", nil)), n, time.Now())
			if err != nil {
				return err
			}
			_, err = s.prepare()
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "not authorized to use function") {
			t.Errorf("a statement may call %s: %v", call, err)
		}
	}
}

// A filter may look into other tables, as they are: neither the caller's view of one, nor a common table expression of
// its name, may stand in for it.
func TestALookupIsNamedWithItsSchema(t *testing.T) {
	e := newEngine(
		t,
		newFile(
			t,
			`CREATE TABLE people (name, optouts)`,
			`INSERT INTO people VALUES ('Ann', 1), ('Bob', 2)`,
			`CREATE TABLE optouts (name)`,
			`INSERT INTO optouts VALUES ('Ann')`,
		),
	)
	none := open(t, e, "optouts", nil, entitlements.Filter{Where: []expression.Part{{SQL: `1 = 0`}}})
	for _, statement := range []string{
		`SELECT name FROM people`,
		`SELECT name FROM people WHERE (SELECT count(name) FROM optouts) = 0`,
		`WITH optouts(name) AS (SELECT 'Zoe') SELECT name FROM people WHERE (SELECT count(name) FROM sales.optouts) = 0`,
		`WITH optouts(name) AS (SELECT 'Zoe') SELECT p.name FROM people p, optouts`,
	} {
		for where, right := range map[string]bool{
			`optouts > 0 and name not in (select name from sales.optouts)`: true,
			`name not in (select name from optouts)`:                       false,
			`name not in optouts`:                                          false,
			`name not in (select name from "OptOuts")`:                     false,
		} {
			people := open(t, e, "people", nil, entitlements.Filter{Where: []expression.Part{{SQL: where}}})
			result, err := e.Run(t.Context(), lease(statement, people, none))
			switch {
			case right && (err != nil || len(result.Rows) != 1 || result.Rows[0][0] != "Bob"):
				t.Errorf("%s, where %s: %v, %v", statement, where, result.Rows, err)
			case !right && (err == nil || !strings.Contains(err.Error(), "write sales.optouts")):
				t.Errorf("%s, where %s, which does not name the schema: %v, %v", statement, where, result.Rows, err)
			}
		}
	}
}
