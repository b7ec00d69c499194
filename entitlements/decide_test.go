package entitlements

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"deputy/identity"
)

// file is what these tests write as YAML.
type file struct {
	Tags         Tags      `yaml:"tags"`
	Policies     []Policy  `yaml:"policies"`
	Discoverable Selectors `yaml:"discoverable"`

	Rules []RequestRule `yaml:"rules"`
}

func parse(t testing.TB, text string) Config {
	t.Helper()
	var f file
	if err := yaml.Load([]byte(text), &f, yaml.WithKnownFields()); err != nil {
		t.Fatalf("the policies of the test cannot be read: %v", err)
	}
	return Config{
		Platform:     "warehouse",
		Tags:         f.Tags,
		Policies:     f.Policies,
		Rules:        f.Rules,
		Discoverable: f.Discoverable,
		Catalog:      shop,
	}
}

func compile(t testing.TB, cfg Config) *Entitlements {
	t.Helper()
	e, problems := Compile(cfg)
	if e == nil {
		t.Fatalf("the policies of the test do not compile: %v", problems)
	}
	return e
}

func tableOf(name string, columns ...Column) Table {
	t, _ := ParseTableName(name)
	return Table{TableName: t, Columns: columns}
}

func col(name string, k Kind) Column { return Column{Name: name, Type: string(k), Kind: k} }

var shop = &Catalog{Version: "1", Tables: []Table{
	tableOf("sales.customer_orders", col("lastname", Text), col("region", Text), col("order_total", Number)),
	tableOf("sales.refunds", col("reason", Text)),
	tableOf("ref.regions", col("code", Text), col("label", Text)),
	tableOf("eu.customers", col("id", Number), col("email", Text)),
	tableOf("hr.people", col("name", Text), col("ssn", Text), col("salary", Number)),
	tableOf("hr.wages", col("amount", Number)),
}}

var (
	taylor     = user("taylor", []string{"Marketing"}, "region", "US-EAST")
	priya      = user("priya", []string{"Marketing", "Privacy"}, "region", "US-EAST", "region", "US-WEST")
	eva        = user("eva", []string{"Marketing", "HR"}, "residency", "EU")
	nobody     = user("nobody", nil)
	bot        = agent("marketing-bot", []string{"Agents"})
	euBot      = agent("eu-bot", []string{"Agents", "EU-Readers"}, "residency", "EU")
	usBot      = agent("us-bot", []string{"Agents", "EU-Readers"})
	scannerBot = agent("pii-scannerBot", []string{"Scanners"}, "region", "US-CENTRAL")
)

func user(id string, groups []string, attributes ...string) *identity.User {
	return &identity.User{Identity: party(identity.KindUser, id, groups, attributes)}
}

func agent(id string, groups []string, attributes ...string) identity.Agent {
	return identity.Agent{Identity: party(identity.KindAgent, id, groups, attributes)}
}

func party(k identity.Kind, id string, groups, attributes []string) identity.Identity {
	i := identity.Identity{Kind: k, ID: id, Groups: groups, Attributes: map[string][]string{}}
	for n := 0; n+1 < len(attributes); n += 2 {
		i.Attributes[attributes[n]] = append(i.Attributes[attributes[n]], attributes[n+1])
	}
	return i
}

const shopPolicies = `
tags:
  PII: [sales.customer_orders.lastname, hr.people.name]
  PII.SSN: [hr.people.ssn]
  EU: [eu.*]
  Lookup: [ref.*]
  Regional: [sales.customer_orders]
  Salaries: [hr.wages, hr.people.salary]
discoverable: [sales.*, eu.customers]
policies:
  - name: marketing reads sales
    grant: [sales.customer_orders, sales.refunds]
    to: group:Marketing
  - name: scanners read sales
    grant: sales.customer_orders
    to: group:Scanners
  - name: agents read lookup tables
    grant: tag:Lookup
    to: group:Agents
  - name: marketing reads lookup tables
    grant: tag:Lookup
    to: group:Marketing
  - name: eu readers
    grant: eu.*
    to: [group:EU-Readers, user:eva]
  - name: EU data stays in the EU
    guardrail: tag:EU
    require: attribute:residency=EU
  - name: hr reads hr
    grant: hr.*
    to: {all: [group:HR, {not: mode:autonomous}]}
  - name: hide personal data
    mask: tag:PII
    with: {constant: REDACTED}
    except: group:Privacy
  - name: social security numbers keep their end
    mask: tag:PII.SSN
    with: {partial: {last: 4}}
  - name: salaries are nobody's business
    mask: tag:Salaries
    with: hash
  - name: sellers see their own region
    filter: tag:Regional
    where: region  =  ANY ( :attribute.region )
    except: group:Scanners
`

