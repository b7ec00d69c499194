package tools_test

import (
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/tools"
)

// with are the same tools over the same state by other rules, as they are when the configuration has changed.
func (o *office) with(change func([]requests.Rule) []requests.Rule) *office {
	o.t.Helper()
	next := newOffice(o.t, func(c *tools.Config) {
		c.Requests, c.Audit = o.state, o.log
		c.Platforms[0].Rules = change(c.Platforms[0].Rules)
	})
	next.state, next.log, next.now = o.state, o.log, o.now
	return next
}

// What was approved counts as long as rules cover all of it, and no rule that changes makes more of it.
func TestWhatWasApprovedCountsAsLongAsRulesCoverIt(t *testing.T) {
	o := newOffice(t)
	table := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why, Duration: "30d"})
	columns := o.ask(seller(), tools.RequestArgs{Table: "orders", Columns: []string{"lastname", "email"}, Reason: why})
	waits := o.ask(seller(), tools.RequestArgs{Table: "ledger", Reason: why, Answers: map[string]string{"ticket": "T-1"}})
	o.rule(table.ID, requests.VerdictApprove, "")
	o.rule(columns.ID, requests.VerdictApprove, "")
	sees := func(o *office) string {
		return o.query(
			seller(),
			"SELECT salary FROM payroll",
		) + " / " + o.query(
			seller(),
			"SELECT lastname, email FROM orders",
		)
	}
	const all, names = "731942 / Okafor okafor@example.com", "REDACTED REDACTED"
	if got := sees(o); got != all {
		t.Fatalf("at first Taylor sees %s", got)
	}
	for _, tt := range []struct {
		name           string
		change         func([]requests.Rule) []requests.Rule
		table, columns bool // still seen
	}{
		{"other approvers, shorter, and no longer for the asker", func(r []requests.Rule) []requests.Rule {
			for i := range r {
				r[i].Approvers, r[i].From, r[i].AtMost, r[i].Approve = match(t, "group:Nobody"), match(t, "group:Legal"), requests.Period(3600e9), nil
			}
			return r
		}, true, true},
		{"no rule about the table", func(r []requests.Rule) []requests.Rule { return r[1:] }, false, true},
		{"a rule that excepts the table", func(r []requests.Rule) []requests.Rule {
			r[0].ExceptAbout = entitlements.Selectors{"sales.payroll"}
			return r
		}, false, true},
		{"a rule about one of two columns", func(r []requests.Rule) []requests.Rule {
			r[1].About = entitlements.Selectors{"sales.orders.lastname"}
			return r
		}, true, false},
		{"no rule at all", func(r []requests.Rule) []requests.Rule { return nil }, false, false},
	} {
		next := o.with(tt.change)
		got := sees(next)
		if strings.HasPrefix(got, "731942") != tt.table || strings.HasSuffix(got, names) == tt.columns {
			t.Errorf("with %s Taylor sees %s", tt.name, got)
		}
		for id, counts := range map[string]bool{table.ID: tt.table, columns.ID: tt.columns} {
			a := next.ask(seller(), tools.RequestArgs{RequestID: id})
			if a.Status != "approved" || strings.Contains(a.NextStep, "does not count any more") == counts ||
				(a.ExpiresAt != nil) != counts {
				t.Errorf("with %s it is %+v", tt.name, a)
			}
		}
		if a := next.ask(seller(), tools.RequestArgs{RequestID: waits.ID}); a.Status != "pending" ||
			strings.HasPrefix(strings.Join(a.Approvers, ""), "nobody") != (tt.name == "no rule at all") {
			t.Errorf("with %s what waits is %+v", tt.name, a)
		}
		if got := sees(o.with(func(r []requests.Rule) []requests.Rule { return r })); got != all {
			t.Errorf("with the rules from before again, Taylor sees %s", got)
		}
	}
	next := o.with(func([]requests.Rule) []requests.Rule { return nil })
	if r := next.refused(seller(), tools.RequestArgs{Table: "payroll", Reason: why}); !strings.Contains(
		r.Message,
		"cannot be asked for",
	) {
		t.Errorf("with no rule at all the table is asked for: %+v", r)
	}
	next.rule(table.ID, requests.VerdictRevoke, "") // who approved may still revoke
	if got := o.query(seller(), "SELECT salary FROM payroll"); !strings.HasPrefix(got, "not_permitted") {
		t.Errorf("and with the rules back, it gives %s", got)
	}
}
