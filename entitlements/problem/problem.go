// Package problem is what is wrong with tags and policies, as administrators are told of it.
package problem

import (
	"fmt"
	"slices"
	"strings"

	"deputy/entitlements/catalog"
)

// Problem is something in the tags or policies that cannot be meant as it is written, and what would be right.
type Problem struct {
	Key     string // where it stands in the configuration: policies[2].mask[0], tags.PII, or what is missing there
	Policy  string // empty: it is not about one policy
	Message string
	Warning bool // it may be meant: the platform can start with it

	Unseen bool // Whether it fits is known once a platform is seen that was never reached.

	Drift bool              // The database has changed since the policies fitted it: see drift.go.
	Table catalog.TableName // The one table that it closes while Deputy runs; zero: none.
}

// About names what of the file the problem is with: policy "x", tag X, or the section.
func (p Problem) About() string {
	if p.Policy != "" {
		return fmt.Sprintf("policy %q", p.Policy)
	}
	section, rest, _ := strings.Cut(p.Key, ".")
	name, _, _ := strings.Cut(rest, "[")
	if section == "tags" && name != "" {
		return "tag " + strings.Trim(name, `"`)
	}
	section, _, _ = strings.Cut(p.Key, "[")
	return section
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

// Same reports whether the other problem is the same one, wherever it stands in the file.
func (p Problem) Same(other Problem) bool {
	return p.Policy == other.Policy && p.Message == other.Message
}

// Fatal reports whether any of the problems is more than a warning.
func Fatal(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}
