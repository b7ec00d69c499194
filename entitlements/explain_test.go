package entitlements

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deputy/identity"
)

// An explanation that tells another story than the decision is worse than none: from the verdicts alone, the decision
// follows.
func TestAnExplanationNeverDisagreesWithTheDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, who := genPolicies().Draw(t, "policies"), genPrincipal().Draw(t, "who")
		for i := range policies {
			if policies[i].Mask != nil {
				policies[i].When = rapid.SampledFrom([]string{"", "a = 1", "a = any(:attribute.x)"}).Draw(t, "when")
			}
		}
		e, problems := Compile(Config{Policies: policies, Tags: worldTags, Catalog: world})
		if e == nil {
			t.Fatalf("random policies do not compile: %v", problems)
		}
		for _, name := range e.Tables() {
			access, denial := e.Decide(who, name)
			x, ok := e.Explain(who, name)
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
func toldVia(x Explanation) Via {
	if slices.ContainsFunc(x.Guardrails, func(g GuardrailVerdict) bool { return !g.Holds }) {
		return ""
	}
	user, agent := false, false
	for _, g := range x.Grants {
		user = user || g.Opens == ViaUser || g.Opens == ViaBoth
		agent = agent || g.Opens == ViaAgent || g.Opens == ViaBoth
	}
	return map[[2]bool]Via{{true, true}: ViaBoth, {true, false}: ViaUser, {false, true}: ViaAgent}[[2]bool{user, agent}]
}

func compareStory(t *rapid.T, x Explanation, access Access) {
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
			decided = append(decided, m.Policy+m.Mask.String()+ExpressionText(m.When))
		}
		if !reflect.DeepEqual(said, decided) || x.Columns[i].Clear != (len(decided) == 0) {
			t.Fatalf("%s.%s: the verdicts say %v, the decision %v", x.Table, c.Name, said, decided)
		}
	}
	var said, decided []Filter
	for _, f := range x.Filters {
		if f.Applies {
			said = append(said, Filter{Policy: f.Policy + f.Rule, Never: f.NoRow})
		}
	}
	for _, f := range access.Filters {
		decided = append(decided, Filter{Policy: f.Policy + f.Rule(), Never: f.Never})
	}
	if !reflect.DeepEqual(said, decided) {
		t.Fatalf("%s: the verdicts say rows %v, the decision %v", x.Table, said, decided)
	}
}

func TestExplain(t *testing.T) {
	e := compile(t, parse(t, shopPolicies+`
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
		name, _ := ParseTableName(table)
		x, ok := e.Explain(principal(a, u), name)
		if !ok {
			t.Fatalf("there is no %s", table)
		}
		return x
	}

	t.Run("what would open a table", func(t *testing.T) {
		x := explain(bot, taylor, "hr.people")
		if want := []GrantVerdict{{Policy: "hr reads hr", To: "{all: [group:HR, {not: mode:autonomous}]}", Missing: []string{"group:HR"}}}; !reflect.DeepEqual(
			x.Grants,
			want,
		) {
			t.Errorf("the grants are %+v", x.Grants)
		}
		if x.Allowed || x.Requestable || !slices.Contains(x.Reasons, "no grant opens it") {
			t.Errorf("the table is closed, and says %v", x.Reasons)
		}
		if x := explain(bot, nobody, "sales.refunds"); !x.Requestable {
			t.Error("a table that may be discovered may be asked for")
		}
	})
	t.Run("a guardrail that does not hold", func(t *testing.T) {
		x := explain(euBot, taylor, "eu.customers")
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
		x := explain(usBot, user("uwe", nil, "residency", "EU"), "eu.customers")
		if g := x.Grants[0]; g.Opens != "" || !g.Unheard || x.Allowed {
			t.Errorf("the grant is %+v", g)
		}
	})
	t.Run("masks that apply, lose, and are about others", func(t *testing.T) {
		x := explain(bot, eva, "hr.people")
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
		if m := explain(bot, taylor, "hr.people").Columns[0].Masks[0]; m.When != "region = any('US-EAST')" {
			t.Errorf("the condition is shown with its values: %+v", m)
		}
	})
	t.Run("rows", func(t *testing.T) {
		f := explain(bot, taylor, "sales.customer_orders").Filters[0]
		if want := (FilterVerdict{Policy: "sellers see their own region", Rule: "region  = any('US-EAST')", Scope: "all but group:Scanners", Applies: true, Missing: []string{}}); !reflect.DeepEqual(
			f,
			want,
		) {
			t.Errorf("the filter is %+v", f)
		}
		if f := explain(bot, eva, "sales.customer_orders").Filters[0]; !f.NoRow ||
			!slices.Equal(f.Missing, []string{"attribute.region"}) {
			t.Errorf("without a value no row is seen: %+v", f)
		}
		if f := explain(scannerBot, nil, "sales.customer_orders").Filters[0]; f.Applies {
			t.Errorf("the scanner is exempt: %+v", f)
		}
		if f := explain(agent("scanner", []string{"Scanners"}), nil, "sales.customer_orders").Filters[0]; f.NoRow {
			t.Errorf("a filter that does not apply hides no row, whatever has no value: %+v", f)
		}
	})
}
