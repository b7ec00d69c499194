package postgres_test

import (
	"fmt"
	"testing"

	"deputy/vending"
)

// A name of the statement's own may be a governed schema's: both mean what they mean to PostgreSQL.
func TestNamesLikeTheSchema(t *testing.T) {
	e := newEngine(t, newDatabase(t, seed), "sales")
	for i, c := range [][2]string{
		{`WITH sales AS (SELECT id AS customer_orders FROM sales.customer_orders)
			SELECT sales.customer_orders FROM sales ORDER BY 1`, "[[1] [2]]"},
		{`SELECT sales.customer_orders
			FROM (SELECT count(*) AS customer_orders FROM sales.customer_orders) AS sales`, "[[2]]"},
		{`SELECT sales.id FROM sales.customer_orders AS sales WHERE sales.id IN
			(SELECT sales.customer_orders.id FROM sales.customer_orders) ORDER BY 1`, "[[1] [2]]"},
		{`SELECT lastname FROM sales.customer_orders sales LIMIT 1`, "[[REDACTED]]"},
	} {
		got, err := e.Run(t.Context(), lease(fmt.Sprintf("shadow%05d", i), c[0]))
		if err != nil || fmt.Sprint(got.Rows) != c[1] {
			t.Errorf("%s gives %v: %v", c[0], got.Rows, err)
		}
	}
	missing := lease("shadow99999", `SELECT sales.customer_orders FROM (SELECT 1 AS x) sales`)
	if _, err := e.Run(t.Context(), missing); err == nil {
		t.Error("a column that is not there can be read")
	}
}

// ONLY is not left aside: the rows of a table that others inherit from are refused alone.
func TestOnlyIsRefused(t *testing.T) {
	e := newEngine(t, newDatabase(t, seed+`CREATE TABLE sales.more () INHERITS (sales.customer_orders)`), "sales")
	for sql, refused := range map[string]bool{
		`SELECT count(*) FROM ONLY sales.customer_orders`:                                 true,
		`SELECT (SELECT count(*) FROM ONLY (customer_orders)) FROM sales.customer_orders`: true,
		`SELECT count(*) FROM sales.customer_orders`:                                      false,
		`SELECT count(*) FROM ONLY sales.more`:                                            false,
	} {
		s, err := e.Analyze(t.Context(), sql)
		if err != nil || (vending.Gate(s) != nil) != refused {
			t.Errorf("%s is analysed as %+v: %v", sql, s, err)
		}
	}
}
