package entitlements

import (
	"cmp"
	"slices"
	"strings"
)

// table is everything that the policies say of one table, found at compile time so that deciding only has to ask the matchers.
type table struct {
	name         TableName
	description  string
	tags         []string
	discoverable bool
	columns      []column
	grants       []grant
	guardrails   []guardrail
	filters      []filter
	masks        []scope // of the mask policies that reach any column
}

type column struct {
	Column
	tags  []string
	masks []maskRule // the one that wins first
}

type grant struct {
	policy string
	to     []*Matcher // any of them
}

type guardrail struct {
	policy  string
	require *Matcher
}

type filter struct {
	scope
	rule Filter // unbound
}

// scope is whom a mask or filter is for: everyone, if neither is set.
type scope struct{ only, except *Matcher }

// maskRule is one mask policy on one column. reach says how specifically the policy names the column.
type maskRule struct {
	scope int // index into the table's masks
	reach int
	*ruledMask
}

// ruledMask is a mask policy as it takes effect on columns of one kind. It is the same for all of them.
type ruledMask struct {
	AppliedMask
	rank int // among all of the platform: the strictest is first, then it goes by the policies' names
}

// ruling is what a policy makes of a table, parsed.
type ruling struct {
	*Policy
	kind      kind
	selectors []selector
	when      []Part                        // of a mask
	filters   func(*table) ([]Filter, bool) // of a filter: its rules, unbound; false: they do not fit the table
	masks     map[Kind]*ruledMask           // of a mask: as far as it has reached columns
}

// mask is what the policy does to columns of that kind.
func (p *ruling) mask(k Kind) *ruledMask {
	if p.masks[k] == nil {
		p.masks[k] = &ruledMask{AppliedMask: AppliedMask{p.With.on(k), p.Name, p.when}}
	}
	return p.masks[k]
}

const (
	notReached = -1
	byWildcard = 0       // a tag's reach is the number of words in it, at least 1
	byName     = 1 << 30 // the exact name of the column
)

// add takes the policy up if it covers the table or, for a mask, a column of it.
func (t *table) add(p *ruling) {
	if p.kind == kindMask {
		t.addMask(p)
		return
	}
	if !slices.ContainsFunc(p.selectors, t.covered) {
		return
	}
	switch p.kind {
	case kindGrant:
		if p.To != nil {
			t.grants = append(t.grants, grant{p.Name, p.To.alternatives()})
		}
	case kindGuardrail:
		t.guardrails = append(t.guardrails, guardrail{p.Name, p.Require})
	case kindFilter:
		rules, _ := p.filters(t)
		for _, rule := range rules {
			t.filters = append(t.filters, filter{scope{p.For, p.Except}, rule})
		}
	}
}

func (t *table) addMask(p *ruling) {
	if p.With == nil {
		return
	}
	var about []selector
	for _, s := range p.selectors {
		if s.tag != "" || s.concerns(t.name) {
			about = append(about, s)
		}
	}
	if about == nil {
		return
	}
	reached := false
	for i := range t.columns {
		c := &t.columns[i]
		if reach := t.reach(c, about); reach != notReached {
			c.masks = append(c.masks, maskRule{len(t.masks), reach, p.mask(c.Kind)})
			reached = true
		}
	}
	if reached {
		t.masks = append(t.masks, scope{p.For, p.Except})
	}
}

// covered reports whether the selector names the table, or a tag at or above one of its tags.
func (t *table) covered(s selector) bool {
	return s.matchesTable(t.name) || s.tag != "" && tagged(t.tags, s.tag)
}

func tagged(tags []string, with string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return below(tag, with) })
}

// reach is how specifically the selectors name the column: the best of them counts. A table's tags are its columns' too.
func (t *table) reach(c *column, selectors []selector) int {
	best := notReached
	for _, s := range selectors {
		switch {
		case s.tag != "" && (tagged(c.tags, s.tag) || tagged(t.tags, s.tag)):
			best = max(best, 1+strings.Count(s.tag, "."))
		case s.matchesColumn(t.name, c.Name) && s.exact():
			best = byName
		case s.matchesColumn(t.name, c.Name):
			best = max(best, byWildcard)
		}
	}
	return best
}

// sort makes the order of the file irrelevant: everything is by policy name, masks first by who wins.
func (t *table) sort() {
	slices.SortFunc(t.grants, func(a, b grant) int { return cmp.Compare(a.policy, b.policy) })
	slices.SortFunc(t.guardrails, func(a, b guardrail) int { return cmp.Compare(a.policy, b.policy) })
	slices.SortStableFunc(t.filters, func(a, b filter) int { return cmp.Compare(a.rule.Policy, b.rule.Policy) })
	for i := range t.columns {
		slices.Sort(t.columns[i].tags)
		slices.SortFunc(t.columns[i].masks, func(a, b maskRule) int { return cmp.Or(cmp.Compare(b.reach, a.reach), cmp.Compare(a.rank, b.rank)) })
	}
}

// rank puts all masks in the one order that decides between those which name a column equally well.
func rank(masks []*ruledMask) {
	slices.SortFunc(masks, func(a, b *ruledMask) int {
		return cmp.Or(compareStrictness(a.Mask, b.Mask), cmp.Compare(a.Policy, b.Policy))
	})
	for i, m := range masks {
		m.rank = i
	}
}
