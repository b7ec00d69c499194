package entitlements_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

// The properties are checked on random policies over a small world, in which random policies do meet random people.

func decideAll(
	t *rapid.T,
	policies []entitlements.Policy,
	who identity.Principal,
) map[entitlements.TableName]entitlements.Access {
	e, problems := entitlements.Compile(
		entitlements.Config{Policies: policies, Tags: world.RandomTags, Catalog: world.Random},
	)
	if e == nil {
		t.Fatalf("random policies do not compile: %v", problems)
	}
	out := map[entitlements.TableName]entitlements.Access{}
	for _, table := range world.Random.Tables {
		access, denial := e.Decide(who, table.TableName)
		if denial == nil {
			out[table.TableName] = access
		} else if !reflect.DeepEqual(access, entitlements.Access{}) {
			t.Fatalf("a denial comes with access: %v", access)
		}
	}
	return out
}

// wider names what before hid and after shows: a table, a clear column, a row filter that is gone.
func wider(before, after map[entitlements.TableName]entitlements.Access) string {
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
			if !slices.ContainsFunc(a.Filters, func(g entitlements.Filter) bool { return reflect.DeepEqual(f, g) }) {
				return fmt.Sprintf("rows of %s that %s hid", name, f.Policy)
			}
		}
	}
	return ""
}

func TestAnotherGuardrailFilterOrMaskNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, who := world.GenPolicies().Draw(t, "policies"), world.GenPrincipal().Draw(t, "who")
		more := world.GenPolicy(rapid.SampledFrom([]string{"guardrail", "filter", "mask"}).Draw(t, "more")).Draw(t, "policy")
		more.Name = "more"
		if w := wider(decideAll(t, policies, who), decideAll(t, append(slices.Clone(policies), more), who)); w != "" {
			t.Fatalf("another policy shows %s: %+v", w, more)
		}
	})
}

func TestAnotherGrantNeverNarrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, who := world.GenPolicies().Draw(t, "policies"), world.GenPrincipal().Draw(t, "who")
		more := world.GenPolicy("grant").Draw(t, "grant")
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
		policies, who := world.GenPolicies().Draw(t, "policies"), world.GenPrincipal().Draw(t, "who")
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
	plain := rapid.Custom(func(t *rapid.T) []entitlements.Policy {
		all := world.GenPolicies().Draw(t, "policies")
		return slices.DeleteFunc(all, func(p entitlements.Policy) bool { return p.Grant == nil || asksAboutAgent(*p.To) })
	})
	rapid.Check(t, func(t *rapid.T) {
		policies := plain.Draw(t, "grants")
		user, agent := world.GenIdentity(identity.KindUser).
			Draw(t, "user"),
			world.GenIdentity(identity.KindAgent).
				Draw(t, "agent")
		both := decideAll(
			t,
			policies,
			identity.Principal{Agent: identity.Agent{Identity: agent}, User: &identity.User{Identity: user}},
		)
		e, _ := entitlements.Compile(entitlements.Config{Policies: policies, Tags: world.RandomTags, Catalog: world.Random})
		for _, table := range world.Random.Tables {
			name := table.TableName
			opens := func(i identity.Identity) bool {
				return slices.ContainsFunc(view(e, name).Grants, func(g entitlements.GrantView) bool {
					return slices.ContainsFunc(
						g.Alternatives(),
						func(m *entitlements.Matcher) bool { return m.Holds(&i, &identity.Principal{}) },
					)
				})
			}
			want := map[[2]bool]entitlements.Via{
				{true, true}: entitlements.ViaBoth, {true, false}: entitlements.ViaUser, {false, true}: entitlements.ViaAgent,
			}[[2]bool{opens(user), opens(agent)}]
			if got := both[name].Via; got != want {
				t.Fatalf("%s is reached via %q, not %q", name, got, want)
			}
		}
	})
}

func TestGroupsOfUserAndAgentNeverAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rest := world.GenPolicies().Draw(t, "policies")
		rest = slices.DeleteFunc(rest, func(p entitlements.Policy) bool { return p.Grant != nil })
		both := entitlements.Policy{
			Name:  "both",
			Grant: entitlements.Selectors{"*.*"},
			To:    world.MatcherOf(t, "{all: [group:OnlyUsers, group:OnlyAgents]}"),
		}
		who := identity.Principal{Agent: identity.Agent{Identity: world.GenIdentity(identity.KindAgent).Draw(t, "agent")}}
		who.User = &identity.User{Identity: world.GenIdentity(identity.KindUser).Draw(t, "user")}
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
		policies := slices.DeleteFunc(world.GenPolicies().Draw(t, "policies"), func(p entitlements.Policy) bool {
			return p.Grant != nil || p.Guardrail != nil || p.For != nil && asksAboutAgent(*p.For) ||
				p.Except != nil && asksAboutAgent(*p.Except)
		})
		policies = append(
			policies,
			entitlements.Policy{Name: "open", Grant: entitlements.Selectors{"*.*"}, To: world.MatcherOf(t, "everyone")},
		)
		user := &identity.User{Identity: world.GenIdentity(identity.KindUser).Draw(t, "user")}
		one := identity.Principal{
			Agent: identity.Agent{Identity: world.GenIdentity(identity.KindAgent).Draw(t, "one")},
			User:  user,
		}
		other := identity.Principal{
			Agent: identity.Agent{Identity: world.GenIdentity(identity.KindAgent).Draw(t, "other")},
			User:  user,
		}
		if a, b := decideAll(t, policies, one), decideAll(t, policies, other); !reflect.DeepEqual(a, b) {
			t.Fatalf("through another agent the human sees something else:\n%v\n%v", a, b)
		}
	})
}

func asksAboutAgent(m entitlements.Matcher) (asks bool) {
	m.Each(func(t entitlements.Term) { asks = asks || t.AboutAgent() })
	return asks
}

func view(e *entitlements.Entitlements, name entitlements.TableName) entitlements.TableView {
	v, _ := e.View(name)
	return v
}