// render says in one line what a decision is: "via user: lastname=constant(hide personal data) region | own region:
// region = any([EU])".
func render(a Access, d *Denial) string {
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
	e := compile(t, parse(t, shopPolicies))
	const masked = " lastname=constant(hide personal data) region order_total"
	tests := []struct {
		name  string
		who   identity.Principal
		table string
		want  string
	}{
		{
			"Taylor sees her region's orders without last names",
			identity.Principal{Agent: bot, User: taylor},
			"sales.customer_orders",
			"via user:" + masked + " | sellers see their own region: region  = any([US-EAST])",
		},
		{
			"somebody in Privacy sees last names, and all of her regions",
			identity.Principal{Agent: bot, User: priya},
			"sales.customer_orders",
			"via user: lastname region order_total | sellers see their own region: region  = any([US-EAST US-WEST])",
		},
		{"a user without a region sees no row", identity.Principal{Agent: bot, User: eva}, "sales.customer_orders",
			"via user:" + masked + " | sellers see their own region: never region  = any([])"},
		{
			"a lookup table is reached through both",
			identity.Principal{Agent: bot, User: taylor},
			"ref.regions",
			"via both: code label",
		},
		{
			"a lookup table is reached through the agent alone",
			identity.Principal{Agent: bot, User: nobody},
			"ref.regions",
			"via agent: code label",
		},
		{
			"what is reached through the agent is still masked and filtered as for the human",
			identity.Principal{Agent: scannerBot, User: nobody},
			"sales.customer_orders",
			"via agent:" + masked + " | sellers see their own region: never region  = any([])",
		},
		{
			"the scannerBot alone sees masked names in every region",
			identity.Principal{Agent: scannerBot},
			"sales.customer_orders",
			"via agent:" + masked,
		},
		{
			"the bot alone does not see what its users see",
			identity.Principal{Agent: bot},
			"sales.customer_orders",
			"denied, may be asked for: no grant opens it",
		},
		{
			"somebody in no group may ask for a table that can be discovered",
			identity.Principal{Agent: bot, User: nobody},
			"sales.refunds",
			"denied, may be asked for: no grant opens it",
		},
		{
			"a table that cannot be discovered is not there",
			identity.Principal{Agent: bot, User: nobody},
			"hr.people",
			"denied: no grant opens it",
		},
		{
			"a table that is not there is not there",
			identity.Principal{Agent: bot, User: taylor},
			"hr.nothing",
			"denied: there is no such table",
		},
		{
			"a guardrail beats the agent's grant, whose residency is right, for a human abroad",
			identity.Principal{Agent: euBot, User: taylor},
			"eu.customers",
			`denied: guardrail "EU data stays in the EU" does not hold for user taylor`,
		},
		{
			"a guardrail must hold for the agent as well, if the table is reached through it",
			identity.Principal{Agent: usBot, User: user("ed", nil, "residency", "EU")},
			"eu.customers",
			`denied, may be asked for: guardrail "EU data stays in the EU" does not hold for agent us-bot; no grant opens it`,
		},
		{
			"a guardrail need not hold for the agent if the human qualifies",
			identity.Principal{Agent: usBot, User: eva},
			"eu.customers",
			"via user: id email",
		},
		{
			"with a guardrail that holds for both, both count",
			identity.Principal{Agent: euBot, User: eva},
			"eu.customers",
			"via both: id email",
		},
		{
			"a guardrail closes to an agent alone",
			identity.Principal{Agent: usBot},
			"eu.customers",
			`denied: guardrail "EU data stays in the EU" does not hold for agent us-bot`,
		},
		{
			"an agent alone passes a guardrail that holds for it",
			identity.Principal{Agent: euBot},
			"eu.customers",
			"via agent: id email",
		},
		{
			"the deeper tag wins, and a mask that does not fit becomes null",
			identity.Principal{Agent: bot, User: eva},
			"hr.people",
			"via user: name=constant(hide personal data) ssn=partial(social security numbers keep their end) salary=null(salaries are nobody's business)",
		},
		{
			"a tag on a table masks all its columns",
			identity.Principal{Agent: bot, User: eva},
			"hr.wages",
			"via user: amount=null(salaries are nobody's business)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table, _ := ParseTableName(tt.table)
			if got := render(e.Decide(tt.who, table)); got != tt.want {
				t.Errorf("%s: %s\n got %s\nwant %s", tt.table, tt.name, got, tt.want)
			}
		})
	}
}

