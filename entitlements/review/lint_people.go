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
// group or user that is nearly one of those it does name. Those that only an issuer knows look the same as mistakes do:
// of them nothing is said.
func (l *linter) unheard() {
	l.matchers(func(key string, m *entitlements.Matcher) {
		m.Each(func(t entitlements.Term) {
			switch t.Word {
			case "attribute":
				l.unheardAttribute(key, t.Name)
			case "group":
				l.nearly(key, t, meant(t.Name, l.groups()))
			case "user":
				var ids []string
				for _, u := range l.Users {
					ids = append(ids, u.ID)
				}
				l.nearly(key, t, meant(t.Name, ids))
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

func (l *linter) nearly(key string, t entitlements.Term, meant string) {
	if meant != "" {
		l.warn(key, "nothing else is said of %s; did you mean %q?", t, t.Word+":"+meant)
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

// meant is the known name that is nearly this one, which is not known itself. Names that differ in their digits are
// different names.
func meant(name string, known []string) string {
	const digits = "0123456789"
	if slices.Contains(known, name) || len(name) < 4 {
		return ""
	}
	nearest := mistake.Nearest(name, known)
	if strings.ContainsAny(name, digits) || strings.ContainsAny(nearest, digits) {
		return ""
	}
	return nearest
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
