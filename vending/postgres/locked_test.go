package postgres_test

import (
	"testing"

	"deputy/entitlements"
	"deputy/vending"
)

// Whatever step meets a lock, it waits for a moment and says that it was a lock: the analysis, or the views.
func TestLockIsSaid(t *testing.T) {
	name := newDatabase(t, "CREATE SCHEMA s; CREATE TABLE s.t(id int); CREATE TABLE s.free(id int)")
	e := newEngine(t, name, "s")
	known, err := e.Analyze(t.Context(), "SELECT id FROM s.t")
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	read := func(table string) vending.Lease {
		l := long("SELECT id FROM s." + table)
		of, _ := catalog.Table(entitlements.TableName{Schema: "s", Name: table})
		l.Access = []entitlements.Access{vending.Whole(of)}
		return l
	}
	if _, err := e.Run(t.Context(), read("t")); err != nil || len(known.Tables) != 1 {
		t.Fatal(err)
	}
	tx, err := open(t, "dba", name).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("LOCK TABLE s.t IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	_, analysed := e.Analyze(t.Context(), "SELECT id, 1 FROM s.t")
	_, ran := e.Run(t.Context(), read("t"))
	diagnosed := e.Diagnose(t.Context(), read("t"))
	for step, err := range map[string]error{"Analyze": analysed, "Run": ran, "Diagnose": diagnosed} {
		if coded(err) != vending.Locked {
			t.Errorf("%s on a locked table: %v", step, err)
		}
	}
	if _, err := e.Run(t.Context(), read("free")); err != nil {
		t.Errorf("another table: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Run(t.Context(), read("t")); err != nil {
		t.Errorf("after the lock: %v", err)
	}
}
