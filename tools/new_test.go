package tools_test

import (
	"testing"

	"deputy/entitlements"
	"deputy/tools"
	"deputy/vending"
)

// What appears in a database after somebody has accepted it is covered by policies on tag:New from the next look at the
// catalog on, and by nothing any more once it is accepted.
func TestWhatNobodyHasLookedAt(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, db database) {
		const more = `
- {name: marketing reads everything, grant: [sales.*], to: group:Marketing}
- {name: new columns are hidden, mask: [tag:New], with: null}
- {name: new tables are closed, guardrail: [tag:New], require: group:Stewards}
`
		accepting := func() *tools.Tools {
			e := db.open(t)
			catalog, err := e.Catalog(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return withAccepted(t, e, more, entitlements.Accept(catalog))
		}
		running := accepting()
		sees(t, running, "SELECT salary FROM sales.payroll", "731942")

		db.exec(t, `ALTER TABLE %scustomer_orders ADD COLUMN phone text`)
		db.exec(t, `UPDATE %scustomer_orders SET phone = '555-0101'`)
		db.exec(t, `ALTER TABLE %spayroll RENAME COLUMN salary TO pay`)
		db.exec(t, `CREATE TABLE %sleads (lastname text)`)
		db.ahead.Add(1) // time for the running server to look at the catalog again
		sees(t, running, "SELECT DISTINCT phone FROM sales.customer_orders WHERE region IS NOT NULL", "<nil>")
		sees(t, running, "SELECT pay FROM sales.payroll WHERE lastname IS NOT NULL", "<nil>")
		closed(t, running, "SELECT count(*) FROM sales.leads")

		after := accepting()
		sees(t, after, "SELECT DISTINCT phone FROM sales.customer_orders", "555-0101")
		sees(t, after, "SELECT pay FROM sales.payroll", "731942")
		sees(t, after, "SELECT count(*) FROM sales.leads", "0")

		nothing := withAccepted(t, db.open(t), more, nil)
		closed(t, nothing, "SELECT count(*) FROM sales.customer_orders")
	})
}

// Two columns change names between a look at the catalog and the next: the next call meets it, and reads neither by the
// other's name.
func TestSwappedNames(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, db database) {
		e := db.open(t)
		catalog, err := e.Catalog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		running := withAccepted(t, e, `
- {name: marketing reads everything, grant: [sales.*], to: group:Marketing}
- {name: pay is hidden, mask: [sales.payroll.salary], with: null}
`, entitlements.Accept(catalog))
		const sql = "SELECT lastname FROM sales.payroll"
		if _, err := running.Query(t.Context(), as("taylor", "Marketing", "Privacy"), tools.QueryArgs{SQL: sql}); err != nil {
			t.Fatal(err)
		}
		db.exec(t, `ALTER TABLE %spayroll RENAME COLUMN salary TO other`)
		db.exec(t, `ALTER TABLE %spayroll RENAME COLUMN lastname TO salary`)
		db.exec(t, `ALTER TABLE %spayroll RENAME COLUMN other TO lastname`)
		answer, err := running.Query(t.Context(), as("taylor", "Marketing", "Privacy"), tools.QueryArgs{SQL: sql})
		if err != nil {
			t.Errorf("the statement that meets the change is refused: %v", err)
		} else if got := rows(answer); got != "<nil>" {
			t.Errorf("under the name of another, a masked column is %s", got)
		}
		db.ahead.Add(1)
		sees(t, running, "SELECT lastname FROM sales.payroll WHERE true", "<nil>")
	})
}

func withAccepted(t *testing.T, e vending.Engine, more string, accepted entitlements.Accepted) *tools.Tools {
	t.Helper()
	c := toolsConfig(t, e, &memory{}, more)
	c.Platforms[0].Accepted = accepted
	made, err := tools.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func sees(t *testing.T, made *tools.Tools, sql, want string) {
	t.Helper()
	answer, err := made.Query(t.Context(), as("taylor", "Marketing", "Privacy"), tools.QueryArgs{SQL: sql})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if got := rows(answer); got != want {
		t.Errorf("%s gives %q, not %q", sql, got, want)
	}
}

func closed(t *testing.T, made *tools.Tools, sql string) {
	t.Helper()
	_, err := made.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: sql})
	if r := refusal(t, err); r.Code != tools.NotPermitted {
		t.Errorf("%s is refused as %s", sql, r.Code)
	}
}
