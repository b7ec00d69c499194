package postgres_test

import (
	"errors"
	"slices"
	"testing"

	"deputy/entitlements"
	"deputy/vending"
)

// between has governed views that read a governed table through views of a schema that is not governed, two deep.
const between = seed + `
CREATE SCHEMA private;
CREATE VIEW private.low AS SELECT id, region AS word FROM sales.customer_orders;
CREATE VIEW private.middle AS SELECT id, word FROM private.low;
CREATE VIEW sales.words AS SELECT id, word FROM private.middle;
CREATE VIEW sales.longer AS SELECT w.id, w.word || '!' AS word FROM sales.words w;
CREATE VIEW private.beside AS SELECT id FROM sales.customer_orders;`

// A view that is not governed and stands between a governed one and its tables is replaced: what the decision was made
// over is not what the rows would come from. It is noticed before a row leaves, also after the vend.
func TestViewReplacedInBetween(t *testing.T) {
	database := newDatabase(t, between)
	e := newEngine(t, database, "sales")
	words := func(view string) (vending.Lease, []entitlements.ColumnName) {
		catalog, err := e.Catalog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return viewLease(catalog, view)
	}
	replace := func(with string) {
		execAs(
			t,
			"dba",
			database,
			`CREATE OR REPLACE VIEW private.low AS SELECT id, `+with+` AS word FROM sales.customer_orders`,
		)
	}
	for _, view := range []string{"words", "longer"} {
		l, _ := words(view)
		if _, err := e.Run(t.Context(), l); err != nil {
			t.Fatalf("%s: %v", view, err)
		}
		replace("lastname")
		if r, err := e.Run(t.Context(), l); !errors.Is(err, vending.ErrChanged) || len(r.Rows) > 0 {
			t.Errorf("%s gives %v after it was replaced: %v", view, r.Rows, err)
		}
		l, _ = words(view)
		if _, err := e.Run(t.Context(), l); err != nil {
			t.Errorf("%s, decided anew: %v", view, err)
		}
		replace("region")
		e.Renew(t.Context())
	}
	_, from := words("words")
	replace("lastname")
	e.Renew(t.Context())
	if _, now := words("words"); slices.Equal(from, now) {
		t.Errorf("the origin stays %v", now)
	}
	l, _ := words("words")
	execAs(
		t,
		"dba",
		database,
		`CREATE OR REPLACE VIEW private.beside AS SELECT id + 1 AS id FROM sales.customer_orders`,
	)
	if _, err := e.Run(t.Context(), l); err != nil {
		t.Errorf("a view that it does not read is replaced: %v", err)
	}
}

// Between the vend, which has looked, and the statement, a view can still be replaced: the statement that was prepared
// holds it, and looks again.
func TestViewReplacedAfterVend(t *testing.T) {
	database := newDatabase(t, between)
	e := newEngine(t, database, "sales")
	for n, statement := range []string{
		`CREATE OR REPLACE VIEW private.low AS SELECT id, lastname AS word FROM sales.customer_orders`,
		`CREATE OR REPLACE VIEW sales.words AS SELECT id, word || '?' AS word FROM private.middle`,
	} {
		catalog, err := e.Renew(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l, _ := viewLease(catalog, "words")
		if _, err := e.Run(t.Context(), l); err != nil { // the vend makes nothing that would hold the view
			t.Fatal(err)
		}
		var kept error
		r, err := e.RunAfter(t.Context(), l, func() {
			kept = cluster.Exec("dba", database, `SET lock_timeout = '500ms'; `+statement)
		})
		if n == 0 && kept != nil {
			t.Errorf("the vend holds what is below a governed view: %v", kept)
		}
		if (kept == nil) != errors.Is(err, vending.ErrChanged) || kept == nil && len(r.Rows) > 0 {
			t.Errorf("%s (%v): %v, %v", statement, kept, r.Rows, err)
		}
	}
}

// viewLease is one of a view as it is, and the columns that its words are made from.
func viewLease(catalog *entitlements.Catalog, view string) (vending.Lease, []entitlements.ColumnName) {
	name := entitlements.TableName{Schema: "sales", Name: view}
	table, _ := catalog.Table(name)
	l := lease("between0001", `SELECT word FROM `+view+` ORDER BY word`)
	l.Catalog, l.Access = catalog.Version, []entitlements.Access{{Table: name}}
	for _, c := range table.Columns {
		l.Access[0].Columns = append(l.Access[0].Columns, entitlements.ColumnAccess{Column: c})
	}
	return l, table.View.Columns[1].From
}
