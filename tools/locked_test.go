package tools_test

import (
	"fmt"
	"slices"
	"strings"
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

// Who names a hidden table that is locked is told at once what is said of a table that is not there, however long calls
// wait for locks, and also where a name stands beside it that means a column.
func TestLockedHiddenRefusedAtOnce(t *testing.T) {
	db := emptyPostgres(t)
	db.exec(t, "CREATE TABLE %ssecluded (a text); CREATE TABLE %splain (a text, secluded text)")
	c := toolsConfig(t, db.open(t), &memory{}, "")
	p := platforms.Config{Name: "shop", Engine: c.Platforms[0].Engine, Discoverable: entitlements.Selectors{}}
	if err := form.Fragment("policies", "- {name: all, grant: [sales.plain], to: everyone}", &p.Policies); err != nil {
		t.Fatal(err)
	}
	c.Platforms, c.Limits.Timeout, c.Limits.LockTimeout = []platforms.Config{p}, 2*time.Minute, time.Minute
	made, err := tools.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	locked(t, db, "LOCK TABLE sales.secluded IN ACCESS EXCLUSIVE MODE")
	who := as("taylor", "Staff")
	ask := func(sql string) (string, error) {
		began := time.Now()
		_, err := made.Query(t.Context(), who, tools.QueryArgs{SQL: sql})
		if took := time.Since(began); took > c.Limits.LockTimeout/2 {
			t.Errorf("%s is answered after %v", sql, took)
		}
		if err == nil {
			return "", nil
		}
		r := refusal(t, err)
		return fmt.Sprint(r.Code, ": ", r.Message, " (", r.Hint, ")"), err
	}
	for _, sql := range []string{
		"SELECT a FROM sales.secluded",
		"SELECT a FROM secluded",
		"SELECT p.a FROM sales.plain p JOIN sales.secluded s ON s.a = p.a",
		"SELECT a FROM sales.plain WHERE a IN (SELECT a FROM sales.secluded)",
	} {
		hidden, err := ask(sql)
		absent, _ := ask(strings.ReplaceAll(sql, "secluded", "absented"))
		if err == nil || hidden != strings.ReplaceAll(absent, "absented", "secluded") {
			t.Errorf(
				"%s\nof a locked hidden table is said  %s\nof one that is not there        %s",
				sql,
				hidden,
				absent,
			)
		}
	}
	if said, err := ask("SELECT secluded FROM sales.plain"); err != nil {
		t.Errorf("a column of the name: %s", said)
	}
	held := made.Held()[0]
	if about := held.About(
		who.Principal,
		"SELECT a FROM sales.secluded, sales.plain",
	); !slices.Equal(
		about,
		[]string{"sales.plain"},
	) {
		t.Errorf("a call on what is hidden is held for one about %v", about)
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
