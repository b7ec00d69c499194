package world

import (
	"fmt"

	"pgregory.net/rapid"

	"deputy/entitlements"
	"deputy/identity"
)

var (
	groups     = []string{"A", "B", "C"}
	attributes = []string{"x", "y"}
	// Random is the small catalog that random policies are about.
	Random = &entitlements.Catalog{Tables: []entitlements.Table{
		TableOf("s.t", Col("a", entitlements.Text), Col("b", entitlements.Number)),
		TableOf("s.u", Col("a", entitlements.Text)),
		TableOf("r.t", Col("c", entitlements.Time)),
	}}
	RandomTags = entitlements.Tags{
		{Name: "T", Selectors: entitlements.Selectors{"s.t"}},
		{Name: "T.U", Selectors: entitlements.Selectors{"s.u", "s.t.a"}},
		{Name: "P", Selectors: entitlements.Selectors{"s.t.b", "*.*.c"}},
	}
)

// GenIdentity draws a user or an agent.
func GenIdentity(k identity.Kind) *rapid.Generator[identity.Identity] {
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

// GenPrincipal draws a caller, with a user or without.
func GenPrincipal() *rapid.Generator[identity.Principal] {
	return rapid.Custom(func(t *rapid.T) identity.Principal {
		p := identity.Principal{Agent: identity.Agent{Identity: GenIdentity(identity.KindAgent).Draw(t, "agent")}}
		if rapid.Bool().Draw(t, "on behalf") {
			p.User = &identity.User{Identity: GenIdentity(identity.KindUser).Draw(t, "user")}
		}
		return p
	})
}

// GenMatcher draws a matcher that is nested so deep at most.
func GenMatcher(depth int) *rapid.Generator[entitlements.Matcher] {
	return rapid.Custom(func(t *rapid.T) entitlements.Matcher {
		shape := "term"
		if depth > 0 {
			shape = rapid.SampledFrom([]string{"term", "term", "all", "any", "not"}).Draw(t, "shape")
		}
		switch shape {
		case "all":
			return entitlements.AllOf(rapid.SliceOfN(GenMatcher(depth-1), 1, 3).Draw(t, "all")...)
		case "any":
			return entitlements.AnyOf(rapid.SliceOfN(GenMatcher(depth-1), 1, 3).Draw(t, "any")...)
		case "not":
			not := GenMatcher(depth-1).Draw(t, "not")
			return entitlements.Not(not)
		}
		term, err := entitlements.Match(rapid.SampledFrom([]string{
			"everyone", "group:A", "group:B", "group:C", "attribute:x=1", "attribute:y=2", "user:1",
			"agent:1", "agent-group:A", "agent-group:B", "mode:on_behalf_of", "mode:autonomous",
		}).Draw(t, "term"))
		if err != nil {
			t.Fatal(err)
		}
		return *term
	})
}

// GenPolicy draws a policy of the kind, without a name.
func GenPolicy(kind string) *rapid.Generator[entitlements.Policy] {
	return rapid.Custom(func(t *rapid.T) entitlements.Policy {
		selectors := rapid.SampledFrom([]entitlements.Selectors{{"s.*"}, {"*.t"}, {"tag:T"}, {"s.u", "r.t"}}).
			Draw(t, "tables")
		matcher := func() *entitlements.Matcher { m := GenMatcher(2).Draw(t, "matcher"); return &m }
		switch kind {
		case "grant":
			return entitlements.Policy{Grant: selectors, To: matcher()}
		case "guardrail":
			return entitlements.Policy{Guardrail: selectors, Require: matcher()}
		}
		p := entitlements.Policy{}
		if kind == "filter" {
			p.Filter = selectors
			p.Where = rapid.SampledFrom([]string{"a = 1", "a = any(:attribute.x)", "b <> all(:attribute.y)"}).Draw(t, "where")
		} else {
			p.Mask = rapid.SampledFrom([]entitlements.Selectors{{"*.*.*"}, {"s.t.a"}, {"tag:T"}, {"tag:T.U"}, {"tag:P", "r.*.?"}}).Draw(t, "columns")
			p.With = rapid.SampledFrom([]*entitlements.Mask{{Kind: entitlements.MaskNull}, {Kind: entitlements.MaskHash}, {Kind: entitlements.MaskConstant, Constant: "1"}, {Kind: entitlements.MaskPartial, First: 1}, {Kind: entitlements.MaskPartial, Last: 2}}).Draw(t, "with")
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

// GenPolicies draws up to ten policies.
func GenPolicies() *rapid.Generator[[]entitlements.Policy] {
	return rapid.Custom(func(t *rapid.T) []entitlements.Policy {
		var out []entitlements.Policy
		for i := range rapid.IntRange(1, 10).Draw(t, "policies") {
			k := rapid.SampledFrom([]string{"grant", "grant", "guardrail", "mask", "filter"}).Draw(t, "kind")
			p := GenPolicy(k).Draw(t, "policy")
			p.Name = fmt.Sprint("p", i)
			out = append(out, p)
		}
		return out
	})
}
