package entitlements_test

import (
	"fmt"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

// render says in one line what a decision is: "via user: lastname=constant(hide personal data) region | own region:
// region = any([EU])".
func render(a entitlements.Access, d *entitlements.Denial) string {
	if d != nil {
		s := "denied"
		if d.Requestable {
			s = "denied, may be asked for"
		}
		return s + ": " + strings.Join(d.Reasons, "; ")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "via %s:", a.Via)
	for _, c := range a.Columns {
		fmt.Fprintf(&b, " %s", c.Name)
		for _, m := range c.Masks {
			fmt.Fprintf(&b, "=%s(%s)", m.Kind, m.Policy)
		}
	}
	for _, f := range a.Filters {
		fmt.Fprintf(&b, " | %s: ", f.Policy)
		if f.Never {
			b.WriteString("never ")
		}
		for _, p := range f.Where {
			b.WriteString(p.SQL)
			if p.Variable != "" {
				fmt.Fprint(&b, p.Values)
			}
		}
	}
	return b.String()
}

func TestDecide(t *testing.T) {
	e := world.Compile(t, world.Parse(t, world.ShopPolicies))
	const masked = " lastname=constant(hide personal data) region order_total"
	tests := []struct {
		name  string
		who   identity.Principal
		table string
		want  string
	}{
		{
			"Taylor sees her region's orders without last names",
			identity.Principal{Agent: world.Bot, User: world.Taylor},
			"sales.customer_orders",
			"via user:" + masked + " | sellers see their own region: region  = any([US-EAST])",
		},
		{
			"somebody in Privacy sees last names, and all of her regions",
			identity.Principal{Agent: world.Bot, User: world.Priya},
			"sales.customer_orders",
			"via user: lastname region order_total | sellers see their own region: region  = any([US-EAST US-WEST])",
		},
		{
			"a user without a region sees no row",
			identity.Principal{Agent: world.Bot, User: world.Eva},
			"sales.customer_orders",
			"via user:" + masked + " | sellers see their own region: never region  = any([])",
		},
		{
			"a lookup table is reached through both",
			identity.Principal{Agent: world.Bot, User: world.Taylor},
			"ref.regions",
			"via both: code label",
		},
		{
			"a lookup table is reached through the agent alone",
			identity.Principal{Agent: world.Bot, User: world.Nobody},
			"ref.regions",
			"via agent: code label",
		},
		{
			"what is reached through the agent is still masked and filtered as for the human",
			identity.Principal{Agent: world.ScannerBot, User: world.Nobody},
			"sales.customer_orders",
			"via agent:" + masked + " | sellers see their own region: never region  = any([])",
		},
		{
			"the scannerBot alone sees masked names in every region",
			identity.Principal{Agent: world.ScannerBot},
			"sales.customer_orders",
			"via agent:" + masked,
		},
		{
			"the bot alone does not see what its users see",
			identity.Principal{Agent: world.Bot},
			"sales.customer_orders",
			"denied, may be asked for: no grant opens it",
		},
		{
			"somebody in no group may ask for a table that can be discovered",
			identity.Principal{Agent: world.Bot, User: world.Nobody},
			"sales.refunds",
			"denied, may be asked for: no grant opens it",
		},
		{
			"a table that cannot be discovered is not there",
			identity.Principal{Agent: world.Bot, User: world.Nobody},
			"hr.people",
			"denied: no grant opens it",
		},
		{
			"a table that is not there is not there",
			identity.Principal{Agent: world.Bot, User: world.Taylor},
			"hr.nothing",
			"denied: there is no such table",
		},
		{
			"a guardrail beats the agent's grant, whose residency is right, for a human abroad",
			identity.Principal{Agent: world.EUBot, User: world.Taylor},
			"eu.customers",
			`denied: guardrail "EU data stays in the EU" does not hold for user taylor`,
		},
		{
			"a guardrail must hold for the agent as well, if the table is reached through it",
			identity.Principal{Agent: world.USBot, User: world.User("ed", nil, "residency", "EU")},
			"eu.customers",
			`denied, may be asked for: guardrail "EU data stays in the EU" does not hold for agent us-bot; no grant opens it`,
		},
		{
			"a guardrail need not hold for the agent if the human qualifies",
			identity.Principal{Agent: world.USBot, User: world.Eva},
			"eu.customers",
			"via user: id email",
		},
		{
			"with a guardrail that holds for both, both count",
			identity.Principal{Agent: world.EUBot, User: world.Eva},
			"eu.customers",
			"via both: id email",
		},
		{
			"a guardrail closes to an agent alone",
			identity.Principal{Agent: world.USBot},
			"eu.customers",
			`denied: guardrail "EU data stays in the EU" does not hold for agent us-bot`,
		},
		{
			"an agent alone passes a guardrail that holds for it",
			identity.Principal{Agent: world.EUBot},
			"eu.customers",
			"via agent: id email",
		},
		{
			"the deeper tag wins, and a mask that does not fit becomes null",
			identity.Principal{Agent: world.Bot, User: world.Eva},
			"hr.people",
			"via user: name=constant(hide personal data) ssn=partial(social security numbers keep their end) salary=null(salaries are nobody's business)",
		},
		{
			"a tag on a table masks all its columns",
			identity.Principal{Agent: world.Bot, User: world.Eva},
			"hr.wages",
			"via user: amount=null(salaries are nobody's business)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table, _ := entitlements.ParseTableName(tt.table)
			if got := render(e.Decide(tt.who, table)); got != tt.want {
				t.Errorf("%s: %s\n got %s\nwant %s", tt.table, tt.name, got, tt.want)
			}
		})
	}
}

