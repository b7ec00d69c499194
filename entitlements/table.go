package entitlements

import (
	"cmp"
	"slices"
	"strings"

	"deputy/entitlements/expression"
	"deputy/entitlements/selector"
)

// table is everything that the policies say of one table, found at compile time so that deciding only has to ask the
// matchers.
type table struct {
	name         TableName
	description  string
	tags         []string
	closing      []string  // tags that no grant and no except follows
	closed       []Problem // why no caller may read the table as things are
	view         *View     // what it is made of, if it is one
	named        bool      // a policy on tables names it, without wildcards
	overFilter   bool      // it inherits that rows are filtered, and does not
	barred       []string  // why it is closed as a view, whatever grants say
	discoverable bool
	columns      []column
	grants       []grant
	guardrails   []guardrail
	filters      []filter
	masks        []Scope // of the mask policies that reach any column
}

type column struct {
	Column
	tags      []string
	closing   []string   // tags that no except follows
	inherited []string   // tags of the columns that a view's column is made of
	masks     []maskRule // the one that wins first
}

type grant struct {
	policy  string
	to      []*Matcher // any of them
	written *Matcher   // the same, as the policy has it
}

type guardrail struct {
	policy   string
	require  *Matcher
	aboutNew bool // it is about the tag New alone
}

type filter struct {
	Scope
	rowRule
}

// rowRule is one rule of a filter, unbound, and the key it stands behind in the policy.
type rowRule struct {
	key  string
	rule Filter
}

// maskRule is one mask policy on one column. reach says how specifically the policy names the column.
type maskRule struct {
	scope int // index into the table's masks
	reach int
	by    string // the selector that reaches it
	*ruledMask
}

// ruledMask is a mask policy as it takes effect on columns that it fits, or on those that it does not. It is the same
// for all of them.
type ruledMask struct {
	AppliedMask
	misfit *Mask // what the policy says, when that does not fit the columns and became a NULL
	rank   int   // among all of the platform: the strictest is first, then it goes by the policies' names
}

// ruling is what a policy makes of a table, parsed.
type ruling struct {
	*Policy
	kind      kind
	selectors []selector.Selector
	when      []expression.Part              // of a mask
	filters   func(*table) ([]rowRule, bool) // of a filter; false: they do not fit the table
	// of a mask: as it is, and as the NULL that it is where it does not fit; as far as it has reached columns
	masks map[bool]*ruledMask
}

// mask is what the policy does to such a column.
func (p *ruling) mask(c Column) *ruledMask {
	fits := p.With.Fits(c) && !p.With.Idle(c)
	if p.masks[fits] == nil {
		m := &ruledMask{AppliedMask: AppliedMask{*p.With, p.Name, p.when}}
		if !fits {
			m.Mask, m.misfit = Mask{Kind: MaskNull}, p.With
		}
		p.masks[fits] = m
	}
	return p.masks[fits]
}

// How closely a policy names a column: the higher comes first.
const (
	notReached = -1
	ByWildcard = 0       // a tag's reach is the number of words in it, at least 1
	ByName     = 1 << 30 // the exact name of the column
)

// add takes the policy up if it covers the table or, for a mask, a column of it.
func (t *table) add(p *ruling) {
	if p.kind == kindMask {
		t.addMask(p)
		return
	}
	covers := slices.ContainsFunc(p.selectors, t.covered)
	t.named = t.named || slices.ContainsFunc(p.selectors, func(s selector.Selector) bool {
		return !s.IsSchema() && s.IsTable() && s.Exact() && s.MatchesTable(t.name)
	})
	closes := !covers && slices.ContainsFunc(p.selectors, t.closes)
	switch {
	case p.kind == kindGrant && covers && p.To != nil:
		t.grants = append(t.grants, grant{p.Name, p.To.Alternatives(), p.To})
	case p.kind == kindGuardrail && (covers || closes):
		t.guardrails = append(
			t.guardrails,
			guardrail{p.Name, p.Require, slices.Equal(p.Guardrail, Selectors{"tag:" + New})},
		)
	case p.kind == kindFilter && (covers || closes):
		of := Scope{p.For, p.Except}
		if closes {
			of.Except = nil
		}
		rules, _ := p.filters(t)
		for _, rule := range rules {
			t.filters = append(t.filters, filter{of, rule})
		}
	}
}

