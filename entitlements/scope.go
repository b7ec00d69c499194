package entitlements

import (
	"deputy/entitlements/matcher"
	"deputy/identity"
)

// Scope is whom a mask or filter is for: everyone, if neither field is set.
type Scope struct{ Only, Except *Matcher }

// Applies reports whether the mask or filter is for the judged identity.
func (s Scope) Applies(judged *identity.Identity, who *identity.Principal) bool {
	switch {
	case s.Only != nil:
		return s.Only.MayHold(judged, who)
	case s.Except != nil:
		return !s.Except.Holds(judged, who)
	}
	return true
}

// Everyone reports whether the scope leaves no identity out.
func (s Scope) Everyone() bool {
	if s.Only != nil {
		return s.Only.Everyone()
	}
	return s.Except == nil
}

// Matcher is the scope as one matcher.
func (s Scope) Matcher() *Matcher {
	switch {
	case s.Only != nil:
		return s.Only
	case s.Except != nil:
		m := Not(*s.Except)
		return &m
	}
	m := matcher.Of(Term{Word: "everyone"})
	return &m
}

// String says whom a mask or filter is for.
func (s Scope) String() string {
	switch {
	case s.Only != nil:
		return "for " + s.Only.String()
	case s.Except != nil:
		return "all but " + s.Except.String()
	}
	return "everyone"
}
