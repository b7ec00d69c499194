package enginetest

import (
	"fmt"
	"slices"
	"testing"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/enginetest/dataset"
	"deputy/vending/enginetest/trial"
)

func testCatalog(t *testing.T, s trial.Suite) {
	catalog, err := s.Engine.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for _, table := range catalog.Tables {
		tables = append(tables, table.String())
	}
	if slices.Sort(tables); !slices.Equal(
		tables,
		[]string{
			"sales.allowed",
			"sales.customer_orders",
			"sales.many",
			"sales.regions",
			"sales.samples",
			"sales.secret_salaries",
			"sales.visits",
		},
	) {
		t.Errorf("the catalog has other tables than the seed: %v", tables)
	}
	samples, _ := catalog.Table(entitlements.TableName{Schema: dataset.Schema, Name: "samples"})
	want := []string{
		"id number",
		"big number",
		"exact number",
		"approx number",
		"flag boolean",
		"day date",
		"note text",
		"missing text",
		"email text",
		"phone text",
		"code text",
		"padded text",
		"stamp time",
		"small number",
		"digits text",
	}
	var columns []string
	for _, c := range samples.Columns {
		columns = append(columns, fmt.Sprintf("%s %s", c.Name, c.Kind))
		if c.Type == "" {
			t.Errorf("column %s has no type", c.Name)
		}
	}
	if !slices.Equal(columns, want) {
		t.Errorf("the columns are %v, not in the table's order and of the kinds %v", columns, want)
	}
	if again, err := s.Engine.Catalog(t.Context()); err != nil || again.Version != catalog.Version ||
		catalog.Version == "" {
		t.Errorf("the catalog has the versions %q and %q although nothing changed (%v)", catalog.Version, again.Version, err)
	}
	findings, err := s.Engine.Check(t.Context())
	for _, f := range findings {
		if !f.Warning {
			t.Errorf("the fixture's database is not ready: %s", f.Text)
		}
	}
	if err != nil {
		t.Errorf("the set-up cannot be checked: %v", err)
	}
}

