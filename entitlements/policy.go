package entitlements

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"deputy/entitlements/catalog"
)

// Policy is one rule as the administrator wrote it. Exactly one of Grant, Guardrail, Mask and Filter is set and says
// what it is about; Compile refuses anything else, and any field that does not belong to that kind.
type Policy struct {
	Name     string // a sentence of its own: records and explanations show it
	Platform string // the only one it is about; empty: every platform

	Grant     Selectors // tables that are opened, to those behind to
	Guardrail Selectors // tables that are closed to all but those behind require, whatever grants say
	Mask      Selectors // columns whose values are hidden, by the mask behind with
	// tables of which only the rows are seen that meet every rule: where, match, within, sample
	Filter Selectors

	To      *Matcher // of a grant: whom the tables are opened to
	Require *Matcher // of a guardrail: what must hold
	For     *Matcher // of a mask or filter: only these; with neither for nor except it is for everyone
	Except  *Matcher // of a mask or filter: all but these
	With    *Mask    // of a mask: what the values become
	// of a mask: only the cells of rows that this SQL condition holds for, or may hold for
	When string

	// of a filter: the rows that this SQL condition holds for, such as region = any(:attribute.region)
	Where  string
	Match  *MatchColumn // of a filter: the rows whose column has one of the caller's values
	Within *Within      // of a filter: the rows of the last days
	Sample *Sample      // of a filter: a share of the rows, the same ones in every call
}

// MatchColumn keeps the rows whose column has one of the attribute's values.
type MatchColumn struct {
	Column    string
	Attribute string
}

// Within keeps the rows whose column, a date or time, is not older than Last and not in the future. In a policy, only
// the name of the column is set.
type Within struct {
	Column Column
	Last   time.Duration // whole hours; on a date, whole days
}

// Sample keeps a share of the rows: the same ones in every call, whoever asks.
type Sample struct {
	PerMillion int // above 0, below a million
}

// String is the sample as it is written in a policy.
func (s Sample) String() string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", float64(s.PerMillion)/10_000), "0"), ".") + "%"
}

// Selectors name tables or columns: "sales.orders", "sales.*", "sales.orders.lastname", "tag:PII".
// In a file, one alone may be written without brackets.
type Selectors []string

// Tag is a word that policies use for tables and columns. PII.SSN is below PII: what has the first has the second too.
type Tag struct {
	Name      string
	Selectors Selectors // one part names a schema, two parts tables, three parts columns
}

// Tags are all tags, in the order of the file, where they are a mapping of name to selectors.
type Tags []Tag

type kind string

const (
	kindGrant     kind = "grant"
	kindGuardrail kind = "guardrail"
	kindMask      kind = "mask"
	kindFilter    kind = "filter"
	kindDiscovery kind = "discovery" // not a policy: what a platform lets anybody know of
	kindRequest   kind = "request"   // not a policy: what a request rule covers
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

// Matchers calls do for each of the policy's matchers, with its key.
func (p *Policy) Matchers(do func(key string, m *Matcher)) {
	for _, m := range []struct {
		key string
		*Matcher
	}{{"to", p.To}, {"require", p.Require}, {"for", p.For}, {"except", p.Except}} {
		if m.Matcher != nil {
			do(m.key, m.Matcher)
		}
	}
}

// About says what kind of policy it is, by the key of it in the file, and what it is about. It is an error unless the
// policy is exactly one thing.
func (p *Policy) About() (key string, about Selectors, err error) {
	k, err := p.kind()
	if err != nil {
		return "", nil, err
	}
	return string(k), p.selectors(k), nil
}

// here reports whether the policy is meant for the platform.
func (p *Policy) here(platform string) bool { return p.Platform == "" || p.Platform == platform }

// misfits are the sentences about fields that the kind of policy needs and lacks, or has and cannot use.
func (p *Policy) misfits(k kind) (out []misfit) {
	fields := []struct {
		key   string
		set   bool
		kinds []kind
		need  string // empty: it may be left out
	}{
		{"to", p.To != nil, []kind{kindGrant}, "a grant needs to: say whom it opens the tables to"},
		{"require", p.Require != nil, []kind{kindGuardrail}, "a guardrail needs require: say what must hold"},
		{"with", p.With != nil, []kind{kindMask}, "a mask needs with: " + KnownMasks()},
		{"when", p.When != "", []kind{kindMask}, ""},
		{"where", p.Where != "", []kind{kindFilter}, ""},
		{"match", p.Match != nil, []kind{kindFilter}, ""},
		{"within", p.Within != nil, []kind{kindFilter}, ""},
		{"sample", p.Sample != nil, []kind{kindFilter}, ""},
		{"for", p.For != nil, []kind{kindMask, kindFilter}, ""},
		{"except", p.Except != nil, []kind{kindMask, kindFilter}, ""},
	}
	for _, f := range fields {
		belongs := slices.Contains(f.kinds, k)
		switch {
		case f.set && !belongs:
			out = append(
				out,
				misfit{f.key, fmt.Sprintf("a %s has no %s: that belongs to a %s", k, f.key, strings.Join(words(f.kinds), " or "))},
			)
		case !f.set && belongs && f.need != "":
			out = append(out, misfit{"", f.need})
		}
	}
	if p.For != nil && p.Except != nil {
		out = append(out, misfit{"except", "it says both for and except: choose one"})
	}
	if k == kindFilter && p.Where == "" && p.Match == nil && p.Within == nil && p.Sample == nil {
		out = append(out, misfit{"", "a filter needs where, match, within or sample: say which rows are seen"})
	}
	return out
}

// misfit is a complaint about a policy, or about one of its keys.
type misfit struct{ key, message string }

// The patterns of names that stand in policies.
const (
	TagName       = catalog.TagName
	AttributeName = `[A-Za-z_][A-Za-z0-9_.-]*`
	QuestionName  = `[a-z][a-z0-9_]*` // of the answer to a question of a request rule
)

func words(kinds []kind) (out []string) {
	for _, k := range kinds {
		out = append(out, string(k))
	}
	return out
}
