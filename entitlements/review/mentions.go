package review

import (
	"maps"
	"slices"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/mistake"
)

// mentions are the entries of the configuration that name each group, user and attribute value, in their order: users
// and agents first, since they give what policies and rules ask for.
type mentions struct {
	by    map[entitlements.Term][]string
	order map[string]int // The place of each entry.
}

// theSame is the term that stands for all that name the same thing. Of an attribute it is the value.
func theSame(t entitlements.Term) (same entitlements.Term, ok bool) {
	switch t.Word {
	case "group", "agent-group":
		return entitlements.Term{Word: "group", Name: t.Name}, true
	case "user", "attribute":
		return t, true
	}
	return t, false
}

// spelled is the part of a term that can be misspelt, and with puts another one in its place.
func spelled(t entitlements.Term) string {
	if t.Word == "attribute" {
		return t.Value
	}
	return t.Name
}

func with(t entitlements.Term, spelling string) entitlements.Term {
	if t.Word == "attribute" {
		t.Value = spelling
	} else {
		t.Name = spelling
	}
	return t
}

// given calls do for what each user and agent of the configuration is given, with the key of it.
func (r Review) given(do func(at, key string, t entitlements.Term)) {
	has := func(at string, groups []string, attributes map[string][]string) {
		for _, g := range groups {
			do(at, "groups", entitlements.Term{Word: "group", Name: g})
		}
		for _, name := range slices.Sorted(maps.Keys(attributes)) {
			for _, value := range attributes[name] {
				do(at, mistake.Below("attributes", name), entitlements.Term{Word: "attribute", Name: name, Value: value})
			}
		}
	}
	for i, u := range r.Users {
		at := mistake.At("identity.users", i)
		do(at, "id", entitlements.Term{Word: "user", Name: u.ID})
		attributes := map[string][]string{}
		for name, values := range u.Attributes {
			attributes[name] = values
		}
		has(at, u.Groups, attributes)
	}
	for i, a := range r.Agents {
		has(mistake.At("agents", i), a.Groups, a.Attributes)
	}
}

func (r Review) mentions() mentions {
	out := mentions{map[entitlements.Term][]string{}, map[string]int{}}
	add := func(at, _ string, t entitlements.Term) {
		if _, ok := out.order[at]; !ok {
			out.order[at] = len(out.order)
		}
		if t, ok := theSame(t); ok {
			out.by[t] = appendOnce(out.by[t], at)
		}
	}
	r.given(add)
	matchers := func(at string) func(string, *entitlements.Matcher) {
		return func(key string, m *entitlements.Matcher) {
			m.Each(func(t entitlements.Term) { add(at, key, t) })
		}
	}
	for i := range r.Policies {
		r.Policies[i].Matchers(matchers(mistake.At("policies", i)))
	}
	for _, b := range r.Beside {
		b.Matchers(matchers(b.Key))
	}
	return out
}

// meant is the spelling that a term was probably meant to have, if nothing but the entry names it and other entries
// name one that is nearly the same: more of them than one, or one that comes earlier. What one entry names in both
// spellings is meant.
func (m mentions) meant(at string, t entitlements.Term) string {
	t, _ = theSame(t)
	if len(m.by[t]) > 1 {
		return ""
	}
	var near []string
	for other, entries := range m.by {
		if other == with(t, spelled(other)) && !slices.Contains(entries, at) &&
			(len(entries) > 1 || m.order[entries[0]] < m.order[at]) {
			near = append(near, spelled(other))
		}
	}
	slices.Sort(near)
	return meant(spelled(t), near)
}

// onlyGiven reports whether one user or agent is given what the spelling says, and nothing asks for it, while several
// entries name the term: it is the giver that is misspelt, and warned of.
func (m mentions) onlyGiven(t entitlements.Term, spelling string) bool {
	return len(m.by[t]) > 1 && len(m.by[with(t, spelling)]) == 1 &&
		spelling != identity.AllUsers && spelling != identity.AllAgents
}

// misspelt: what a user or an agent is given, that nothing asks for, and that is nearly what other entries name.
func (l *linter) misspelt() {
	l.policy = &entitlements.Policy{}
	l.given(func(at, key string, t entitlements.Term) {
		l.at = at
		l.nearly(key, t, l.mentioned.meant(at, t))
	})
}
