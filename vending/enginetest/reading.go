package enginetest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"deputy/vending/enginetest/trial"
)

func testReading(t *testing.T, s trial.Suite) {
	orders := s.Grant(t, "customer_orders", trial.Masked("lastname", trial.Constant("REDACTED")))
	regions := s.Grant(t, "regions")
	for _, test := range []struct {
		name, sql string
		want      []string
	}{
		{"everything", `SELECT * FROM sales.customer_orders ORDER BY order_total`, []string{
			"REDACTED|US-EAST|50.00|54.13", "REDACTED|US-EAST|89.00|95.67", "REDACTED|US-EAST|117.00|127.95",
			"REDACTED|US-WEST|225.00|245.73", "REDACTED|US-CENTRAL|356.00|370.16"}},
		{"without the schema", `SELECT order_total FROM customer_orders WHERE region = 'US-WEST'`, []string{"225.00"}},
		{"a semicolon and a comment at the end", "SELECT order_total FROM customer_orders WHERE region = 'US-WEST'; -- done", []string{"225.00"}},
		{"aliases", `SELECT o.region AS r FROM sales.customer_orders AS o WHERE o.order_total > 300`, []string{"US-CENTRAL"}},
		{"columns with schema and table", `SELECT sales.customer_orders.region FROM sales.customer_orders WHERE sales.customer_orders.order_total > 300`, []string{"US-CENTRAL"}},
		{"another case", `Select Region From Sales.Customer_Orders Where ORDER_TOTAL > 300`, []string{"US-CENTRAL"}},
		{"quoted names", `SELECT "region" FROM "sales"."customer_orders" WHERE "order_total" > 300`, []string{"US-CENTRAL"}},
		{"the schema's name in a string", `SELECT 'sales.customer_orders' FROM sales.regions WHERE country = 'Norway'`, []string{"sales.customer_orders"}},
		{"a comment between the words of a name", `SELECT region FROM sales /* the */ . customer_orders WHERE order_total > 300`, []string{"US-CENTRAL"}},
		{"a join", `SELECT DISTINCT o.region, r.country FROM sales.customer_orders o JOIN sales.regions r ON r.region = o.region ORDER BY 1`, []string{"US-EAST|United States", "US-WEST|United States"}},
		{"an outer join", `SELECT r.region FROM sales.regions r LEFT JOIN sales.customer_orders o ON o.region = r.region WHERE o.region IS NULL`, []string{"EU-NORTH"}},
		{"a subquery", `SELECT region FROM sales.regions WHERE region IN (SELECT region FROM sales.customer_orders WHERE order_total > 200)`, []string{"US-WEST"}},
		{"a subquery in FROM", `SELECT q.r FROM (SELECT region AS r, order_total FROM sales.customer_orders) AS q WHERE q.order_total > 300`, []string{"US-CENTRAL"}},
		{"EXISTS", `SELECT r.region FROM sales.regions r WHERE NOT EXISTS (SELECT 1 FROM sales.customer_orders o WHERE o.region = r.region)`, []string{"EU-NORTH"}},
		{"a common table expression", `WITH big AS (SELECT region FROM sales.customer_orders WHERE order_total > 300) SELECT region FROM big`, []string{"US-CENTRAL"}},
		{"a common table expression with a table's name", `WITH customer_orders AS (SELECT region FROM sales.customer_orders WHERE order_total > 300) SELECT region FROM customer_orders`, []string{"US-CENTRAL"}},
		{"a recursive common table expression", `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n ORDER BY i`, []string{"1", "2", "3"}},
		{"set operations", `SELECT region FROM sales.customer_orders INTERSECT SELECT region FROM sales.regions ORDER BY 1`, []string{"US-EAST", "US-WEST"}},
		{"grouping", `SELECT region, count(*) FROM sales.customer_orders GROUP BY region HAVING count(*) > 1`, []string{"US-EAST|3"}},
		{"counting", `SELECT count(*) FROM customer_orders`, []string{"5"}},
		{"counting a qualified table", `SELECT count(*) FROM sales.customer_orders`, []string{"5"}},
		{"no column at all", `SELECT 1 FROM sales.regions`, []string{"1", "1", "1"}},
		{"windows", `SELECT region, row_number() OVER (ORDER BY order_total DESC) FROM sales.customer_orders ORDER BY 2 LIMIT 2`, []string{"US-CENTRAL|1", "US-WEST|2"}},
		{"CASE", `SELECT CASE WHEN order_total > 300 THEN 'big' ELSE 'small' END FROM sales.customer_orders WHERE region = 'US-CENTRAL'`, []string{"big"}},
		{"functions", `SELECT upper(lower(region)), length(region), coalesce(NULL, 'x') FROM sales.customer_orders WHERE order_total > 300`, []string{"US-CENTRAL|10|x"}},
		{"no table", `SELECT 1 + 1`, []string{"2"}},
		{"VALUES", `VALUES (1), (2)`, []string{"1", "2"}},
		{"no row", `SELECT region FROM sales.regions WHERE 1 = 0`, nil},
	} {
		t.Run(test.name, func(t *testing.T) { s.Expect(t, trial.Lease(test.sql, orders, regions), test.want...) })
	}
	t.Run("only rows, of a table of which no column is open", func(t *testing.T) {
		s.Expect(
			t,
			trial.Lease(`SELECT count(*) FROM sales.customer_orders`, s.Grant(t, "customer_orders", trial.Only())),
			"5",
		)
	})
	t.Run("only the columns that are open", func(t *testing.T) {
		s.Expect(
			t,
			trial.Lease(
				`SELECT * FROM sales.customer_orders WHERE order_total > 300`,
				s.Grant(t, "customer_orders", trial.Only("region", "order_total")),
			),
			"US-CENTRAL|356.00",
		)
	})
}

func testValues(t *testing.T, s trial.Suite) {
	got := s.Run(
		t,
		trial.Lease(
			`SELECT id, big, exact, approx, flag, day, note, missing, code, stamp, small FROM sales.samples ORDER BY id`,
			s.Grant(t, "samples"),
		),
	).Rows
	want := [][]any{
		{
			int64(1),
			"9007199254740993",
			"12.500",
			0.5,
			true,
			"2026-11-23",
			"héllo ☂",
			nil,
			"AB-12",
			"2026-11-23T10:41:07",
			int64(32767),
		},
		{int64(2), "7", "-3.000", 2.25, false, "2026-01-31", "it's", nil, "it's", "2026-01-31T23:59:59", int64(-32768)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("values come out as\n%#v\nnot\n%#v", got, want)
	}
}

func testColumns(t *testing.T, s trial.Suite) {
	result := s.Run(
		t,
		trial.Lease(`SELECT id, note AS "Remark", id + 1 AS next FROM sales.samples WHERE 1 = 0`, s.Grant(t, "samples")),
	)
	var names []string
	for _, c := range result.Columns {
		names = append(names, c.Name)
		if c.Type == "" || c.Type != strings.ToLower(c.Type) {
			t.Errorf("column %s has the type %q: it is empty or not in lower case", c.Name, c.Type)
		}
	}
	if !slices.Equal(names, []string{"id", "Remark", "next"}) {
		t.Errorf("the columns are called %q", names)
	}
	if result.Rows == nil || len(result.Rows) > 0 {
		t.Errorf("no row is %#v, not an empty list", result.Rows)
	}
}