func testAnalyze(t *testing.T, s trial.Suite) {
	const orders, regions, all = "customer_orders", "regions", "lastname region order_total total_with_shipping"
	for _, test := range []struct {
		name, sql string
		tables    map[string]string
		origins   []string // of outputs that are columns as they are; "" for those that are not
	}{
		{
			"one column", `SELECT lastname FROM sales.customer_orders`,
			map[string]string{orders: "lastname"}, []string{"sales.customer_orders.lastname"},
		},
		{"without the schema", `SELECT lastname FROM customer_orders`, map[string]string{orders: "lastname"}, nil},
		{
			"an alias for the table and for the column", `SELECT o.lastname AS region FROM sales.customer_orders AS o`,
			map[string]string{orders: "lastname"}, []string{"sales.customer_orders.lastname"},
		},
		{
			"a column with schema and table", `SELECT sales.customer_orders.region FROM sales.customer_orders`,
			map[string]string{orders: "region"}, []string{"sales.customer_orders.region"},
		},
		{
			"another case", `select LASTNAME from SALES.Customer_Orders`,
			map[string]string{orders: "lastname"}, []string{"sales.customer_orders.lastname"},
		},
		{"quoted names", `SELECT "lastname" FROM "sales"."customer_orders"`, map[string]string{orders: "lastname"}, nil},
		{"a semicolon and a comment at the end", "SELECT lastname FROM sales.customer_orders ; -- all", map[string]string{orders: "lastname"}, nil},
		{
			"everything", `SELECT * FROM sales.customer_orders`,
			map[string]string{orders: all},
			[]string{
				"sales.customer_orders.lastname", "sales.customer_orders.region",
				"sales.customer_orders.order_total", "sales.customer_orders.total_with_shipping",
			},
		},
		{"rows that are only counted", `SELECT count(*) FROM sales.customer_orders`, map[string]string{orders: ""}, nil},
		{
			"rows that are only counted, without the schema", `SELECT count(*) FROM customer_orders`,
			map[string]string{orders: ""}, nil,
		},
		{
			"a column in WHERE only", `SELECT region FROM sales.customer_orders WHERE lastname = 'x'`,
			map[string]string{orders: "lastname region"}, nil,
		},
		{
			"a column in ORDER BY only", `SELECT region FROM sales.customer_orders ORDER BY lastname`,
			map[string]string{orders: "lastname region"}, nil,
		},
		{
			"a column in HAVING only", `SELECT region FROM sales.customer_orders GROUP BY region HAVING max(lastname) > 'a'`,
			map[string]string{orders: "lastname region"}, nil,
		},
		{
			"an expression", `SELECT lastname || region AS x FROM sales.customer_orders`,
			map[string]string{orders: "lastname region"}, nil,
		},
		{
			"a join", `SELECT o.lastname, r.country FROM sales.customer_orders o JOIN sales.regions r ON o.region = r.region`,
			map[string]string{orders: "lastname region", regions: "region country"},
			[]string{
				"sales.customer_orders.lastname", "sales.regions.country",
			},
		},
		{
			"a subquery", `SELECT (SELECT max(country) FROM sales.regions) AS c FROM sales.customer_orders`,
			map[string]string{orders: "", regions: "country"}, nil,
		},
		{
			"a subquery in FROM", `SELECT q.n FROM (SELECT lastname AS n, region FROM sales.customer_orders) AS q`,
			map[string]string{orders: "lastname region"}, []string{"sales.customer_orders.lastname"},
		},
		{
			"EXISTS", `SELECT country FROM sales.regions r WHERE EXISTS (SELECT 1 FROM sales.customer_orders o WHERE o.region = r.region)`,
			map[string]string{orders: "region", regions: "region country"}, nil,
		},
		{
			"a set operation", `SELECT region FROM sales.customer_orders UNION SELECT region FROM sales.regions`,
			map[string]string{orders: "region", regions: "region"}, nil,
		},
		{
			"a window", `SELECT sum(order_total) OVER (PARTITION BY region) AS s FROM sales.customer_orders`,
			map[string]string{orders: "region order_total"}, nil,
		},
		{
			"a common table expression", `WITH c AS (SELECT lastname FROM sales.customer_orders) SELECT lastname FROM c`,
			map[string]string{orders: "lastname"}, []string{"sales.customer_orders.lastname"},
		},
		{
			"a common table expression with a table's name", `WITH secret_salaries AS (SELECT region FROM sales.customer_orders LIMIT 3) SELECT count(*) FROM secret_salaries`,
			map[string]string{orders: "region"}, nil,
		},
		{
			"a table behind a common table expression of its name", `WITH regions AS (SELECT region FROM sales.customer_orders) SELECT a.region FROM regions a, sales.regions b`,
			map[string]string{orders: "region", regions: ""}, nil,
		},
		{"no table", `SELECT 1 + 1 AS two`, map[string]string{}, nil},
		{"VALUES", `VALUES (1), (2)`, map[string]string{}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			statement, err := s.Engine.Analyze(t.Context(), test.sql)
			if err != nil {
				t.Fatalf("%s\n%v", test.sql, err)
			}
			compareTables(t, s, statement, test.tables)
			compareOrigins(t, statement, test.origins)
			if len(statement.Forbidden) > 0 || vending.Gate(statement) != nil {
				t.Errorf("%s\nis an ordinary read, but the gate would refuse %v", test.sql, statement.Forbidden)
			}
			if again, err := s.Engine.Analyze(t.Context(), test.sql); err != nil || !again.Cached {
				t.Errorf("%s\nis analysed a second time: %v", test.sql, err)
			}
		})
	}
}

func compareTables(t *testing.T, s trial.Suite, statement *vending.Statement, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, use := range statement.Tables {
		columns := use.Columns
		if use.All {
			columns = nil
			for _, c := range s.Grant(t, use.Table.Name).Columns {
				columns = append(columns, c.Name)
			}
		}
		got[use.Table.Name] = fmt.Sprint(columns)
	}
	for table, columns := range want {
		want[table] = "[" + columns + "]"
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s\nreads %v, not %v", statement.SQL, got, want)
	}
}

func compareOrigins(t *testing.T, statement *vending.Statement, want []string) {
	t.Helper()
	if want == nil {
		return
	}
	if len(statement.Outputs) != len(want) {
		t.Fatalf("%s\nhas %d outputs, not %d", statement.SQL, len(statement.Outputs), len(want))
	}
	for i, origin := range want {
		if got := statement.Outputs[i].Origins; origin != "" && (len(got) != 1 || got[0].String() != origin) {
			t.Errorf("%s\noutput %q comes from %v, not from %s", statement.SQL, statement.Outputs[i].Name, got, origin)
		}
	}
}

func testForbidden(t *testing.T, s trial.Suite) {
	for _, sql := range []string{s.Words.ForbiddenCall, s.Words.Catalog} {
		statement, err := s.Engine.Analyze(t.Context(), sql)
		if err != nil {
			t.Errorf("%s\ncannot be analysed, so the caller is not told why it is refused: %v", sql, err)
			continue
		}
		trial.Refused(t, sql, vending.Gate(statement), vending.Unsupported, vending.NotPermitted)
	}
}
