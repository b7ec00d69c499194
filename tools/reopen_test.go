package tools_test

import (
	"errors"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/platforms"
)

// A masked column is renamed, which closes its table, and back: a statement that meets the closed table finds it open
// again, though nothing else looks at the platform.
func TestClosedTableReopensByItsCallers(t *testing.T) {
	db := emptyPostgres(t)
	db.exec(t, "CREATE TABLE %speople (id int, ssn text); INSERT INTO %speople VALUES (1, 'SECRET')")
	c := toolsConfig(t, db.open(t), &memory{}, "")
	p := platforms.Config{Name: "shop", Engine: c.Platforms[0].Engine, Discoverable: entitlements.Selectors{}}
	const policies = "- {name: all, grant: [sales.*], to: everyone}\n" +
		"- {name: hide, mask: [sales.people.ssn], with: {constant: REDACTED}}"
	if err := form.Fragment("policies", policies, &p.Policies); err != nil {
		t.Fatal(err)
	}
	c.Platforms, c.Silence = []platforms.Config{p}, 30*time.Second
	made, err := tools.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		got, err := made.Query(t.Context(), as("taylor", "Staff"), tools.QueryArgs{SQL: "SELECT * FROM sales.people"})
		if err == nil && rows(got) != "1 REDACTED" {
			t.Errorf("answered is %s", rows(got))
		}
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	db.exec(t, "ALTER TABLE %speople RENAME COLUMN ssn TO social")
	if r, refused := errors.AsType[*tools.Refusal](ask()); !refused || r.Code != tools.Unavailable {
		t.Fatalf("the table is not closed: %v", r)
	}
	db.exec(t, "ALTER TABLE %speople RENAME COLUMN social TO ssn")
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	t.Errorf("the table stays closed: %v", err)
}
