package entitlements

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"deputy/identity"
)

// The properties are checked on random policies over a small world, in which random policies do meet random people.

var (
	groups     = []string{"A", "B", "C"}
	attributes = []string{"x", "y"}
	world      = &Catalog{Tables: []Table{
		tableOf("s.t", col("a", Text), col("b", Number)),
		tableOf("s.u", col("a", Text)),
		tableOf("r.t", col("c", Time)),
	}}
	worldTags = Tags{
		{Name: "T", Selectors: Selectors{"s.t"}},
		{Name: "T.U", Selectors: Selectors{"s.u", "s.t.a"}},
		{Name: "P", Selectors: Selectors{"s.t.b", "*.*.c"}},
	}
)

func genIdentity(k identity.Kind) *rapid.Generator[identity.Identity] {
	return rapid.Custom(func(t *rapid.T) identity.Identity {
		i := identity.Identity{
			Kind:       k,
			ID:         rapid.SampledFrom([]string{"1", "2"}).Draw(t, "id"),
			Attributes: map[string][]string{},
		}
		i.Groups = rapid.SliceOfNDistinct(rapid.SampledFrom(groups), 0, 3, rapid.ID).Draw(t, "groups")
		for _, a := range attributes {
			i.Attributes[a] = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"1", "2"}), 0, 2, rapid.ID).Draw(t, a)
		}
		return i
	})
}

func genPrincipal() *rapid.Generator[identity.Principal] {
	return rapid.Custom(func(t *rapid.T) identity.Principal {
		p := identity.Principal{Agent: identity.Agent{Identity: genIdentity(identity.KindAgent).Draw(t, "agent")}}
		if rapid.Bool().Draw(t, "on behalf") {
			p.User = &identity.User{Identity: genIdentity(identity.KindUser).Draw(t, "user")}
		}
		return p
	})
}

func genMatcher(depth int) *rapid.Generator[Matcher] {
	return rapid.Custom(func(t *rapid.T) Matcher {
		shape := "term"
		if depth > 0 {
			shape = rapid.SampledFrom([]string{"term", "term", "all", "any", "not"}).Draw(t, "shape")
		}
		switch shape {
		case "all":
			return Matcher{all: rapid.SliceOfN(genMatcher(depth-1), 1, 3).Draw(t, "all")}
		case "any":
			return Matcher{any: rapid.SliceOfN(genMatcher(depth-1), 1, 3).Draw(t, "any")}
		case "not":
			not := genMatcher(depth-1).Draw(t, "not")
			return Matcher{not: &not}
		}
		term, err := Match(rapid.SampledFrom([]string{
			"everyone", "group:A", "group:B", "group:C", "attribute:x=1", "attribute:y=2", "user:1",
			"agent:1", "agent-group:A", "agent-group:B", "mode:on_behalf_of", "mode:autonomous",
		}).Draw(t, "term"))
		if err != nil {
			t.Fatal(err)
		}
		return *term
	})
}

func genPolicy(k kind) *rapid.Generator[Policy] {
	return rapid.Custom(func(t *rapid.T) Policy {
		selectors := rapid.SampledFrom([]Selectors{{"s.*"}, {"*.t"}, {"tag:T"}, {"s.u", "r.t"}}).Draw(t, "tables")
		matcher := func() *Matcher { m := genMatcher(2).Draw(t, "matcher"); return &m }
		switch k {
		case kindGrant:
			return Policy{Grant: selectors, To: matcher()}
		case kindGuardrail:
			return Policy{Guardrail: selectors, Require: matcher()}
		}
		p := Policy{}
		if k == kindFilter {
			p.Filter = selectors
			p.Where = rapid.SampledFrom([]string{"a = 1", "a = any(:attribute.x)", "b <> all(:attribute.y)"}).Draw(t, "where")
		} else {
			p.Mask = rapid.SampledFrom([]Selectors{{"*.*.*"}, {"s.t.a"}, {"tag:T"}, {"tag:T.U"}, {"tag:P", "r.*.?"}}).Draw(t, "columns")
			p.With = rapid.SampledFrom([]*Mask{{Kind: MaskNull}, {Kind: MaskHash}, {Kind: MaskConstant, Constant: "1"}, {Kind: MaskPartial, First: 1}, {Kind: MaskPartial, Last: 2}}).Draw(t, "with")
		}
		switch rapid.IntRange(0, 2).Draw(t, "scope") {
		case 0:
			p.For = matcher()
		case 1:
			p.Except = matcher()
		}
		return p
	})
}

