package review

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

// An explanation that tells another story than the decision is worse than none: from the verdicts alone, the decision
// follows.
func TestAnExplanationNeverDisagreesWithTheDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, who := world.GenPolicies().Draw(t, "policies"), world.GenPrincipal().Draw(t, "who")
		for i := range policies {
			if policies[i].Mask != nil {
				policies[i].When = rapid.SampledFrom([]string{"", "a = 1", "a = any(:attribute.x)"}).Draw(t, "when")
			}
		}
		e, problems := entitlements.Compile(
			entitlements.Config{Policies: policies, Tags: world.RandomTags, Catalog: world.Random},
		)
		if e == nil {
			t.Fatalf("random policies do not compile: %v", problems)
		}
		for _, name := range e.Tables() {
			access, denial := e.Decide(who, name)
			x, ok := Explain(e, who, name)
			if !ok || x.Allowed != (denial == nil) || !reflect.DeepEqual(x.Denial, denial) ||
				x.Allowed && !reflect.DeepEqual(*x.Access, access) {
				t.Fatalf("%s: the explanation is of another decision: %+v, not %+v %+v", name, x, access, denial)
			}
			if via := toldVia(x); via != access.Via {
				t.Fatalf("%s: the verdicts say via %q, the decision %q: %+v", name, via, access.Via, x)
			}
			if x.Allowed {
				compareStory(t, x, access)
			}
		}
	})
}

// toldVia is through whom the table is open, by what the verdicts say.
func toldVia(x Explanation) entitlements.Via {
	if slices.ContainsFunc(x.Guardrails, func(g GuardrailVerdict) bool { return !g.Holds }) {
		return ""
	}
	user, agent := false, false
	for _, g := range x.Grants {
		user = user || g.Opens == entitlements.ViaUser || g.Opens == entitlements.ViaBoth
		agent = agent || g.Opens == entitlements.ViaAgent || g.Opens == entitlements.ViaBoth
	}
	return map[[2]bool]entitlements.Via{
		{true, true}: entitlements.ViaBoth, {true, false}: entitlements.ViaUser, {false, true}: entitlements.ViaAgent,
	}[[2]bool{user, agent}]
}

func compareStory(t *rapid.T, x Explanation, access entitlements.Access) {
	var grants []string
	for _, g := range x.Grants {
		if g.Opens != "" {
			grants = append(grants, g.Policy)
		} else if !g.Unheard && len(g.Missing) == 0 {
			t.Fatalf("%s: grant %s opens nothing, and nothing is missing", x.Table, g.Policy)
		}
	}
	if !reflect.DeepEqual(grants, access.Grants) {
		t.Fatalf("%s: the verdicts name the grants %v, the decision %v", x.Table, grants, access.Grants)
	}
	for i, c := range access.Columns {
		var said, decided []string
		for _, m := range x.Columns[i].Masks {
			if m.Outcome == Applies {
				said = append(said, m.Policy+m.With+m.When)
			}
		}
		for _, m := range c.Masks {
			decided = append(decided, m.Policy+m.Mask.String()+expression.Text(m.When))
		}
		if !reflect.DeepEqual(said, decided) || x.Columns[i].Clear != (len(decided) == 0) {
			t.Fatalf("%s.%s: the verdicts say %v, the decision %v", x.Table, c.Name, said, decided)
		}
	}
	var said, decided []entitlements.Filter
	for _, f := range x.Filters {
		if f.Applies {
			said = append(said, entitlements.Filter{Policy: f.Policy + f.Rule, Never: f.NoRow})
		}
	}
	for _, f := range access.Filters {
		decided = append(decided, entitlements.Filter{Policy: f.Policy + f.Rule(), Never: f.Never})
	}
	if !reflect.DeepEqual(said, decided) {
		t.Fatalf("%s: the verdicts say rows %v, the decision %v", x.Table, said, decided)
	}
}

