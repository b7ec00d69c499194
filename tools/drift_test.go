package tools_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/vending"
)

// The secret is in a masked column when the server starts. The administrator accepts nothing afterwards.
const (
	drifting = "DROP TABLE IF EXISTS %speople; DROP TABLE IF EXISTS %spersons; DROP TABLE IF EXISTS %scopy;" +
		"CREATE TABLE %speople (id int, ssn text, name text); INSERT INTO %speople VALUES (1, 'SECRET', 'Ann')"
	driftingPolicies = "- {name: staff, grant: [sales.*], to: everyone}\n- {name: hide, mask: [%s], with: {constant: REDACTED}, except: group:Privacy}\n"
)

var migrations = []struct {
	name, sql string
	silent    bool // nothing is to be said of it
	only      string
}{
	{name: "nothing", sql: "SELECT 1", silent: true},
	{name: "rename", sql: "ALTER TABLE %speople RENAME COLUMN ssn TO social"},
	{name: "add", sql: "ALTER TABLE %speople ADD COLUMN social text; UPDATE %speople SET social = ssn"},
	{
		name: "add, then drop",
		sql:  "ALTER TABLE %speople ADD COLUMN social text; UPDATE %speople SET social = ssn; ALTER TABLE %speople DROP COLUMN ssn",
	},
	{name: "drop", sql: "ALTER TABLE %speople DROP COLUMN ssn"},
	{name: "retype", sql: "ALTER TABLE %speople ALTER COLUMN ssn TYPE varchar(40)", only: "postgres"},
	{
		name: "made anew with another type",
		sql: "CREATE TABLE %scopy (id int, ssn varchar(40), name text); INSERT INTO %scopy SELECT * FROM %speople;" +
			"DROP TABLE %speople; ALTER TABLE %scopy RENAME TO people",
	},
	{
		name: "made anew",
		sql:  "CREATE TABLE %scopy AS SELECT id, ssn AS social, name FROM %speople; DROP TABLE %speople; ALTER TABLE %scopy RENAME TO people",
	},
	{
		name: "an accepted name",
		sql:  "ALTER TABLE %speople DROP COLUMN name; ALTER TABLE %speople RENAME COLUMN ssn TO name",
	},
	{
		name: "names change places",
		sql:  "ALTER TABLE %speople RENAME COLUMN ssn TO x; ALTER TABLE %speople RENAME COLUMN name TO ssn; ALTER TABLE %speople RENAME COLUMN x TO name",
	},
	{name: "the table is renamed", sql: "ALTER TABLE %speople RENAME TO persons"},
	{
		name: "tables change places",
		sql:  "CREATE TABLE %scopy (id int, ssn text, name text); ALTER TABLE %speople RENAME TO persons; ALTER TABLE %scopy RENAME TO people",
	},
	{name: "a copy", sql: "CREATE TABLE %scopy AS SELECT * FROM %speople"},
	{name: "a view", sql: "CREATE VIEW %scopy AS SELECT id, ssn AS social FROM %speople", only: "postgres"},
}

// A masked column changes on one of two platforms that have it.
func TestDriftShowsNothing(t *testing.T) {
	still := emptySQLite(t) // the other platform, which stays as it is
	still.exec(t, drifting)
	for engine, db := range map[string]database{"sqlite": emptySQLite(t), "postgres": emptyPostgres(t)} {
		for _, m := range migrations {
			if m.only != "" && m.only != engine {
				continue
			}
			t.Run(engine+"/"+m.name, func(t *testing.T) {
				if engine == "postgres" {
					db.exec(t, "DROP SCHEMA sales CASCADE; CREATE SCHEMA sales")
				}
				db.exec(t, drifting)
				db.ahead.Add(1)
				e, other := db.open(t), still.open(t)
				running := map[string]*tools.Tools{}
				for how := range reaching {
					running[how] = driftingTools(t, e, other, how, nil)
					if text := everything(t, running[how]); !strings.Contains(text, "REDACTED") || strings.Contains(text, "SECRET") {
						t.Fatalf("by %s the start shows %s", how, text)
					}
				}
				accepted, _ := e.Catalog(t.Context())
				db.exec(t, m.sql)
				db.ahead.Add(1)
				for how, made := range running {
					saysAndHides(t, made, "by "+how, m.silent)
					again, err := tryDrifting(t, e, other, how, entitlements.Accept(accepted))
					if err == nil { // else it is said by the start
						saysAndHides(t, again, "after a restart, by "+how, m.silent)
					}
				}
			})
		}
	}
}

// reaching is how a policy reaches the column, and the tags it needs.
var reaching = map[string][2]string{
	"name":        {"sales.people.ssn", "{}"},
	"glob":        {`"sales.*.s*n"`, "{}"},
	"tag":         {"tag:PII", "{PII: [sales.people.ssn]}"},
	"tag by glob": {"tag:PII", `{PII: ["*.*.ssn"]}`},
}

func saysAndHides(t *testing.T, made *tools.Tools, when string, silent bool) {
	t.Helper()
	if text := everything(t, made); strings.Contains(text, "SECRET") {
		t.Errorf("%s: a cell is in the clear: %s", when, text)
	}
	if said := made.Troubles(); len(said) == 0 != silent {
		t.Errorf("%s: said is %v", when, said)
	}
}

func driftingTools(t *testing.T, e, other vending.Engine, how string, accepted entitlements.Accepted) *tools.Tools {
	t.Helper()
	made, err := tryDrifting(t, e, other, how, accepted)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func tryDrifting(
	t *testing.T,
	e, other vending.Engine,
	how string,
	accepted entitlements.Accepted,
) (*tools.Tools, error) {
	t.Helper()
	c := toolsConfig(t, e, &memory{}, "")
	p := &c.Platforms[0]
	p.Policies, p.Tags, p.Discoverable = nil, nil, nil
	policies := form.Fragment("policies", fmt.Sprintf(driftingPolicies, reaching[how][0]), &p.Policies)
	if err := errors.Join(policies, form.Fragment("tags", reaching[how][1], &p.Tags)); err != nil {
		t.Fatal(err)
	}
	p.Accepted, p.AcceptAll = accepted, accepted == nil
	still := *p
	still.Name, still.Engine, still.Accepted, still.AcceptAll = "still", other, nil, true
	c.Platforms = append(c.Platforms, still)
	return tools.New(t.Context(), c)
}

// everything is what a caller can read of the platform, and the refusals.
func everything(t *testing.T, made *tools.Tools) string {
	t.Helper()
	var out strings.Builder
	who := as("taylor", "Marketing")
	list, err := made.DescribeTable(t.Context(), who, tools.DescribeArgs{Platform: "shop"})
	if err != nil {
		return err.Error()
	}
	for _, table := range list.Tables {
		answer, err := made.Query(t.Context(), who, tools.QueryArgs{Platform: "shop", SQL: "SELECT * FROM " + table.Name})
		if err != nil {
			fmt.Fprintf(&out, "%s: %v; ", table.Name, err)
			continue
		}
		fmt.Fprintf(&out, "%s: %s; ", table.Name, rows(answer))
	}
	return out.String()
}
