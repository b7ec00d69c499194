package tools_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/platforms"
	"deputy/vending"
)

// migrating is what another person does to a database, step by step.
var migrating = []string{
	"SELECT 1",
	"ALTER TABLE %st ADD COLUMN c integer DEFAULT 7",
	"ALTER TABLE %st RENAME COLUMN b TO bb",
	"ALTER TABLE %st RENAME COLUMN bb TO b",
	"CREATE TABLE %su (x integer); INSERT INTO %su VALUES (1), (2)",
	"ALTER TABLE %st DROP COLUMN c",
	"DROP TABLE %su",
	"CREATE TABLE %su (y text); INSERT INTO %su VALUES ('new')",
	"ALTER TABLE %st RENAME TO old; ALTER TABLE %su RENAME TO t; ALTER TABLE %sold RENAME TO u",
	"ALTER TABLE %su RENAME TO old; ALTER TABLE %st RENAME TO u; ALTER TABLE %sold RENAME TO t",
	"ALTER TABLE %st RENAME COLUMN a TO x; ALTER TABLE %st RENAME COLUMN b TO a; ALTER TABLE %st RENAME COLUMN x TO b",
	"DROP TABLE %st",
	"CREATE TABLE %st (b integer, a text, c integer); INSERT INTO %st VALUES (5, 'five', 50)",
}

// migratingPostgres is what SQLite has not, or does not govern.
var migratingPostgres = []string{
	"ALTER TABLE %st ALTER COLUMN a TYPE integer USING 42",
	"ALTER TABLE %st ALTER COLUMN b TYPE numeric(9,2)",
	"CREATE VIEW %sv AS SELECT b FROM %st",
	"CREATE OR REPLACE VIEW %sv AS SELECT b, 'v' AS more FROM %st",
	"DROP VIEW %sv; ALTER TABLE %st DROP COLUMN b",
	"CREATE VIEW %sv AS SELECT count(*) AS n FROM %st",
	"CREATE TABLE %sp (n integer) PARTITION BY LIST (n); CREATE TABLE %sw PARTITION OF %sp FOR VALUES IN (1)",
	"ALTER TABLE %sp DETACH PARTITION %sw", // what is no partition any more is a table
}

var asked = []string{
	"SELECT * FROM sales.t",
	"SELECT a FROM t",
	"SELECT b FROM sales.t",
	"SELECT bb FROM sales.t",
	"SELECT c FROM sales.t",
	"SELECT count(*) FROM sales.t",
	"SELECT * FROM u",
	"SELECT * FROM sales.t, sales.u",
	"SELECT * FROM sales.v", "SELECT * FROM sales.w",
}

func migratedTools(t *testing.T, e vending.Engine) *tools.Tools {
	t.Helper()
	c := toolsConfig(t, e, &memory{}, "")
	p := platforms.Config{Name: "shop", Engine: e}
	if err := form.Fragment("policies", "- {name: all, grant: [sales.*], to: everyone}", &p.Policies); err != nil {
		t.Fatal(err)
	}
	c.Platforms = []platforms.Config{p}
	made, err := tools.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// answers are what a statement gives: its rows, or that it is refused.
func answers(t *testing.T, made *tools.Tools, sql string) string {
	t.Helper()
	got, err := made.Query(t.Context(), as("taylor"), tools.QueryArgs{SQL: sql})
	var refused *tools.Refusal
	switch {
	case errors.As(err, &refused) && (refused.Code == tools.NotPermitted || refused.Code == tools.InvalidSQL):
		return "refused"
	case err != nil:
		return err.Error()
	}
	var names []string
	for _, c := range got.Columns {
		names = append(names, c.Name)
	}
	return strings.Join(names, ",") + ": " + rows(got)
}

// A change of the database is noticed by the statement that meets it, known or new, though no time passes: each answer
// is what a server gives that has just started.
func TestChangesAreMet(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, db database) {
		db.exec(t, "CREATE TABLE %st (a text, b integer); INSERT INTO %st VALUES ('one', 1)")
		steps := migrating
		if strings.HasSuffix(t.Name(), "postgres") {
			steps = append(steps[:len(steps):len(steps)], migratingPostgres...)
		}
		made := migratedTools(t, db.open(t))
		for i, step := range steps {
			db.exec(t, step)
			fresh := migratedTools(t, db.open(t))
			for n, sql := range asked {
				want := answers(t, fresh, sql)
				for _, text := range []string{sql, fmt.Sprintf("%s -- new %d.%d", sql, i, n)} {
					if got := answers(t, made, text); got != want {
						t.Errorf("after %s\n%s gives\n%s, not\n%s", step, text, got, want)
					}
				}
			}
		}
	})
}
