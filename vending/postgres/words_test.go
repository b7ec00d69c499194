package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"deputy/vending"
)

// What cannot be done on views is refused by its name, with the way out.
func TestRefusalsNameWhatIsRefused(t *testing.T) {
	e := newEngine(t, newDatabase(t, seed+`CREATE TYPE sales.status AS ENUM ('open')`), "sales")
	for _, c := range [][2]string{
		{`SELECT id FROM sales.customer_orders TABLESAMPLE SYSTEM (100)`, "TABLESAMPLE"},
		{`SELECT 'open'::sales.status`, "without the cast"},
		{`SELECT 'open'::status`, "without the cast"},
		{`SELECT CAST('open' AS sales.status)`, "without the cast"},
		{`SELECT id, region FROM sales.customer_orders GROUP BY id`, "add to GROUP BY: region;"},
		{`SELECT avg(sum(id)) FROM sales.customer_orders`, "aggregate function calls cannot be nested"},
		{`SELECT xmin FROM sales.customer_orders`, "system columns"},
		{`SELECT o.ctid FROM sales.customer_orders o`, "system columns"},
		{`SELECT id FROM sales.customer_orders WHERE region = "US-EAST"`, "single quotes, 'US-EAST'"},
		{`EXPLAIN SELECT id FROM sales.customer_orders`, "send the SELECT itself"},
		{`/* x */ ; SHOW search_path`, "settings are not shown"},
		{`SELECT current_setting('TimeZone')`, "current_setting may not be used: settings are not shown"},
		{`SELECT count(DISTINCT id) OVER () FROM sales.customer_orders`, "DISTINCT is not implemented for window"},
		{`SELECT 1 FROM sales.customer_orders a FULL JOIN sales.customer_orders b ON a.id < b.id`, "FULL JOIN"},
		{`SELECT current_schema`, "current_schema may not be used"},
		{`SELECT id FROM sales.customer_orders WHERE id = $1`, "parameters as $1"},
	} {
		sql, words := c[0], c[1]
		l := lease("words000000", sql)
		s, err := e.Analyze(t.Context(), sql)
		if err == nil {
			err = vending.Gate(s)
		}
		if err == nil {
			_, err = e.Run(t.Context(), l)
		} else if diagnosed := e.Diagnose(t.Context(), l); diagnosed != nil {
			err = diagnosed
		}
		var known *vending.Error
		if !errors.As(err, &known) || !strings.Contains(known.Message, words) {
			t.Errorf("%s is refused with %v", sql, err)
		}
	}
}

// A read of no column has rows all the same.
func TestRowsWithoutColumns(t *testing.T) {
	database := newDatabase(t, seed+`CREATE TABLE sales.bare (); INSERT INTO sales.bare DEFAULT VALUES`)
	e := newEngine(t, database, "sales")
	catalog, err := e.Catalog(t.Context())
	if err != nil || len(catalog.Tables) != 2 || len(catalog.Tables[0].Columns) != 0 {
		t.Fatalf("the catalog is %v: %v", catalog, err)
	}
	got, err := e.Run(t.Context(), lease("bare0000000", "SELECT FROM sales.customer_orders"))
	if err != nil || len(got.Rows) != 2 || len(got.Rows[0]) != 0 {
		t.Errorf("the rows are %v: %v", got.Rows, err)
	}
	l := lease("bare0000001", "SELECT count(*) FROM sales.bare")
	l.Access[0].Table.Name, l.Access[0].Columns = "bare", nil
	if got, err = e.Run(t.Context(), l); err != nil || got.Rows[0][0] != "1" {
		t.Errorf("the count is %v: %v", got.Rows, err)
	}
	l.SQL, l.Access = "SELECT", nil
	if got, err = e.Run(t.Context(), l); err == nil || !strings.Contains(err.Error(), "asks for nothing") {
		t.Errorf("what asks for nothing gives %v: %v", got, err)
	}
	l.SQL = "COPY (SELECT 1) TO STDOUT"
	if got, err = e.Run(t.Context(), l); err == nil {
		t.Errorf("what is no read gives %v", got)
	}
}