func TestDecisionNamesItsPolicies(t *testing.T) {
	e := compile(t, parse(t, shopPolicies))
	a, _ := e.Decide(identity.Principal{Agent: euBot, User: eva}, TableName{"ref", "regions"})
	if got := fmt.Sprint(a.Grants); got != "[agents read lookup tables marketing reads lookup tables]" {
		t.Errorf("not every grant that opens the table is named: %s", got)
	}
	a, _ = e.Decide(identity.Principal{Agent: usBot, User: eva}, TableName{"eu", "customers"})
	if fmt.Sprint(a.Guardrails) != "[EU data stays in the EU]" {
		t.Errorf("a guardrail that was asked is not named: %v", a.Guardrails)
	}
	a, _ = e.Decide(identity.Principal{Agent: scannerBot}, TableName{"sales", "customer_orders"})
	if fmt.Sprint(a.Grants) != "[scanners read sales]" || fmt.Sprint(a.Columns[0].Tags) != "[PII]" {
		t.Errorf("grants or tags are wrong: %v %v", a.Grants, a.Columns[0].Tags)
	}
}

func TestNobodyIsNotEveryone(t *testing.T) {
	e := compile(t, parse(t, "policies: [{name: open, grant: '*.*', to: everyone}]\ndiscoverable: '*.*'"))
	for name, who := range map[string]identity.Principal{
		"a principal without an agent":     {User: taylor},
		"a principal with an unnamed user": {Agent: bot, User: &identity.User{}},
		"the zero principal":               {},
	} {
		if seen := e.Visible(who); len(seen) > 0 {
			t.Errorf("%s sees %s", name, seen[0].Table)
		}
	}
}

func TestVisibleListsWhatIsOpenOrRequestable(t *testing.T) {
	e := compile(t, parse(t, shopPolicies))
	var got []string
	for _, v := range e.Visible(identity.Principal{Agent: bot, User: taylor}) {
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
	for _, v := range e.Visible(identity.Principal{Agent: agent("idle", nil), User: user("ed", nil, "residency", "EU")}) {
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
		e := compile(t, parse(t, fmt.Sprintf(`
policies:
  - {name: open, grant: eu.customers, to: %s}
  - {name: EU, guardrail: eu.*, require: attribute:residency=EU}
`, tt.to)))
		got, _, _ := strings.Cut(
			render(e.Decide(identity.Principal{Agent: usBot, User: eva}, TableName{"eu", "customers"})),
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
		a, _ := compile(t, parse(t, text)).Decide(identity.Principal{Agent: bot, User: eva}, TableName{"hr", "people"})
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
	e := compile(t, parse(t, `
tags: {Regional: sales.customer_orders}
policies:
  - {name: open, grant: "*.*", to: everyone}
  - {name: z, filter: tag:Regional, where: order_total > 0}
  - {name: a, filter: sales.*, where: "not (region <> all(:attribute.region) or region is null)"}
  - {name: others, filter: sales.*, where: "false", for: group:HR}
  - {name: exempt, filter: sales.*, where: "false", except: group:Marketing}
`))
	got := render(e.Decide(identity.Principal{Agent: bot, User: taylor}, TableName{"sales", "customer_orders"}))
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
	e := compile(b, parse(b, text.String()))
	who := identity.Principal{
		Agent: bot,
		User:  user("u", []string{"G1", "M0", "M1", "M2", "F4", "F5", "X", "Y", "Z"}, "region", "EU"),
	}
	for b.Loop() {
		if _, denial := e.Decide(who, TableName{"sales", "customer_orders"}); denial != nil {
			b.Fatal(denial)
		}
	}
}
