package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"deputy/vending"
)

// analyseAndRun asks as the query tool does, with one lease, and says what a caller is told.
func analyseAndRun(t *testing.T, e vending.Engine, id, sql string) (rows string, refused string) {
	t.Helper()
	l := lease(id, sql)
	s, err := e.Analyze(t.Context(), sql)
	if err == nil {
		err = vending.Gate(s)
	}
	var got vending.Result
	if err != nil {
		err = e.Diagnose(t.Context(), l)
	} else {
		got, err = e.Run(t.Context(), l)
	}
	var known *vending.Error
	switch {
	case errors.As(err, &known):
		return "", string(known.Code) + " " + known.Message
	case err != nil:
		t.Fatalf("%s: %v", sql, err)
	}
	return fmt.Sprint(got.Rows), ""
}

// What a session tells of the database is answered as it is, and shows nothing of the call's own role and schemas.
func TestSessionFactsAnswered(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	for sql, want := range map[string]string{
		`SELECT current_database(), current_catalog`:                        "[[" + database + " " + database + "]]",
		`SELECT version() LIKE 'PostgreSQL %'`:                              "[[true]]",
		`SELECT '0/16B3748'::pg_lsn > '0/0', '0/2'::pg_lsn - '0/1'::pg_lsn`: "[[true 1]]",
	} {
		if got, refused := analyseAndRun(t, e, "facts000001", sql); got != want {
			t.Errorf("%s gives %s %s", sql, got, refused)
		}
	}
	for _, sql := range []string{
		`SELECT current_schema()`, `SELECT current_schemas(true)`, `SELECT current_schema`,
		`SELECT pg_current_wal_lsn()`,
		`SELECT current_setting('search_path')`, `SELECT deputy.version()`, `SELECT pg_lsn_in('0/0')`,
	} {
		if got, refused := analyseAndRun(t, e, "facts000002", sql); refused == "" || strings.Contains(refused, "facts") {
			t.Errorf("%s gives %s %s", sql, got, refused)
		}
	}
}

// A name is found however it is written: behind the database's, in Unicode escapes, longer than PostgreSQL keeps it.
// The table behind it is the vended one, and a hidden one is missed in the words of one that is not there.
func TestNamesInEverySpelling(t *testing.T) {
	long := strings.Repeat("x", 63)
	database := newDatabase(t, seed+`CREATE TABLE sales.hidden (id int, lastname text);
		CREATE TABLE sales.`+long+` (id int); CREATE SCHEMA other;
		CREATE TABLE other.customer_orders (lastname text)`)
	e := newEngine(t, database, "sales")
	for _, sql := range []string{
		`SELECT max(lastname) FROM {database}.sales.customer_orders`,
		`SELECT max({database}.sales.customer_orders.lastname) FROM {database} . sales /* . */ . "customer_orders"`,
		`SELECT max(lastname) FROM U&"s\0061les".customer_orders`,
		`SELECT max(U&"l\0061stname") FROM {database}.U&"\+000073ales".U&"customer_orders"`,
	} {
		sql = strings.ReplaceAll(sql, "{database}", database)
		if got, refused := analyseAndRun(t, e, "spelled0001", sql); got != "[[REDACTED]]" {
			t.Errorf("%s gives %s %s", sql, got, refused)
		}
	}
	l := lease("spelled0002", `SELECT count(*) FROM sales.`+long+`_and_more`)
	l.Access[0].Table.Name, l.Access[0].Columns = long, nil
	if got, err := e.Run(t.Context(), l); err != nil || fmt.Sprint(got.Rows) != "[[0]]" {
		t.Errorf("a name that is too long gives %v: %v", got.Rows, err)
	}
	for _, sql := range []string{
		`SELECT * FROM {database}.sales.hidden`, `SELECT {database}.sales.hidden.id FROM {database}.sales.hidden`,
		`SELECT {database}.sales.hidden.nope FROM {database}.sales.hidden`, `SELECT * FROM U&"s\0061les".U&"hidden"`,
		`SELECT * FROM {database}.U&"s\0061les".hidden, {database}.sales.customer_orders`,
		`SELECT * FROM nowhere.sales.hidden`, `SELECT NULL::{database}.sales.hidden`,
		`SELECT '{database}.sales.hidden'::regclass`,
	} {
		sql = strings.ReplaceAll(sql, "{database}", database)
		_, hidden := analyseAndRun(t, e, "spelled0003", sql)
		_, absent := analyseAndRun(t, e, "spelled0003", strings.ReplaceAll(sql, "hidden", "absent"))
		if hidden == "" || strings.ReplaceAll(hidden, "hidden", "absent") != absent {
			t.Errorf("%s: of a hidden table %q, of one that is not there %q", sql, hidden, absent)
		}
	}
	for _, sql := range []string{
		`SELECT lastname FROM {database}.other.customer_orders`, `SELECT * FROM {database}.pg_catalog.pg_class`,
		`SELECT * FROM {database}.deputy.keys`, `SELECT * FROM U&"deputy".U&"keys"`,
		`SELECT {database}.sales.customer_orders.lastname FROM {database}.other.customer_orders`,
	} {
		sql = strings.ReplaceAll(sql, "{database}", database)
		if got, refused := analyseAndRun(t, e, "spelled0004", sql); refused == "" {
			t.Errorf("%s gives %s", sql, got)
		}
	}
}

// A column that GROUP BY lacks is named as the caller wrote it, each of them, and nothing else is.
func TestUngroupedColumnsNamed(t *testing.T) {
	e := newEngine(t, newDatabase(t, seed), "sales")
	star := []string{"every column that * stands for"}
	for sql, want := range map[string][]string{
		`SELECT o.id, o.lastname, region || o.lastname, count(*)
			FROM sales.customer_orders o GROUP BY o.id`: {"o.lastname", "region"},
		`SELECT id, sales.customer_orders.region FROM sales.customer_orders
			GROUP BY id HAVING max(lastname) > lastname`: {"lastname", "sales.customer_orders.region"},
		`SELECT id, (SELECT o.region)
			FROM sales.customer_orders o GROUP BY id ORDER BY "lastname"`: {`"lastname"`, "o.region"},
		`SELECT o.* FROM sales.customer_orders o GROUP BY o.id`: star,
		`SELECT * FROM sales.customer_orders o GROUP BY region`: star,
	} {
		_, refused := analyseAndRun(t, e, "grouped0001", sql)
		_, list, _ := strings.Cut(refused, "add to GROUP BY: ")
		list, rest, _ := strings.Cut(list, ";")
		named := strings.Split(list, ", ")
		slices.Sort(named) // in which order PostgreSQL meets them is its own affair
		if !slices.Equal(named, want) || !strings.Contains(rest, "a primary key does not stand") ||
			strings.Contains(refused, "deputy_") {
			t.Errorf("%s: %s", sql, refused)
		}
	}
}
