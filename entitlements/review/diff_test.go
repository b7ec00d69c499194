package review

import (
	"cmp"
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
	"deputy/internal/config/form"
	"deputy/internal/testkit/world"
)

var bothModes = []identity.Mode{identity.OnBehalfOf, identity.Autonomous}

// genSide is a configuration of the small world: policies, two agents and what is said of one user.
func genSide() *rapid.Generator[Side] {
	return rapid.Custom(func(t *rapid.T) Side {
		side, _ := drawSide(t)
		return side
	})
}

// drawSide returns also what the side is compiled from.
func drawSide(t *rapid.T) (Side, entitlements.Config) {

	policies := world.GenPolicies().Draw(t, "policies")
	for i := range policies {
		if policies[i].Mask != nil {
			policies[i].When = rapid.SampledFrom([]string{"", "", "a = 1", "a = any(:attribute.x)"}).Draw(t, "when")
		}
	}
	cfg := entitlements.Config{
		Policies:     policies,
		Tags:         world.RandomTags,
		Catalog:      world.Random,
		Discoverable: rapid.SampledFrom([]entitlements.Selectors{nil, {"s.*"}}).Draw(t, "discoverable"),
	}
	e, problems := entitlements.Compile(cfg)
	if e == nil {
		t.Fatalf("random policies do not compile: %v", problems)
	}
	s := Side{Platforms: map[string]*entitlements.Entitlements{"w": e}}
	for _, id := range []string{"1", "2"} {
		a := identity.Agent{
			Identity: world.GenIdentity(identity.KindAgent).Draw(t, "agent"),
			Modes:    bothModes[rapid.IntRange(0, 1).Draw(t, "from"):],
		}
		a.ID = id
		s.Agents = append(s.Agents, a)
	}
	if rapid.Bool().Draw(t, "known") {
		s.Users = []identity.Identity{world.GenIdentity(identity.KindUser).Draw(t, "user")}
	}
	return s, cfg
}

func TestNothingChangesBetweenAConfigurationAndItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side, cfg := drawSide(t)
		if changes := Diff(side, side); len(changes) > 0 {
			t.Fatalf("it differs from itself: %+v", changes)
		}
		described := *cfg.Catalog
		described.Tables = slices.Clone(described.Tables)
		for i := range described.Tables {
			described.Tables[i].Description += "x" // It is not the same table by comparison, but as seen.
		}
		cfg.Catalog = &described
		e, _ := entitlements.Compile(cfg)
		again := side // Compiled again, it is the same without being shared.
		again.Platforms = map[string]*entitlements.Entitlements{"w": e}
		if changes := Diff(side, again); len(changes) > 0 {
			t.Fatalf("a copy differs: %+v", changes)
		}
	})
}

var mirrored = map[EffectKind]EffectKind{
	Opened: Closed, Closed: Opened, Discoverable: Undiscovered, Undiscovered: Discoverable,
	Masked: Unmasked, Unmasked: Masked,
	OtherMask: OtherMask, FilterAdded: FilterRemoved, FilterRemoved: FilterAdded, FilterChanged: FilterChanged,
}

func TestTheWayBackIsTheMirrorOfTheWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genSide().Draw(t, "a"), genSide().Draw(t, "b")
		there, back := Diff(a, b), Diff(b, a)
		for i := range back {
			e := &back[i].Effect
			e.Kind, e.Before, e.After, e.Gain, e.Loss = mirrored[e.Kind], e.After, e.Before, e.Loss, e.Gain
		}
		for _, changes := range [][]Change{there, back} {
			slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		if !reflect.DeepEqual(there, back) {
			t.Fatalf("there:\n%+v\nback:\n%+v", there, back)
		}
	})
}

// Whoever sees something else of a table afterwards, the difference says that something of it changed, through that
// agent; and whoever sees more, that something was gained.
func TestNobodyGainsUnnoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genSide().Draw(t, "a"), genSide().Draw(t, "b")
		b.Agents, b.Users, a.Users = a.Agents, nil, nil
		who := world.GenPrincipal().Draw(t, "who")
		who.Agent = rapid.SampledFrom(a.Agents).Draw(t, "agent")
		if !who.Agent.May(who.Mode()) {
			t.Skip("the agent may not act in this mode")
		}
		changes := Diff(a, b)
		for _, table := range world.Random.Tables {
			before, after := seen(a.Platforms["w"], &who, table.TableName), seen(b.Platforms["w"], &who, table.TableName)
			for _, e := range effects(before, after, false) {
				if !slices.ContainsFunc(changes, func(c Change) bool {
					return c.Table == table.String() && c.Kind == e.Kind && c.Column == e.Column &&
						slices.Contains(c.Agents, who.Agent.ID) &&
						c.Who.Alone == (who.User == nil)
				}) {
					t.Fatalf("%+v sees %+v on %s, and the difference is %+v", who, e, table.TableName, changes)
				}
			}
		}
	})
}