func genPolicies() *rapid.Generator[[]Policy] {
	return rapid.Custom(func(t *rapid.T) []Policy {
		var out []Policy
		for i := range rapid.IntRange(1, 10).Draw(t, "policies") {
			k := rapid.SampledFrom([]kind{kindGrant, kindGrant, kindGuardrail, kindMask, kindFilter}).Draw(t, "kind")
			p := genPolicy(k).Draw(t, "policy")
			p.Name = fmt.Sprint("p", i)
			out = append(out, p)
		}
		return out
	})
}

func decideAll(t *rapid.T, policies []Policy, who identity.Principal) map[TableName]Access {
	e, problems := Compile(Config{Policies: policies, Tags: worldTags, Catalog: world})
	if e == nil {
		t.Fatalf("random policies do not compile: %v", problems)
	}
	out := map[TableName]Access{}
	for _, table := range world.Tables {
		access, denial := e.Decide(who, table.TableName)
		if denial == nil {
			out[table.TableName] = access
		} else if !reflect.DeepEqual(access, Access{}) {
			t.Fatalf("a denial comes with access: %v", access)
		}
	}
	return out
}

// wider names what before hid and after shows: a table, a clear column, a row filter that is gone.
func wider(before, after map[TableName]Access) string {
	for name, a := range after {
		b, ok := before[name]
		if !ok {
			return fmt.Sprintf("table %s", name)
		}
		for i := range a.Columns {
			if len(b.Columns[i].Masks) > 0 && len(a.Columns[i].Masks) == 0 {
				return fmt.Sprintf("column %s.%s", name, a.Columns[i].Name)
			}
		}
		for _, f := range b.Filters {
			if !slices.ContainsFunc(a.Filters, func(g Filter) bool { return reflect.DeepEqual(f, g) }) {
				return fmt.Sprintf("rows of %s that %s hid", name, f.Policy)
			}
		}
	}
	return ""
}

func TestAnotherGuardrailFilterOrMaskNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, who := genPolicies().Draw(t, "policies"), genPrincipal().Draw(t, "who")
		more := genPolicy(rapid.SampledFrom([]kind{kindGuardrail, kindFilter, kindMask}).Draw(t, "more")).Draw(t, "policy")
		more.Name = "more"
		if w := wider(decideAll(t, policies, who), decideAll(t, append(slices.Clone(policies), more), who)); w != "" {
			t.Fatalf("another policy shows %s: %+v", w, more)
		}
	})
}

func TestAnotherGrantNeverNarrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, who := genPolicies().Draw(t, "policies"), genPrincipal().Draw(t, "who")
		more := genPolicy(kindGrant).Draw(t, "grant")
		more.Name = "more"
		before, after := decideAll(t, policies, who), decideAll(t, append(slices.Clone(policies), more), who)
		if w := wider(after, before); w != "" {
			t.Fatalf("another grant hides %s", w)
		}
		for name, b := range before { // nor does it change how a table is seen
			a := after[name]
			if !reflect.DeepEqual(b.Columns, a.Columns) || !reflect.DeepEqual(b.Filters, a.Filters) {
				t.Fatalf("another grant changes how %s is seen", name)
			}
		}
	})
}

func TestTheOrderOfPoliciesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, who := genPolicies().Draw(t, "policies"), genPrincipal().Draw(t, "who")
		if a, b := decideAll(t, policies, who), decideAll(t, rapid.Permutation(policies).Draw(t, "permuted"), who); !reflect.DeepEqual(
			a,
			b,
		) {
			t.Fatalf("in another order the decision is another:\n%v\n%v", a, b)
		}
	})
}

