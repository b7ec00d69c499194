package entitlements

import (
	"fmt"
	"slices"
)

// Problem is something in the tags or policies that cannot be meant as it is written, and what would be right.
type Problem struct {
	Key     string // where it stands in the configuration: policies[2].mask[0], tags.PII, or what is missing there
	Policy  string // empty: it is not about one policy
	Message string
	Warning bool // it may be meant: the platform can start with it

	Drift bool      // The database has changed since the policies fitted it: see drift.go.
	Table TableName // The one table that it closes while Deputy runs; zero: none.
}

func (p Problem) String() string {
	s := p.Message
	if p.Policy != "" {
		s = fmt.Sprintf("policy %q: %s", p.Policy, s)
	}
	if p.Key != "" {
		s = p.Key + ": " + s
	}
	return s
}

// Fatal reports whether any of the problems is more than a warning.
func Fatal(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}
