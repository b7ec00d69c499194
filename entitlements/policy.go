package entitlements

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Policy is one rule as the administrator wrote it. Exactly one of Grant, Guardrail, Mask and Filter is set and says what it is
// about; Compile refuses anything else, and any field that does not belong to that kind.
type Policy struct {
	Name     string `yaml:"name"`
	Platform string `yaml:"platform"` // empty: every platform

	Grant     Selectors `yaml:"grant"`     // tables opened To
	Guardrail Selectors `yaml:"guardrail"` // tables closed to all but those that Require names
	Mask      Selectors `yaml:"mask"`      // columns hidden With a mask
	Filter    Selectors `yaml:"filter"`    // tables of which only the rows Where holds are seen

	To      *Matcher `yaml:"to"`
	Require *Matcher `yaml:"require"`
	For     *Matcher `yaml:"for"`    // of a mask or filter: only these; neither For nor Except: everyone
	Except  *Matcher `yaml:"except"` // of a mask or filter: all but these
	With    *Mask    `yaml:"with"`
	Where   string   `yaml:"where"`

	Line int `yaml:"-"` // where it stands in the file; 0: not from a file
}

// Selectors name tables or columns: "sales.orders", "sales.*", "sales.orders.lastname", "tag:PII".
// In a file, one alone may be written without brackets.
type Selectors []string

// Tag is a word that policies use for tables and columns. PII.SSN is below PII: what has the first has the second too.
type Tag struct {
	Name      string
	Selectors Selectors // three parts name columns, two parts tables
	Line      int
}

// Tags are all tags, in the order of the file, where they are a mapping of name to selectors.
type Tags []Tag

type kind string

const (
	kindGrant     kind = "grant"
	kindGuardrail kind = "guardrail"
	kindMask      kind = "mask"
	kindFilter    kind = "filter"
)

// kind is what the policy is, and an error unless it is exactly one thing.
func (p *Policy) kind() (kind, error) {
	var found []string
	for _, k := range []kind{kindGrant, kindGuardrail, kindMask, kindFilter} {
		if p.selectors(k) != nil {
			found = append(found, string(k))
		}
	}
	switch len(found) {
	case 0:
		return "", errors.New("it says nothing to do: write one of grant, guardrail, mask, filter")
	case 1:
		return kind(found[0]), nil
	}
	return "", errors.New("it is " + strings.Join(found, " and ") + " at once: write one policy for each")
}

func (p *Policy) selectors(k kind) Selectors {
	switch k {
	case kindGrant:
		return p.Grant
	case kindGuardrail:
		return p.Guardrail
	case kindMask:
		return p.Mask
	}
	return p.Filter
}

// here reports whether the policy is meant for the platform.
func (p *Policy) here(platform string) bool { return p.Platform == "" || p.Platform == platform }

// misfits are the sentences about fields that the kind of policy needs and lacks, or has and cannot use.
func (p *Policy) misfits(k kind) (out []string) {
	fields := []struct {
		key   string
		set   bool
		kinds []kind
		need  string // empty: it may be left out
	}{
		{"to", p.To != nil, []kind{kindGrant}, "a grant needs to: say whom it opens the tables to"},
		{"require", p.Require != nil, []kind{kindGuardrail}, "a guardrail needs require: say what must hold"},
		{"with", p.With != nil, []kind{kindMask}, "a mask needs with: " + knownMasks},
		{"where", strings.TrimSpace(p.Where) != "", []kind{kindFilter}, "a filter needs where: say which rows are seen"},
		{"for", p.For != nil, []kind{kindMask, kindFilter}, ""},
		{"except", p.Except != nil, []kind{kindMask, kindFilter}, ""},
	}
	for _, f := range fields {
		belongs := slices.Contains(f.kinds, k)
		switch {
		case f.set && !belongs:
			out = append(out, fmt.Sprintf("a %s has no %s: that belongs to a %s", k, f.key, strings.Join(kindNames(f.kinds), " or ")))
		case !f.set && belongs && f.need != "":
			out = append(out, f.need)
		}
	}
	if p.For != nil && p.Except != nil {
		out = append(out, "it says both for and except: choose one")
	}
	return out
}

func kindNames(kinds []kind) (out []string) {
	for _, k := range kinds {
		out = append(out, string(k))
	}
	return out
}