func (t *table) addMask(p *ruling) {
	if p.With == nil {
		return
	}
	var about []selector.Selector
	for _, s := range p.selectors {
		if s.Tag != "" || s.Concerns(t.name) {
			about = append(about, s)
		}
	}
	if about == nil {
		return
	}
	as, closing := -1, -1 // where the policy's scope stands among the table's, as it is written and without its except
	at := func(place *int, s Scope) int {
		if *place < 0 {
			*place = len(t.masks)
			t.masks = append(t.masks, s)
		}
		return *place
	}
	for i := range t.columns {
		c := &t.columns[i]
		if reach, by := t.reach(c, about); reach != notReached {
			c.masks = append(c.masks, maskRule{at(&as, Scope{p.For, p.Except}), reach, by, p.mask(c.Column)})
		}
		if reach, by := t.reachClosing(c, about); reach != notReached {
			c.masks = append(c.masks, maskRule{at(&closing, Scope{p.For, nil}), reach, by, p.mask(c.Column)})
		}
	}
}

// reachClosing is how specifically the selectors name a tag that only closes.
func (t *table) reachClosing(c *column, selectors []selector.Selector) (best int, by string) {
	best = notReached
	for _, s := range selectors {
		if reach := 1 + strings.Count(s.Tag, "."); s.Tag != "" && reach > best &&
			(tagged(c.closing, s.Tag) || tagged(t.closing, s.Tag)) {
			best, by = reach, s.Text
		}
	}
	return best, by
}

// covered reports whether the selector names the table, or a tag at or above one of its tags.
func (t *table) covered(s selector.Selector) bool {
	return s.MatchesTable(t.name) || s.Tag != "" && tagged(t.tags, s.Tag)
}

// closes reports whether the selector names a tag that the table has lost, and that only closes.
func (t *table) closes(s selector.Selector) bool { return s.Tag != "" && tagged(t.closing, s.Tag) }

func tagged(tags []string, with string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return selector.Below(tag, with) })
}

// reach is how specifically the selectors name the column: the best of them counts. A table's tags are its columns'
// too.
func (t *table) reach(c *column, selectors []selector.Selector) (best int, by string) {
	best = notReached
	for _, s := range selectors {
		reach := notReached
		switch {
		case s.Tag != "" && (tagged(c.tags, s.Tag) || tagged(t.tags, s.Tag)):
			reach = 1 + strings.Count(s.Tag, ".")
		case s.MatchesColumn(t.name, c.Name) && s.Exact():
			reach = ByName
		case s.MatchesColumn(t.name, c.Name):
			reach = ByWildcard
		}
		if reach > best {
			best, by = reach, s.Text
		}
	}
	return best, by
}

// sort makes the order of the file irrelevant: everything is by policy name, masks first by who wins.
func (t *table) sort() {
	slices.SortFunc(t.grants, func(a, b grant) int { return cmp.Compare(a.policy, b.policy) })
	slices.SortFunc(t.guardrails, func(a, b guardrail) int { return cmp.Compare(a.policy, b.policy) })
	slices.SortStableFunc(t.filters, func(a, b filter) int { return cmp.Compare(a.rule.Policy, b.rule.Policy) })
	for i := range t.columns {
		slices.Sort(t.columns[i].tags)
		slices.SortFunc(
			t.columns[i].masks,
			func(a, b maskRule) int { return cmp.Or(cmp.Compare(b.reach, a.reach), cmp.Compare(a.rank, b.rank)) },
		)
	}
}

// rank puts all masks in the one order that decides between those which name a column equally well.
func rank(masks []*ruledMask) {
	slices.SortFunc(masks, func(a, b *ruledMask) int {
		return cmp.Or(CompareStrictness(a.Mask, b.Mask), cmp.Compare(a.Policy, b.Policy))
	})
	for i, m := range masks {
		m.rank = i
	}
}