func TestDecisionNamesItsPolicies(t *testing.T) {
	e := world.Compile(t, world.Parse(t, world.ShopPolicies))
	a, _ := e.Decide(
		identity.Principal{Agent: world.EUBot, User: world.Eva},
		entitlements.TableName{Schema: "ref", Name: "regions"},
	)
	if got := fmt.Sprint(a.Grants); got != "[agents read lookup tables marketing reads lookup tables]" {
		t.Errorf("not every grant that opens the table is named: %s", got)
	}
	a, _ = e.Decide(
		identity.Principal{Agent: world.USBot, User: world.Eva},
		entitlements.TableName{Schema: "eu", Name: "customers"},
	)
	if fmt.Sprint(a.Guardrails) != "[EU data stays in the EU]" {
		t.Errorf("a guardrail that was asked is not named: %v", a.Guardrails)
	}
	a, _ = e.Decide(
		identity.Principal{Agent: world.ScannerBot},
		entitlements.TableName{Schema: "sales", Name: "customer_orders"},
	)
	if fmt.Sprint(a.Grants) != "[scanners read sales]" || fmt.Sprint(a.Columns[0].Tags) != "[PII]" {
		t.Errorf("grants or tags are wrong: %v %v", a.Grants, a.Columns[0].Tags)
	}
}

func TestNobodyIsNotEveryone(t *testing.T) {
	e := world.Compile(t, world.Parse(t, "policies: [{name: open, grant: '*.*', to: everyone}]\ndiscoverable: '*.*'"))
	for name, who := range map[string]identity.Principal{
		"a principal without an agent":     {User: world.Taylor},
		"a principal with an unnamed user": {Agent: world.Bot, User: &identity.User{}},
		"the zero principal":               {},
	} {
		if seen := e.Visible(who); len(seen) > 0 {
			t.Errorf("%s sees %s", name, seen[0].Table)
		}
	}
}

