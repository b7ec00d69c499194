package tools_test

import (
	"strings"
	"testing"

	"deputy/tools"
)

// A view that inherits masks becomes another one, by its own definition or by new names below it: the next call meets
// that, under known and new statements.
func TestReplacedView(t *testing.T) {
	for change, sql := range map[string]string{
		"the view": "CREATE OR REPLACE VIEW %sshown AS SELECT id, ssn AS note FROM %speople",
		"names below it": `ALTER TABLE %speople RENAME ssn TO x; ALTER TABLE %speople RENAME name TO ssn;
			ALTER TABLE %speople RENAME x TO name; UPDATE %speople SET ssn = 'SECRET'`,
	} {
		t.Run(change, func(t *testing.T) {
			db := emptyPostgres(t)
			db.exec(t, "DROP SCHEMA sales CASCADE; CREATE SCHEMA sales")
			db.exec(t, inheriting)
			db.exec(t, "CREATE VIEW %sshown AS SELECT id, name AS note FROM %speople")
			db.exec(t, "CREATE VIEW %sabove AS SELECT id, note FROM %sshown")
			made := inherits(t, db, true)
			ask := func(sql string) string {
				a, err := made.Query(t.Context(), as("taylor", "Staff"), tools.QueryArgs{SQL: sql})
				if err != nil {
					return err.Error()
				}
				return rows(a)
			}
			known := []string{"SELECT note FROM sales.shown", "SELECT note FROM sales.above"}
			for _, q := range known {
				if got := ask(q); strings.Contains(got, "REDACTED") || strings.Contains(got, ": ") {
					t.Errorf("before the change, %s gives %s", q, got)
				}
			}
			db.exec(t, sql)
			for _, q := range append(known, known[0]+" -- new", known[1]+" -- new") {
				if got := ask(q); strings.Contains(got, "SECRET") || !strings.Contains(got, "REDACTED") {
					t.Errorf("%s gives %s", q, got)
				}
			}
		})
	}
}
