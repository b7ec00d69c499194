package tools_test

import (
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/internal/testkit/throwaway"
	"deputy/tools"
	"deputy/tools/platforms"
)

// A lock on a table that the caller may not know of is not told from a table that is not there.
func TestLockTellsNothing(t *testing.T) {
	db := emptyPostgres(t)
	db.exec(t, "CREATE TABLE %ssecluded (a text); CREATE TABLE %splain (a text)")
	c := toolsConfig(t, db.open(t), &memory{}, "")
	p := platforms.Config{Name: "shop", Engine: c.Platforms[0].Engine, Discoverable: entitlements.Selectors{}}
	if err := form.Fragment("policies", "- {name: all, grant: [sales.plain], to: everyone}", &p.Policies); err != nil {
		t.Fatal(err)
	}
	c.Platforms, c.Limits.LockTimeout = []platforms.Config{p}, 300*time.Millisecond
	made, err := tools.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	locked(t, db, "LOCK TABLE sales.secluded, sales.plain IN ACCESS EXCLUSIVE MODE")
	for table, code := range map[string]tools.Code{
		"secluded": tools.NotPermitted, "nowhere": tools.NotPermitted, "plain": tools.Locked,
	} {
		_, err := made.Query(t.Context(), as("taylor", "Staff"), tools.QueryArgs{SQL: "SELECT a FROM sales." + table})
		if r := refusal(t, err); r.Code != code {
			t.Errorf("of %s is said %s: %s", table, r.Code, r.Message)
		}
	}
}

// locked holds locks until the test ends.
func locked(t *testing.T, db database, statement string) {
	t.Helper()
	conn, err := cluster.Open(throwaway.Superuser, db.name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	tx, err := conn.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	if _, err := tx.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