func TestVisibleListsWhatIsOpenOrRequestable(t *testing.T) {
	e := world.Compile(t, world.Parse(t, world.ShopPolicies))
	var got []string
	for _, v := range e.Visible(identity.Principal{Agent: world.Bot, User: world.Taylor}) {
		if (v.Access == nil) == (v.Denial == nil) {
			t.Errorf("%s is not either open or requestable", v.Table)
		}
		got = append(got, fmt.Sprintf("%s %t", v.Table, v.Access != nil))
	}
	// eu.customers can be discovered, but asking would not help Taylor; hr cannot.
	if want := "[ref.regions true sales.customer_orders true sales.refunds true]"; fmt.Sprint(got) != want {
		t.Errorf("Taylor does not see what she may know of:\n got %s\nwant %s", got, want)
	}
	got = nil
	for _, v := range e.Visible(identity.Principal{Agent: world.Agent("idle", nil), User: world.User("ed", nil, "residency", "EU")}) {
		got = append(got, fmt.Sprintf("%s %t", v.Table, v.Access != nil))
	}
	if want := "[eu.customers false sales.customer_orders false sales.refunds false]"; fmt.Sprint(got) != want {
		t.Errorf("somebody in no group does not see what can be asked for:\n got %s\nwant %s", got, want)
	}
}

func TestAGrantToAnAgentIsTheAgents(t *testing.T) {
	tests := []struct{ name, to, want string }{
		{"the human must not qualify by who the agent is, or the agent would escape the guardrail", "agent:us-bot", "denied"},
		{"nor by the agent's group", "[agent-group:EU-Readers, user:somebody]", "denied"},
		{"nor by the mode", "mode:on_behalf_of", "denied"},
		{"nor by who the agent is not", "{not: agent:other}", "denied"},
		{
			"a human who qualifies through this agent only does qualify",
			"{all: [group:Marketing, agent:us-bot]}",
			"via user: id email",
		},
		{"a human who does not, does not", "{all: [group:Privacy, agent:us-bot]}", "denied"},
	}
	for _, tt := range tests {
		e := world.Compile(t, world.Parse(t, fmt.Sprintf(`
policies:
  - {name: open, grant: eu.customers, to: %s}
  - {name: EU, guardrail: eu.*, require: attribute:residency=EU}
`, tt.to)))
		got, _, _ := strings.Cut(
			render(
				e.Decide(
					identity.Principal{Agent: world.USBot, User: world.Eva},
					entitlements.TableName{Schema: "eu", Name: "customers"},
				),
			),
			" email: ",
		)
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("to: %s: %s\n got %s", tt.to, tt.name, got)
		}
	}
}

func TestWhichMaskWins(t *testing.T) {
	tests := []struct{ name, policies, want string }{
		{"null is stricter than a constant", "c|tag:A|{constant: x}|; n|tag:A|null|", "n"},
		{"a constant is stricter than a hash", "h|tag:A|hash|; c|tag:A|{constant: x}|", "c"},
		{"a hash is stricter than a part", "p|tag:A|{partial: {first: 1}}|; h|tag:A|hash|", "h"},
		{"fewer characters are stricter", "a|tag:A|{partial: {first: 2, last: 2}}|; b|tag:A|{partial: {last: 3}}|", "b"},
		{"the name decides between equals", "z|tag:A|hash|; y|tag:A|hash|", "y"},
		{"a deeper tag beats a stricter mask", "n|tag:A|null|; p|tag:A.B|{partial: {first: 9}}|", "p"},
		{"the column's own name beats the deepest tag", "p|hr.people.ssn|{partial: {first: 9}}|; n|tag:A.B|null|", "p"},
		{"a wildcard is the last to be asked", "n|hr.people.s*|null|; h|tag:A|hash|", "h"},
		{"a quoted star is a name and no wildcard", `h|hr.people."ssn"|hash|; n|tag:A.B|null|`, "h"},
		{"a tag on the table counts like one on the column", "h|tag:T|hash|; n|tag:A|null|", "n"},
		{
			"a policy that exempts the caller does not hide a wider one",
			"h|tag:A.B|hash|except: group:HR; c|hr.*.*|{constant: x}|",
			"c",
		},
		{"a policy for others does not either", "h|tag:A.B|hash|for: group:Sales; c|hr.*.*|{constant: x}|", "c"},
		{"a policy for the caller applies", "h|tag:A|hash|for: group:HR", "h"},
		{"a policy except others applies", "h|tag:A|hash|except: group:Sales", "h"},
		{
			"a column is clear when all exempt the caller",
			"h|tag:A|hash|except: group:HR; n|hr.*.*|null|for: group:Sales",
			"none",
		},
		{"a mask can be about the agent that a human acts through", "h|tag:A|hash|for: agent:marketing-bot", "h"},
		{"a mask about the agent's group is not about the human's", "h|tag:A|hash|for: agent-group:HR", "none"},
		{"a group of the agent does not exempt the human", "h|tag:A|hash|except: group:Agents", "h"},
		{
			"a mask that reaches a column twice counts as the more specific",
			"p|[hr.people.*, tag:A.B]|{partial: {first: 1}}|; n|tag:A|null|",
			"p",
		},
	}
	for _, tt := range tests {
		text := "tags: {A: hr.people.name, A.B: hr.people.ssn, T: hr.people}\npolicies:\n- {name: open, grant: hr.*, to: everyone}\n"
		for _, p := range strings.Split(tt.policies, "; ") {
			f := strings.Split(p, "|")
			text += fmt.Sprintf("- name: %s\n  mask: %s\n  with: %s\n  %s\n", f[0], f[1], f[2], f[3])
		}
		a, _ := world.Compile(t, world.Parse(t, text)).
			Decide(identity.Principal{Agent: world.Bot, User: world.Eva}, entitlements.TableName{Schema: "hr", Name: "people"})
		got := "none"
		for _, m := range a.Columns[1].Masks {
			got = m.Policy
		}
		if got != tt.want {
			t.Errorf("%s\n%s\n got %s, want %s", tt.name, tt.policies, got, tt.want)
		}
	}
}

