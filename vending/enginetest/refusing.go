package enginetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"deputy/vending"
	"deputy/vending/enginetest/trial"
)

func testShapes(t *testing.T, s trial.Suite) {
	before := s.Outside(t)
	orders := s.Grant(t, "customer_orders")
	for _, sql := range []string{
		``, ` `, `;`, `-- nothing`, `/* nothing */`,
		`INSERT INTO sales.customer_orders VALUES ('x', 'x', 1, 1)`,
		`UPDATE sales.customer_orders SET region = 'x'`,
		`DELETE FROM sales.customer_orders`,
		`DELETE FROM sales.customer_orders RETURNING lastname`,
		`WITH x AS (SELECT 1) DELETE FROM sales.customer_orders`,
		`WITH x AS (SELECT 1) INSERT INTO sales.customer_orders SELECT 'x', 'x', 1, 1`,
		`CREATE TABLE sales.stolen AS SELECT * FROM sales.customer_orders`,
		`CREATE TEMP TABLE stolen AS SELECT * FROM sales.customer_orders`,
		`CREATE VIEW stolen AS SELECT 1`,
		`DROP TABLE sales.customer_orders`,
		`ALTER TABLE sales.customer_orders RENAME TO stolen`,
		`SELECT 1; SELECT 2`, `SELECT 1;; SELECT 2`, "SELECT 1; -- x\nSELECT 2",
		`BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT s`,
		`EXPLAIN SELECT 1`, `EXPLAIN QUERY PLAN SELECT 1`, `/* */ EXPLAIN SELECT 1`,
		`PRAGMA query_only = off`, `SET search_path = x`, `RESET ROLE`, `ANALYZE`, `VACUUM`,
		`SELECT $1`, `SELECT lastname FROM`, `SELEKT 1`, `SELECT 'open`, `SELECT "open`, `SELECT (1`,
	} {
		_, analysis := s.Engine.Analyze(t.Context(), sql)
		trial.Refused(t, sql, analysis, vending.Unsupported, vending.InvalidSQL)
		// Run is not what refuses these: without the analysis before it, they need only be harmless.
		if _, err := s.Engine.Run(t.Context(), trial.Lease(sql, orders)); err != nil {
			trial.Refused(t, sql, err, vending.Unsupported, vending.InvalidSQL, vending.NotPermitted)
		}
	}
	s.LeavesNothing(t, before)
}