// What the two qualify for together is what each qualifies for alone, and never more: the human's tables with an agent
// that has nothing, and the agent's with a human who has nothing, are all there are.
func TestUserAndAgentAreNeverMerged(t *testing.T) {
	plain := rapid.Custom(func(t *rapid.T) []Policy {
		all := genPolicies().Draw(t, "policies")
		return slices.DeleteFunc(all, func(p Policy) bool { return p.Grant == nil || asksAboutAgent(*p.To) })
	})
	rapid.Check(t, func(t *rapid.T) {
		policies := plain.Draw(t, "grants")
		user, bot := genIdentity(identity.KindUser).Draw(t, "user"), genIdentity(identity.KindAgent).Draw(t, "agent")
		both := decideAll(
			t,
			policies,
			identity.Principal{Agent: identity.Agent{Identity: bot}, User: &identity.User{Identity: user}},
		)
		e, _ := Compile(Config{Policies: policies, Tags: worldTags, Catalog: world})
		for _, table := range world.Tables {
			name := table.TableName
			opens := func(i identity.Identity) bool {
				return slices.ContainsFunc(e.tables[name].grants, func(g grant) bool {
					return slices.ContainsFunc(g.to, func(m *Matcher) bool { return m.Holds(&i, &identity.Principal{}) })
				})
			}
			want := map[[2]bool]Via{{true, true}: ViaBoth, {true, false}: ViaUser, {false, true}: ViaAgent}[[2]bool{opens(user), opens(bot)}]
			if got := both[name].Via; got != want {
				t.Fatalf("%s is reached via %q, not %q", name, got, want)
			}
		}
	})
}

func TestGroupsOfUserAndAgentNeverAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rest := genPolicies().Draw(t, "policies")
		rest = slices.DeleteFunc(rest, func(p Policy) bool { return p.Grant != nil })
		both := Policy{Name: "both", Grant: Selectors{"*.*"}, To: matcher(t, "{all: [group:OnlyUsers, group:OnlyAgents]}")}
		who := identity.Principal{Agent: identity.Agent{Identity: genIdentity(identity.KindAgent).Draw(t, "agent")}}
		who.User = &identity.User{Identity: genIdentity(identity.KindUser).Draw(t, "user")}
		who.User.Groups = append(who.User.Groups, "OnlyUsers")
		who.Agent.Groups = append(who.Agent.Groups, "OnlyAgents")
		if got := decideAll(t, append(rest, both), who); len(got) > 0 {
			t.Fatalf("a group of the user and one of the agent together open %v", got)
		}
	})
}

// What is shown never depends on the agent's groups or attributes, as long as no policy asks about the agent.
func TestMasksAndFiltersAreJudgedOnTheHuman(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies := slices.DeleteFunc(genPolicies().Draw(t, "policies"), func(p Policy) bool {
			return p.Grant != nil || p.Guardrail != nil || p.For != nil && asksAboutAgent(*p.For) ||
				p.Except != nil && asksAboutAgent(*p.Except)
		})
		policies = append(policies, Policy{Name: "open", Grant: Selectors{"*.*"}, To: matcher(t, "everyone")})
		user := &identity.User{Identity: genIdentity(identity.KindUser).Draw(t, "user")}
		one := identity.Principal{Agent: identity.Agent{Identity: genIdentity(identity.KindAgent).Draw(t, "one")}, User: user}
		other := identity.Principal{
			Agent: identity.Agent{Identity: genIdentity(identity.KindAgent).Draw(t, "other")},
			User:  user,
		}
		if a, b := decideAll(t, policies, one), decideAll(t, policies, other); !reflect.DeepEqual(a, b) {
			t.Fatalf("through another agent the human sees something else:\n%v\n%v", a, b)
		}
	})
}

func asksAboutAgent(m Matcher) bool {
	return m.term.AboutAgent() || m.not != nil && asksAboutAgent(*m.not) ||
		slices.ContainsFunc(m.all, asksAboutAgent) || slices.ContainsFunc(m.any, asksAboutAgent)
}