func TestFiltersAreAllApplied(t *testing.T) {
	e := world.Compile(t, world.Parse(t, `
tags: {Regional: sales.customer_orders}
policies:
  - {name: open, grant: "*.*", to: everyone}
  - {name: z, filter: tag:Regional, where: order_total > 0}
  - {name: a, filter: sales.*, where: "not (region <> all(:attribute.region) or region is null)"}
  - {name: others, filter: sales.*, where: "false", for: group:HR}
  - {name: exempt, filter: sales.*, where: "false", except: group:Marketing}
`))
	got := render(
		e.Decide(
			identity.Principal{Agent: world.Bot, User: world.Taylor},
			entitlements.TableName{Schema: "sales", Name: "customer_orders"},
		),
	)
	want := "via both: lastname region order_total | a: not (region <> all([US-EAST]) or region is null) | z: order_total > 0"
	if got != want {
		t.Errorf("filters are not what applies, by name:\n got %s\nwant %s", got, want)
	}
}

func BenchmarkDecideWith1000Policies(b *testing.B) {
	var text strings.Builder
	text.WriteString("tags: {PII: sales.*}\npolicies:\n")
	for i := range 250 {
		fmt.Fprintf(&text, "- {name: g%d, grant: sales.*, to: [group:G%d, attribute:team=T%d]}\n", i, i, i)
		fmt.Fprintf(&text, "- {name: r%d, guardrail: sales.*, require: {not: group:Banned%d}}\n", i, i)
		fmt.Fprintf(&text, "- {name: m%d, mask: tag:PII, with: hash, except: group:M%d}\n", i, i)
		fmt.Fprintf(&text, "- {name: f%d, filter: sales.*, where: region = any(:attribute.region), for: group:F%d}\n", i, i)
	}
	e := world.Compile(b, world.Parse(b, text.String()))
	who := identity.Principal{
		Agent: world.Bot,
		User:  world.User("u", []string{"G1", "M0", "M1", "M2", "F4", "F5", "X", "Y", "Z"}, "region", "EU"),
	}
	for b.Loop() {
		if _, denial := e.Decide(who, entitlements.TableName{Schema: "sales", Name: "customer_orders"}); denial != nil {
			b.Fatal(denial)
		}
	}
}