// testHidden: nothing that a caller can try tells a table it may not know of from one that is not there.
func testHidden(t *testing.T, s trial.Suite) {
	const hidden, absent = "secret_salaries", "absent_salaries"
	orders := s.Grant(t, "customer_orders", trial.Only("region"))
	for _, sql := range []string{
		`SELECT * FROM sales.secret_salaries`,
		`SELECT * FROM secret_salaries`,
		`SELECT salary FROM sales.secret_salaries`,
		`SELECT nothing FROM sales.secret_salaries`,
		`SELECT count(*) FROM sales.secret_salaries`,
		`SELECT count(*) FROM secret_salaries`,
		`SELECT 1 FROM SECRET_SALARIES`,
		`SELECT 1 FROM "secret_salaries"`,
		`SELECT 1 FROM 'secret_salaries'`,
		`SELECT 1 FROM secret_salaries(1)`,
		`SELECT secret_salaries(1)`,
		`SELECT secret_salaries`,
		`SELECT secret_salaries.salary FROM sales.customer_orders`,
		`SELECT region FROM sales.customer_orders JOIN sales.secret_salaries ON 1 = 1`,
		`SELECT region FROM customer_orders NATURAL JOIN secret_salaries`,
		`SELECT (SELECT max(salary) FROM sales.secret_salaries) FROM sales.customer_orders`,
		`SELECT region FROM sales.customer_orders WHERE EXISTS (SELECT 1 FROM secret_salaries)`,
		`SELECT region FROM customer_orders UNION SELECT name FROM secret_salaries`,
		`WITH c AS (SELECT * FROM secret_salaries) SELECT * FROM c`,
		`WITH secret_salaries AS (SELECT 1 AS one) SELECT count(*) FROM secret_salaries`,
		`WITH secret_salaries AS (SELECT 1 AS one) SELECT one FROM secret_salaries`,
		`WITH "secret_salaries" AS (SELECT 1 AS one LIMIT 1) SELECT count(*) FROM "secret_salaries"`,
		`WITH secret_salaries AS (SELECT 1 AS one) SELECT one FROM sales.secret_salaries`,
		`SELECT secret_salaries.region FROM sales.customer_orders AS secret_salaries`,
		`SELECT 'secret_salaries' AS secret_salaries`,
	} {
		twin := strings.NewReplacer(hidden, absent, strings.ToUpper(hidden), strings.ToUpper(absent)).Replace(sql)
		as := func(message string) string { return strings.ReplaceAll(strings.ToLower(message), absent, hidden) }

		result, run := s.Engine.Run(t.Context(), trial.Lease(sql, orders))
		twinResult, twinRun := s.Engine.Run(t.Context(), trial.Lease(twin, orders))
		if got, want := strings.ToLower(outcome(run)), as(outcome(twinRun)); got != want {
			t.Errorf("%s\nanswers %q\nbut for a table that is not there %q", sql, got, want)
		}
		if len(result.Rows) != len(twinResult.Rows) {
			t.Errorf("%s\ngives %d rows, but for a table that is not there %d", sql, len(result.Rows), len(twinResult.Rows))
		}
		diagnosis := strings.ToLower(outcome(s.Engine.Diagnose(t.Context(), trial.Lease(sql, orders))))
		if want := as(outcome(s.Engine.Diagnose(t.Context(), trial.Lease(twin, orders)))); diagnosis != want {
			t.Errorf("%s\nis diagnosed %q\nbut for a table that is not there %q", sql, diagnosis, want)
		}
	}
	for _, sql := range []string{`SELECT * FROM sales.secret_salaries`, `SELECT * FROM sales.absent_salaries`} {
		trial.Refused(t, sql, s.Engine.Diagnose(t.Context(), trial.Lease(sql, orders)), vending.NotPermitted)
	}
	_, err := s.Engine.Analyze(t.Context(), `SELECT * FROM sales.absent_salaries`)
	trial.Refused(t, "the analysis of a table that is not there", err, vending.NotPermitted)
}

func testDiagnose(t *testing.T, s trial.Suite) {
	orders := s.Grant(t, "customer_orders", trial.Only("region"))
	if err := s.Engine.Diagnose(t.Context(), trial.Lease(`SELECT region FROM sales.customer_orders`, orders)); err != nil {
		t.Errorf("a good statement is not diagnosed as good: %v", err)
	}
	for _, column := range []string{"lastname", "lastnome"} { // the first is hidden, the second is not there
		sql := `SELECT region, ` + column + ` FROM sales.customer_orders`
		refusal := trial.Refused(t, sql, s.Engine.Diagnose(t.Context(), trial.Lease(sql, orders)), vending.InvalidSQL)
		if !strings.Contains(refusal.Message, column) {
			t.Errorf("%s\nthe message does not say which column is wrong: %s", sql, refusal.Message)
		}
		if refusal.Position != 0 && refusal.Position != strings.Index(sql, column)+1 {
			t.Errorf("%s\nthe error is said to be at %d", sql, refusal.Position)
		}
	}
	sql := `SELECT sales.customer_orders.region FROM sales.customer_orders WHERE nope = 1`
	refusal := trial.Refused(t, sql, s.Engine.Diagnose(t.Context(), trial.Lease(sql, orders)), vending.InvalidSQL)
	if refusal.Position != 0 && refusal.Position != strings.Index(sql, "nope")+1 {
		t.Errorf("%s\nthe position %d was not mapped back to the caller's text", sql, refusal.Position)
	}
	sql = `SELECT region FROM sales.customer_orders ORDER BY`
	trial.Refused(t, sql, s.Engine.Diagnose(t.Context(), trial.Lease(sql, orders)), vending.InvalidSQL)
}

// outcome tells two refusals apart, as a caller could.
func outcome(err error) string {
	var refusal *vending.Error
	if errors.As(err, &refusal) {
		return fmt.Sprintf("%s at %d: %s", refusal.Code, refusal.Position, refusal.Message)
	}
	return fmt.Sprint(err)
}
