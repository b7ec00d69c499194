// Package matcher says whom a policy is about: terms about the judged identity, the acting agent and the call, and what
// joins them.
package matcher

import (
	"slices"

	"deputy/identity"
)

// Matcher says which identities a policy is about: a term, or terms joined. The zero Matcher matches nobody.
//
// A plain term (everyone, group, attribute, user) asks about the identity being judged; an agent term (agent,
// agent-group, mode, purpose) asks about the acting agent and the call, whoever is judged. So a policy can limit an
// agent whoever it acts for.
type Matcher struct {
	term Term
	all  []Matcher
	any  []Matcher
	not  *Matcher
}

// Term is one condition: its word ("group") and what follows.
type Term struct {
	Word  string
	Name  string
	Value string // The value of an attribute; of other terms there is none.
}

// Match makes a Matcher of one term, such as "group:Marketing".
func Match(text string) (*Matcher, error) {
	t, err := parseTerm(text)
	if err != nil {
		return nil, err
	}
	return &Matcher{term: t}, nil
}

// Of is the matcher of one term.
func Of(t Term) Matcher { return Matcher{term: t} }

// AnyOf holds when one of the matchers does.
func AnyOf(matchers ...Matcher) Matcher { return Matcher{any: matchers} }

// AllOf holds when all of the matchers do.
func AllOf(matchers ...Matcher) Matcher { return Matcher{all: matchers} }

// Not holds when the matcher does not.
func Not(m Matcher) Matcher { return Matcher{not: &m} }

// Holds judges one identity of the principal: its user or its agent, never both at once. It is for what gives: names
// are compared byte by byte, and what stands below a not, which takes away again, as MayHold compares them.
func (m *Matcher) Holds(judged *identity.Identity, who *identity.Principal) bool {
	return m.judge(judged, who, false)
}

// MayHold is Holds for what takes away: the names of groups, users and attributes' values are the same in every
// spelling, as identity.Alike has it.
func (m *Matcher) MayHold(judged *identity.Identity, who *identity.Principal) bool {
	return m.judge(judged, who, true)
}

func (m *Matcher) judge(judged *identity.Identity, who *identity.Principal, taking bool) bool {
	part := func(one Matcher) bool { return one.judge(judged, who, taking) }
	switch {
	case m.not != nil:
		return !m.not.judge(judged, who, !taking)
	case m.all != nil:
		return !slices.ContainsFunc(m.all, func(one Matcher) bool { return !part(one) })
	case m.any != nil:
		return slices.ContainsFunc(m.any, part)
	case taking:
		return m.term.holds(judged, who, identity.Alike)
	}
	return m.term.holds(judged, who, func(a, b string) bool { return a == b })
}

// Each calls do for every term in the matcher.
func (m *Matcher) Each(do func(Term)) {
	if m.term.Word != "" {
		do(m.term)
	}
	for _, part := range slices.Concat(m.all, m.any) {
		part.Each(do)
	}
	if m.not != nil {
		m.not.Each(do)
	}
}

// Alternatives takes apart what is joined by any: the matcher holds when one of them does.
func (m *Matcher) Alternatives() []*Matcher {
	if m.any == nil {
		return []*Matcher{m}
	}
	var out []*Matcher
	for i := range m.any {
		out = append(out, m.any[i].Alternatives()...)
	}
	return out
}

// Everyone reports whether the matcher is written so that it holds for every identity: one of its alternatives is the
// word everyone.
func (m *Matcher) Everyone() bool {
	return slices.ContainsFunc(m.Alternatives(), func(a *Matcher) bool { return a.term.Word == "everyone" })
}

// Term is the matcher's one term; the zero Term if it is made of several matchers.
func (m *Matcher) Term() Term { return m.term }

// All are the matchers of which all have to hold; nil if the matcher is of another form.
func (m *Matcher) All() []Matcher { return slices.Clone(m.all) }

// Clone is a copy that shares nothing with the matcher; nil of nil.
func (m *Matcher) Clone() *Matcher {
	if m == nil {
		return nil
	}
	return &Matcher{term: m.term, all: cloneAll(m.all), any: cloneAll(m.any), not: m.not.Clone()}
}

func cloneAll(list []Matcher) (out []Matcher) {
	for i := range list {
		out = append(out, *list[i].Clone())
	}
	return out
}

// Entries are those of a list, as it is written: each of them is one, whatever it is joined of.
func (m *Matcher) Entries() (out []*Matcher) {
	if m.any == nil {
		return []*Matcher{m}
	}
	for i := range m.any {
		out = append(out, &m.any[i])
	}
	return out
}

// AboutAgent reports whether nothing in the matcher asks about the judged identity. A grant to such a matcher is a
// grant to the agent: it must not make the human qualify, or the agent would escape the guardrails that it has to pass
// itself.
func (m *Matcher) AboutAgent() bool {
	switch {
	case m.not != nil:
		return m.not.AboutAgent()
	case m.all != nil:
		return !slices.ContainsFunc(m.all, func(part Matcher) bool { return !part.AboutAgent() })
	case m.any != nil:
		return !slices.ContainsFunc(m.any, func(part Matcher) bool { return !part.AboutAgent() })
	}
	return m.term.AboutAgent()
}
