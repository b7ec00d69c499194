package review

import (
	"maps"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/identity"
	"deputy/internal/mistake"
)

// unheard: an attribute that nobody can have, since none is read of a token that the configuration does not name; and a
// group, user or attribute value that is nearly one that the configuration gives, or that its other entries name. Those
// that only an issuer knows look the same as mistakes do: of them nothing else is said.
func (l *linter) unheard() {
	l.matchers(func(key string, m *entitlements.Matcher) {
		m.Each(func(t entitlements.Term) {
			switch t.Word {
			case "attribute":
				l.unheardAttribute(key, t.Name)
				l.nearly(key, t, l.mentioned.meant(l.at, t))
			case "group":
				l.nearOthers(key, t, l.groups())
			case "user":
				var ids []string
				for _, u := range l.Users {
					ids = append(ids, u.ID)
				}
				l.nearOthers(key, t, ids)
			}
		})
	})
	for _, e := range []struct{ key, text string }{{"where", l.policy.Where}, {"when", l.policy.When}} {
		parts, _ := expression.Parse(e.text)
		for _, p := range parts {
			if name, ok := strings.CutPrefix(p.Variable, expression.AttributePrefix); ok {
				l.unheardAttribute(e.key, name)
			}
		}
	}
	if l.policy.Match != nil {
		l.unheardAttribute("match", l.policy.Match.Attribute)
	}
}

// nearOthers compares a term with what the configuration gives, and then with what its other entries name.
func (l *linter) nearOthers(key string, t entitlements.Term, given []string) {
	near := meant(t.Name, given)
	if slices.Contains(given, t.Name) || l.mentioned.onlyGiven(t, near) {
		return
	}
	if near == "" {
		near = l.mentioned.meant(l.at, t)
	}
	l.nearly(key, t, near)
}

// nearly warns of a term that has another spelling, but for one that a test of the configuration names as it is.
func (l *linter) nearly(key string, t entitlements.Term, meant string) {
	if meant != "" && !slices.Contains(l.Tested, t) {
		l.warn(key, "nothing else is said of %s; did you mean %q?", t, with(t, meant))
	}
}

func (l *linter) unheardAttribute(key, name string) {
	if known := l.attributes(); !slices.Contains(known, name) {
		l.warn(
			key,
			"nobody has an attribute %s: no claim, user or agent in the configuration gives it%s",
			name,
			mistake.There(name, known),
		)
	}
}

// attributes are the names of all that users and agents can have.
func (r Review) attributes() (names []string) {
	names = slices.Clone(r.Claims)
	for _, u := range r.Users {
		names = slices.AppendSeq(names, maps.Keys(u.Attributes))
	}
	for _, a := range r.Agents {
		names = slices.AppendSeq(names, maps.Keys(a.Attributes))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// groups are those that the configuration puts somebody into, and those that are built in.
func (r Review) groups() []string {
	names := []string{identity.AllUsers, identity.AllAgents}
	for _, u := range r.Users {
		names = append(names, u.Groups...)
	}
	for _, a := range r.Agents {
		names = append(names, a.Groups...)
	}
	return names
}

// MeantGroup is the group that was probably meant by one of which neither people nor policies nor rules know; empty:
// there is none like it.
func (r Review) MeantGroup(name string) string {
	known := r.groups()
	named := func(_ string, m *entitlements.Matcher) {
		m.Each(func(t entitlements.Term) {
			if t.Word == "group" || t.Word == "agent-group" {
				known = append(known, t.Name)
			}
		})
	}
	for i := range r.Policies {
		r.Policies[i].Matchers(named)
	}
	for _, b := range r.Beside {
		b.Matchers(named)
	}
	return meant(name, known)
}

// opensToNobody: a grant that says of everyone that it is not to them.
func (l *linter) opensToNobody() {
	if l.policy.To != nil && entitlements.Contradict(l.policy.To, entitlements.Scope{}.Matcher()) {
		l.warn("to", "it opens nothing to anybody: say to whom, or take the policy out")
	}
}

// newColumns: what appears in a table that somebody has accepted is in no new table. A guardrail on tag:New lets it
// through.
func (l *linter) newColumns() {
	isNew := func(s string) bool { return s == "tag:"+entitlements.New }
	if slices.ContainsFunc(l.policy.Guardrail, isNew) &&
		!slices.ContainsFunc(l.Policies, func(p entitlements.Policy) bool { return slices.ContainsFunc(p.Mask, isNew) }) {
		l.warn(
			"guardrail",
			"it closes new tables; a new column of an accepted table is open: add a policy with mask: [tag:%s] and with: null",
			entitlements.New,
		)
	}
}