func TestExplain(t *testing.T) {
	e := world.Compile(t, world.Parse(t, world.ShopPolicies+`
  - name: the names of people in the east
    mask: hr.people.name
    with: {partial: {first: 1}}
    when: region = any(:attribute.region)
  - name: hashed salaries
    mask: hr.people.salary
    with: {constant: "0"}
    for: group:Nobody
`))
	explain := func(a identity.Agent, u *identity.User, table string) Explanation {
		name, _ := entitlements.ParseTableName(table)
		x, ok := Explain(e, identity.Principal{Agent: a, User: u}, name)
		if !ok {
			t.Fatalf("there is no %s", table)
		}
		return x
	}

	t.Run("what would open a table", func(t *testing.T) {
		x := explain(world.Bot, world.Taylor, "hr.people")
		if want := []GrantVerdict{{Policy: "hr reads hr", To: "{all: [group:HR, {not: mode:autonomous}]}", Missing: []string{"group:HR"}}}; !reflect.DeepEqual(
			x.Grants,
			want,
		) {
			t.Errorf("the grants are %+v", x.Grants)
		}
		if x.Allowed || x.Requestable || !slices.Contains(x.Reasons, "no grant opens it") {
			t.Errorf("the table is closed, and says %v", x.Reasons)
		}
		if x := explain(world.Bot, world.Nobody, "sales.refunds"); !x.Requestable {
			t.Error("a table that may be discovered may be asked for")
		}
	})
	t.Run("a guardrail that does not hold", func(t *testing.T) {
		x := explain(world.EUBot, world.Taylor, "eu.customers")
		want := []GuardrailVerdict{
			{
				Policy:        "EU data stays in the EU",
				Require:       "attribute:residency=EU",
				HoldsForAgent: true,
				Missing:       "attribute:residency=EU",
			},
		}
		if !reflect.DeepEqual(x.Guardrails, want) || x.Allowed {
			t.Errorf("the guardrails are %+v", x.Guardrails)
		}
	})
	t.Run("an agent that qualifies and does not pass the guardrail itself", func(t *testing.T) {
		x := explain(world.USBot, world.User("uwe", nil, "residency", "EU"), "eu.customers")
		if g := x.Grants[0]; g.Opens != "" || !g.Unheard || x.Allowed {
			t.Errorf("the grant is %+v", g)
		}
	})
	t.Run("masks that apply, lose, and are about others", func(t *testing.T) {
		x := explain(world.Bot, world.Eva, "hr.people")
		name, ssn, salary := x.Columns[0], x.Columns[1], x.Columns[2]
		if m := name.Masks; len(m) != 2 || m[0].With != "{partial: {first: 1}}" || m[0].By != "hr.people.name" ||
			m[1].With != "{constant: REDACTED}" {
			t.Errorf("name has the masks %+v", m)
		} else if m[0].When != "" || !strings.HasPrefix(m[0].Why, "every cell: ") || m[1].Outcome != Shadowed {
			t.Errorf("without a region every name is hidden: %+v", m)
		}
		if m := ssn.Masks; len(m) != 2 || m[0].By != "tag:PII.SSN" ||
			m[1].Why != `"social security numbers keep their end" has the deeper tag` {
			t.Errorf("ssn has the masks %+v", m)
		}
		if m := salary.Masks; len(m) != 2 || m[0].With != "null" || m[0].Why != "hash does not fit the column's type" ||
			m[1].Outcome != Exempt ||
			m[1].Scope != "for group:Nobody" {
			t.Errorf("salary has the masks %+v", m)
		}
		if m := explain(world.Bot, world.Taylor, "hr.people").Columns[0].Masks[0]; m.When != "region = any('US-EAST')" {
			t.Errorf("the condition is shown with its values: %+v", m)
		}
	})
	t.Run("rows", func(t *testing.T) {
		f := explain(world.Bot, world.Taylor, "sales.customer_orders").Filters[0]
		if want := (FilterVerdict{Policy: "sellers see their own region", Rule: "region  = any('US-EAST')", Scope: "all but group:Scanners", Applies: true, Missing: []string{}}); !reflect.DeepEqual(
			f,
			want,
		) {
			t.Errorf("the filter is %+v", f)
		}
		if f := explain(world.Bot, world.Eva, "sales.customer_orders").Filters[0]; !f.NoRow ||
			!slices.Equal(f.Missing, []string{"attribute.region"}) {
			t.Errorf("without a value no row is seen: %+v", f)
		}
		if f := explain(world.ScannerBot, nil, "sales.customer_orders").Filters[0]; f.Applies {
			t.Errorf("the scanner is exempt: %+v", f)
		}
		if f := explain(world.Agent("scanner", []string{"Scanners"}), nil, "sales.customer_orders").Filters[0]; f.NoRow {
			t.Errorf("a filter that does not apply hides no row, whatever has no value: %+v", f)
		}
	})
}

func TestExplainShowsWhatWasApproved(t *testing.T) {
	e := world.Compile(t, world.Parse(t, world.Approvable))
	only := world.Approval("r2", world.Taylor, world.Refunds, true)
	only.Through = "another"
	e = e.With(
		[]entitlements.Approval{
			world.Approval("r1", world.Taylor, world.Refunds, true, "reason"),
			only,
			world.Approval("r3", world.Priya, world.Refunds, true),
		},
		world.Noon,
	)
	x, _ := Explain(e, world.On(world.Taylor), world.Refunds)
	want := []GrantVerdict{
		{
			Policy:  "request r1",
			To:      "user:taylor",
			Opens:   entitlements.ViaUser,
			Missing: []string{},
			Until:   world.Noon.Add(time.Hour),
		},
		{
			Policy:  "request r2",
			To:      "{all: [user:taylor, agent:another]}",
			Missing: []string{"agent:another"},
			Until:   world.Noon.Add(time.Hour),
		},
	}
	if fmt.Sprint(x.Grants) != fmt.Sprint(want) {
		t.Errorf("grants: %+v", x.Grants)
	}
	if m := x.Columns[0].Masks[0]; m.Outcome != Lifted || m.Request != "r1" || !m.Until.Equal(world.Noon.Add(time.Hour)) ||
		!x.Columns[0].Clear ||
		!x.Until.Equal(m.Until) {
		t.Errorf("the mask: %+v, clear: %v", m, x.Columns[0].Clear)
	}
	contractor := world.User("cora", []string{"Marketing", "Contractors"})
	contracted := world.Compile(t, world.Parse(t, world.Approvable)).
		With([]entitlements.Approval{world.Approval("r1", contractor, world.Orders, false, "order_total")}, world.Noon)
	x, _ = Explain(contracted, world.On(contractor), world.Orders)
	var outcomes []Outcome
	for _, m := range x.Columns[2].Masks {
		outcomes = append(outcomes, m.Outcome)
	}
	if fmt.Sprint(outcomes) != "[applies lifted]" || x.Columns[2].Clear {
		t.Errorf("a mask that stays, beside one that is lifted: %v", outcomes)
	}
}
