package sqlite

import (
	"errors"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending"
	"deputy/vending/enginetest/dataset"
)

// prepareRead is a lock of its own: here nothing else guards the connection.
func TestPrepareRead(t *testing.T) {
	e := newEngine(t, newFile(t, `CREATE TABLE t (a)`))
	for sql, want := range map[string]error{
		`SELECT 1`: nil, `values (1)`: nil, "-- x\n/* y */ WITH c AS (SELECT 1) SELECT * FROM c": nil, "\tSELECT(1)": nil, `SELECT a FROM s.t`: nil,
		``: errNotRead, `--`: errNotRead, `/* SELECT 1`: errNotRead, `"SELECT" 1`: errNotRead, "\ufeffSELECT 1": errNotRead, `SELECTED 1`: errNotRead,
		`EXPLAIN SELECT 1`: errNotRead, `PRAGMA user_version`: errNotRead, `CREATE TEMP TABLE x (a)`: errNotRead, `INSERT INTO x VALUES (1)`: errNotRead,
		`WITH c AS (SELECT 1) INSERT INTO temp.x SELECT * FROM c`: errNotRead, `WITH c AS (SELECT 1) DELETE FROM temp.x`: errNotRead,
		`SELECT 1; SELECT 2`: errSeveral, `SELECT 1; -- x`: errSeveral,
		`SELECT ?`: errParameters, `SELECT :a`: errParameters,
	} {
		err := e.withFile(t.Context(), "s", func(c conn) error {
			if err := c.Exec(`CREATE TEMP TABLE x (a)`); err != nil {
				t.Fatal(err)
			}
			stmt, err := c.prepareRead(sql, nil)
			stmt.Close()
			return err
		})
		if !errors.Is(err, want) {
			t.Errorf("%q is prepared with %v, not %v", sql, err, want)
		}
	}
}

func TestTheFileIsAttachedForReadingOnly(t *testing.T) {
	path := newFile(t, `CREATE TABLE t (a)`)
	err := newEngine(t, path).withFile(t.Context(), "s", func(c conn) error {
		if err := c.Exec(`INSERT INTO s.t VALUES (1)`); err == nil {
			t.Error("a session can write to the file")
		}
		return c.attach("file:"+path+"?mode=rw", "again")
	})
	if err == nil {
		t.Error("a file that could be written to is attached")
	}
}

func TestALockedSessionHasLimits(t *testing.T) {
	e := newEngine(t, newFile(t, dataset.Statements("")...))
	for name, sql := range map[string]string{
		"a long value":     `SELECT length(printf('%0300000d', 1))`,
		"a deep statement": `SELECT ` + strings.Repeat(`1 + `, 600) + `1`,
		"a wide union":     `SELECT 1` + strings.Repeat(` UNION ALL SELECT 1`, 300),
		"a long pattern":   `SELECT 'a' LIKE '` + strings.Repeat("a", 300) + `'`,
		"many arguments":   `SELECT max(1` + strings.Repeat(`, 1`, 200) + `)`,
	} {
		var refusal *vending.Error
		if _, err := e.Run(t.Context(), lease(sql)); !errors.As(err, &refusal) {
			t.Errorf("%s has no limit: %v", name, err)
		}
	}
}

// SQLite puts off a condition with a subquery that depends on the row. Merged into the caller's statement, a row filter
// of this kind would be evaluated behind the caller's own conditions.
func TestASlowFilterIsStillBeforeTheCallersExpressions(t *testing.T) {
	e := newEngine(t, newFile(t, dataset.Statements("")...))
	filter := entitlements.Filter{Policy: "p", Where: []expression.Part{
		{SQL: `EXISTS (SELECT 1 FROM sales.regions r WHERE r.region = customer_orders.region AND r.region = 'US-EAST')`}}}
	orders := open(t, e, "customer_orders", redacted, filter)
	const touchy = `abs(CASE WHEN region = 'US-WEST' THEN -9223372036854775807 - 1 ELSE 1 END) = 1`
	result, err := e.Run(t.Context(), lease(`SELECT region FROM customer_orders WHERE `+touchy, orders))
	if err != nil || len(result.Rows) != 3 {
		t.Errorf("the caller's condition saw a hidden row: %v, %v", result.Rows, err)
	}
}
