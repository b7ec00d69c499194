package entitlements_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

// Whatever a reader writes into what it was shown, the next decision is the same.
func TestViewChangesNoDecision(t *testing.T) {
	e := world.Compile(t, world.Parse(t, world.ShopPolicies+`
  - {name: cells, mask: [sales.*.order_total], with: {bucket: [{below: 1, name: a}]}, when: region = 'EU'}
  - {name: expression, mask: [sales.*.region], with: {sql: upper($column)}}
`))
	callers := []identity.Principal{
		world.On(world.Taylor),
		world.On(world.Priya),
		world.On(world.Eva),
		{Agent: world.EUBot},
	}
	decided := func() (out []string) {
		for _, name := range e.Tables() {
			for _, who := range callers {
				access, denial := e.Decide(who, name)
				text, err := json.Marshal([]any{access, denial})
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, string(text))
			}
		}
		return out
	}
	before := decided()
	for _, name := range e.Tables() {
		scribble(view(e, name))
	}
	if after := decided(); !reflect.DeepEqual(before, after) {
		t.Errorf("a reader has changed decisions:\n%q\nnot\n%q", after, before)
	}
}

// The same of what was approved: another column in it would be shown in the clear.
func TestApprovalViewChangesNoDecision(t *testing.T) {
	now, name := time.Unix(1_000, 0), entitlements.TableName{Schema: "sales", Name: "customer_orders"}
	bot := identity.Principal{Agent: world.EUBot}
	e := world.Compile(t, world.Parse(t, world.ShopPolicies)).With([]entitlements.Approval{{
		Request: "req_1",
		For:     entitlements.Holder{Agent: world.EUBot.ID},
		Table:   name,
		Columns: []string{"lastname"},
		Expires: now.Add(time.Hour),
	}}, now)
	e.Approvals(bot, name)[0].Columns[0] = "email"
	if got := e.Approvals(bot, name)[0].Columns[0]; got != "lastname" {
		t.Errorf("a reader has changed what is approved to %s", got)
	}
}

// scribble writes into everything that the view holds.
func scribble(v entitlements.TableView) {
	everyone := func(m *entitlements.Matcher) {
		if m != nil {
			for _, a := range m.Alternatives() {
				*a = entitlements.Matcher{}
			}
			*m = entitlements.Matcher{}
		}
	}
	scope := func(s entitlements.Scope) { everyone(s.Only); everyone(s.Except) }
	for _, g := range v.Grants {
		for _, a := range g.Alternatives() {
			everyone(a)
		}
		everyone(g.To)
	}
	for _, g := range v.Guardrails {
		everyone(g.Require)
	}
	for _, f := range v.Filters {
		clear(f.Where)
		scope(f.Scope)
	}
	for i := range v.Columns {
		clear(v.Columns[i].Tags)
		for _, m := range v.Columns[i].Masks {
			clear(m.When)
			clear(m.Mask.SQL)
			clear(m.Mask.Buckets)
			scope(m.Scope)
			if m.Misfit != nil {
				clear(m.Misfit.Buckets)
			}
		}
	}
	clear(v.Tags)
}