// diffLines says each change on a line: "anybody via *: hr.wages opened".
func diffLines(old, new Side) (out []string) {
	for _, c := range Diff(old, new) {
		via := strings.Join(c.Agents, ",")
		if c.AnyAgent {
			via = "*"
		}
		name := c.Table
		if c.Column != "" {
			name += "." + c.Column
		}
		out = append(
			out,
			strings.TrimSpace(fmt.Sprintf("%s via %s: %s %s %s -> %s", c.Who, via, name, c.Kind, c.Before, c.After)),
		)
	}
	return out
}

func TestDiff(t *testing.T) {
	const base = `
policies:
- {name: m, grant: [sales.customer_orders, sales.refunds], to: group:Marketing}
- {name: a, grant: hr.wages, to: {all: [group:HR, group:Berlin]}}
- {name: p, mask: sales.customer_orders.lastname, with: null}
- {name: f, filter: sales.refunds, where: region = any(:attribute.region)}
`
	taylorIs := []identity.Identity{world.Taylor.Identity} // Marketing, region US-EAST
	side := func(text string) Side {
		cfg := world.Parse(t, text)
		cfg.Purposes = []string{"billing"}
		return Side{
			Agents:    lintAgents,
			Users:     taylorIs,
			Platforms: map[string]*entitlements.Entitlements{"warehouse": world.Compile(t, cfg)},
		}
	}
	replaced := func(old, new string) Side {
		if !strings.Contains(base, old) {
			t.Fatalf("%q is not in the policies", old)
		}
		return side(strings.Replace(base, old, new, 1))
	}
	elsewhere := side(base)
	elsewhere.Users = []identity.Identity{world.User("taylor", []string{"Marketing"}, "region", "EU").Identity}
	mayAct := side(base)
	mayAct.Agents = []identity.Agent{lintAgents[0], {Identity: lintAgents[1].Identity, Modes: bothModes}}
	tests := []struct {
		name string
		to   Side
		want []string
	}{
		{
			"another grant",
			side(base + "- {name: n, grant: hr.wages, to: group:Finance}"),
			[]string{"members of Finance via *: hr.wages opened  -> all clear"},
		},
		{
			"a grant for two groups at once becomes one for either",
			replaced("{all: [group:HR, group:Berlin]}", "group:HR"),
			[]string{"members of HR via *: hr.wages opened  -> all clear"},
		},
		{
			"a grant to an agent opens to anybody who uses it, and a mask is in it",
			side(base + "- {name: n, grant: sales.customer_orders, to: group:Agents}"),
			[]string{"anybody via *: sales.customer_orders opened  -> lastname: null"},
		},
		{
			"a grant to an agent on its own",
			side(base + "- {name: n, grant: hr.wages, to: agent:cron}"),
			[]string{"via *: hr.wages opened  -> all clear"},
		},
		{
			"a mask has an exception for a group that does not open the table itself",
			replaced("with: null", "with: null, except: group:Privacy"),
			[]string{"members of Marketing and Privacy via *: sales.customer_orders.lastname unmasked null -> clear"},
		},
		{
			"a weaker mask",
			replaced("with: null", "with: {partial: {last: 2}}"),
			[]string{"members of Marketing via *: sales.customer_orders.lastname other_mask null -> {partial: {last: 2}}"},
		},
		{"a filter is gone", replaced("- {name: f, filter: sales.refunds, where: region = any(:attribute.region)}", ""),
			[]string{"members of Marketing via *: sales.refunds filter_removed region = any(:attribute.region) ->"}},
		{
			"a mask for the cells of some, who have to have a value",
			replaced("with: null", "with: null, when: region <> all(:attribute.region)"),
			[]string{
				"members of Marketing with region=(any) via *: sales.customer_orders.lastname other_mask null -> null when region <> all(:attribute.region), else clear",
			},
		},
		{
			"a purpose, and a group without one",
			side(base + "- {name: n, grant: hr.wages, to: [{all: [purpose:billing, mode:on_behalf_of]}, group:Finance]}"),
			[]string{
				"anybody for purpose billing via *: hr.wages opened  -> all clear", "members of Finance via *: hr.wages opened  -> all clear"},
		},
		{"a policy has another name", replaced("name: f", "name: g"), nil},
		{
			"a user is somewhere else",
			elsewhere,
			[]string{"user taylor via *: sales.refunds filter_changed region = any('US-EAST') -> region = any('EU')"},
		},
		{"an agent may act for humans", mayAct, []string{
			"members of Berlin and HR via cron: hr.wages opened  -> all clear",
			"members of Marketing via cron: sales.customer_orders opened  -> lastname: null",
			"members of Marketing via cron: sales.refunds opened  -> rows: region = any(:attribute.region)"}},
		{
			"a table may be asked for",
			side("discoverable: hr.people" + base),
			[]string{"via *: hr.people discoverable  ->", "anybody via *: hr.people discoverable  ->"},
		},
		{"what opens is gone with its platform", Side{Agents: lintAgents, Users: taylorIs}, []string{
			"members of Berlin and HR via *: hr.wages closed all clear ->",
			"members of Marketing via *: sales.customer_orders closed lastname: null ->",
			"members of Marketing via *: sales.refunds closed rows: region = any(:attribute.region) ->"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := diffLines(side(base), tt.to); !slices.Equal(got, tt.want) {
				t.Errorf("it says\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// Where it cannot be told whether a change is a gain, it is one: a script that stops at gains must not let it pass.
func TestWhatMayBeAGainIsOne(t *testing.T) {
	for _, tt := range []struct {
		before, after string
		gain, loss    bool
	}{
		{"null", "hash", true, false},
		{"hash", "null", false, true},
		{"{constant: a}", "{constant: b}", true, true},
		{"null", "{sql: 'upper($column)'}", true, true},
		{"{sql: 'upper($column)'}", "null", true, true},
	} {
		column := func(mask string) entitlements.ColumnAccess {
			m := entitlements.Mask{Kind: entitlements.MaskNull} // what null leaves as it is
			if err := form.Fragment("policies.with", mask, &m); err != nil && mask != "null" {
				t.Fatal(err)
			}
			return entitlements.ColumnAccess{Masks: []entitlements.AppliedMask{{Mask: m}}}
		}
		e := maskEffect(column(tt.before), column(tt.after), false)[0]
		if e.Gain != tt.gain || e.Loss != tt.loss {
			t.Errorf("%s -> %s: gain %t, loss %t", tt.before, tt.after, e.Gain, e.Loss)
		}
	}
	conditional := entitlements.ColumnAccess{
		Masks: []entitlements.AppliedMask{
			{Mask: entitlements.Mask{Kind: entitlements.MaskNull}, When: []expression.Part{{SQL: "x"}}},
		},
	}
	null := entitlements.ColumnAccess{
		Masks: []entitlements.AppliedMask{{Mask: entitlements.Mask{Kind: entitlements.MaskNull}}},
	}
	if e := maskEffect(conditional, null, false)[0]; !e.Gain || !e.Loss ||
		e.Before != "null when x, else clear" {
		t.Errorf("cell by cell, nobody can tell: %+v", e)
	}
}

// Of a smaller sample and a shorter time all rows are in the larger one.
func TestNarrowerRowsAreALoss(t *testing.T) {
	within := func(column string, days int) entitlements.Filter {
		return entitlements.Filter{
			Within: &entitlements.Within{
				Column: entitlements.Column{Name: column, Kind: entitlements.Date},
				Last:   time.Duration(days) * 24 * time.Hour,
			},
		}
	}
	tenth, half := entitlements.Filter{
		Sample: &entitlements.Sample{PerMillion: 100_000},
	}, entitlements.Filter{
		Sample: &entitlements.Sample{PerMillion: 500_000},
	}
	for _, tt := range []struct {
		name          string
		before, after []entitlements.Filter
		gain, loss    bool
	}{
		{"a smaller sample", []entitlements.Filter{half}, []entitlements.Filter{tenth}, false, true},
		{"a larger sample", []entitlements.Filter{tenth}, []entitlements.Filter{half}, true, false},
		{"a shorter time", []entitlements.Filter{within("day", 90)}, []entitlements.Filter{within("day", 30)}, false, true},
		{"a longer time", []entitlements.Filter{within("day", 30)}, []entitlements.Filter{within("day", 90)}, true, false},
		{"a shorter time of another column", []entitlements.Filter{within("day", 90)}, []entitlements.Filter{within("born", 30)}, true, true},
		{"a sample in place of a time", []entitlements.Filter{within("day", 90)}, []entitlements.Filter{tenth}, true, true},
		{"one of two that narrow", []entitlements.Filter{half, within("day", 30)}, []entitlements.Filter{tenth, within("day", 90)}, true, true},
	} {
		e := filterEffect(&entitlements.Access{Filters: tt.before}, &entitlements.Access{Filters: tt.after}, false)
		if len(e) != 1 || e[0].Kind != FilterChanged || e[0].Gain != tt.gain || e[0].Loss != tt.loss {
			t.Errorf("%s: %+v", tt.name, e)
		}
	}
}

func TestCombinationsGrowOnlySoFar(t *testing.T) {
	count := func(items int) (n, largest int) {
		combinations(make([]string, items), mostCombined, func(some []string) { n, largest = n+1, max(largest, len(some)) })
		return n, largest
	}
	for items, want := range map[int][2]int{
		0: {1, 0}, 3: {8, 3}, 12: {4096, 12}, 20: {1351, 3}, 90: {4096, 2}, 200: {20101, 2},
	} {
		if n, largest := count(items); n != want[0] || largest != want[1] {
			t.Errorf("%d items have %d combinations of up to %d", items, n, largest)
		}
	}
}
