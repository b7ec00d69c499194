package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres"
)

// newEngineAt is newEngine with a clock that the test moves.
func newEngineAt(t *testing.T, database string, now *time.Time, schemas ...string) *postgres.Engine {
	t.Helper()
	bootstrap(t, database, schemas...)
	e, err := postgres.Open(
		postgres.Config{
			DSN:        cluster.DSN("deputy_runner", database),
			Schemas:    schemas,
			SigningKey: signingKey,
			Now:        func() time.Time { return *now },
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestTagsComeFromComments(t *testing.T) {
	database := newDatabase(t, seed+`
CREATE SCHEMA hr; CREATE TABLE hr.people (name text, email text); CREATE VIEW hr.emails AS SELECT email FROM hr.people;
COMMENT ON SCHEMA hr IS 'everything about people #EU #HR';
COMMENT ON TABLE hr.people IS 'who works here #HR #Restricted';
COMMENT ON COLUMN hr.people.email IS 'where to write to #PII.Email';
COMMENT ON COLUMN hr.emails.email IS '#PII';
COMMENT ON TABLE sales.customer_orders IS 'the #1 table';`)
	now := time.Now()
	e := newEngineAt(t, database, &now, "sales", "hr")
	for _, want := range []string{
		`hr.emails "" [EU HR]: email "" [PII]`,
		`hr.people "who works here" [EU HR Restricted]: name "" [], email "where to write to" [PII.Email]`,
		`sales.customer_orders "the #1 table" []: id "" [], lastname "" [], region "" [], order_total "" []`,
	} {
		name, _ := entitlements.ParseTableName(strings.Fields(want)[0])
		if got := tagged(t, e, name); got != want {
			t.Errorf("the catalog has\n%s, not\n%s", got, want)
		}
	}
}

func tagged(t *testing.T, e *postgres.Engine, name entitlements.TableName) string {
	t.Helper()
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	table, _ := catalog.Table(name)
	var columns []string
	for _, c := range table.Columns {
		columns = append(columns, fmt.Sprintf("%s %q %v", c.Name, c.Description, c.Tags))
	}
	return fmt.Sprintf("%s %q %v: %s", table.TableName, table.Description, table.Tags, strings.Join(columns, ", "))
}

func TestAChangedTagIsAnotherCatalog(t *testing.T) {
	database := newDatabase(t, seed)
	now := time.Now()
	e := newEngineAt(t, database, &now, "sales")
	versions := map[string]string{}
	look := func(what string) {
		t.Helper()
		now = now.Add(time.Minute) // how old a catalog may be
		catalog, err := e.Catalog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if before, known := versions[catalog.Version]; known {
			t.Errorf("the catalog has the same version after %s as after %s", what, before)
		}
		versions[catalog.Version] = what
	}
	look("the start")
	for _, change := range []string{
		`COMMENT ON SCHEMA sales IS '#EU'`, `COMMENT ON TABLE sales.customer_orders IS '#Regional'`, `COMMENT ON COLUMN sales.customer_orders.lastname IS '#PII'`,
		`COMMENT ON COLUMN sales.customer_orders.lastname IS '#PII.Name'`, `COMMENT ON COLUMN sales.customer_orders.lastname IS 'called #PII.Name'`,
	} {
		execAs(t, "dba", database, change)
		look(change)
	}
}

// What a mask or a filter says of a table holds for all its rows. A partition would be a second way to them.
func TestRowsOfAPartitionedTableAreSeenThroughItAlone(t *testing.T) {
	database := newDatabase(t, `CREATE SCHEMA sales;
CREATE TABLE sales.orders (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE sales.orders_2026 PARTITION OF sales.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE sales.people (name text); CREATE TABLE sales.staff (pay int) INHERITS (sales.people);`)
	e := newEngine(t, database, "sales")
	execAs(
		t,
		"dba",
		database,
		`CREATE TABLE sales.orders_2027 PARTITION OF sales.orders FOR VALUES FROM ('2027-01-01') TO ('2028-01-01'); INSERT INTO sales.orders VALUES (1, '2026-03-01'), (2, '2027-03-01')`,
	)
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, table := range catalog.Tables {
		names = append(names, table.String())
	}
	if got := strings.Join(names, " "); got != "sales.orders sales.people sales.staff" {
		t.Errorf("governed are %s", got)
	}
	if got, err := masked(t, e, `SELECT id FROM sales.orders ORDER BY id`, "orders", "day"); err != nil || got != "1 | 2" {
		t.Errorf("the table shows %s: %v", got, err)
	}
	s, err := e.Analyze(t.Context(), `SELECT * FROM sales.orders_2026`)
	if err != nil || len(s.Tables) > 0 || vending.Gate(s) == nil {
		t.Errorf("a partition can be read: %+v, %v", s, err)
	}
	findings, err := e.Check(t.Context())
	if err != nil || len(findings) != 1 || !findings[0].Warning ||
		!strings.HasPrefix(findings[0].Text, "sales.staff inherits from sales.people: ") {
		t.Errorf("the check says %+v: %v", findings, err)
	}
}
