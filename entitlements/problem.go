package entitlements

import (
	"cmp"
	"fmt"
	"slices"
)

// Problem is something in the tags or policies that cannot be meant as it is written, and what would be right.
type Problem struct {
	Line    int    // in the configuration file; 0: unknown
	Policy  string // empty: it is not about one policy
	Message string
	Warning bool // it may be meant: the platform can start with it
}

func (p Problem) String() string {
	s := p.Message
	if p.Policy != "" {
		s = fmt.Sprintf("policy %q: %s", p.Policy, s)
	}
	if p.Line > 0 {
		s = fmt.Sprintf("line %d: %s", p.Line, s)
	}
	return s
}

func byLine(a, b Problem) int { return cmp.Compare(a.Line, b.Line) }

// Fatal reports whether any of the problems is more than a warning.
func Fatal(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}
