package entitlements

import (
	"reflect"
	"slices"

	"deputy/identity"
)

// TableView is what was compiled of one table, for those who read it and do not decide: it holds copies, so that
// nothing that a reader does changes a decision.
type TableView struct {
	Name         TableName
	Description  string
	Tags         []string
	Discoverable bool // The table may be known of and asked for, though it is closed.
	Grants       []GrantView
	Guardrails   []GuardrailView
	Filters      []FilterView
	Columns      []ColumnView

	compiled *table // It is compared as a whole, and nothing of it is handed out.
}

// ColumnView is one column, and all masks that reach it: the one that wins is first.
type ColumnView struct {
	Column
	Tags      []string
	Inherited []string // Tags of the columns that a view's column is made of.
	Masks     []MaskView
}

// MaskView is one mask policy on one column. Its condition has no values.
type MaskView struct {
	AppliedMask
	Scope  Scope
	Reach  int    // How exactly the policy names the column: a tag by the number of its words, or one of the constants.
	By     string // The selector that reaches the column.
	Misfit *Mask  // What the policy says, where that does not fit the column and became a NULL; nil: it fits.
}

// GrantView is one grant on the table.
type GrantView struct {
	Policy string
	To     *Matcher

	compiled *grant
}

// OpensTo says who of the principal qualifies by the grant, guardrails aside.
func (g GrantView) OpensTo(who *identity.Principal) (user, agent bool) {
	return g.compiled.opensTo(who)
}

// Alternatives are the matchers of which any opens the table.
func (g GrantView) Alternatives() []*Matcher { return g.To.Alternatives() }

// GuardrailView is one guardrail on the table.
type GuardrailView struct {
	Policy  string
	Require *Matcher
}

// FilterView is one rule on the table's rows. It has no values.
type FilterView struct {
	Filter
	Scope Scope
}

// Bind gives the rule the values of the judged identity.
func (f FilterView) Bind(who *identity.Principal) Filter { return f.Filter.bind(who) }

// View shows what was compiled of a table; ok is false when there is no such table.
func (e *Entitlements) View(name TableName) (v TableView, ok bool) {
	t, ok := e.tables[name]
	if !ok {
		return TableView{}, false
	}
	v = TableView{
		Name: name, Description: t.description, Tags: slices.Clone(t.tags), Discoverable: t.discoverable, compiled: t,
	}
	for i := range t.grants {
		v.Grants = append(v.Grants, GrantView{t.grants[i].policy, t.grants[i].written.Clone(), &t.grants[i]})
	}
	for _, g := range t.guardrails {
		v.Guardrails = append(v.Guardrails, GuardrailView{g.policy, g.require.Clone()})
	}
	for _, f := range t.filters {
		v.Filters = append(v.Filters, FilterView{f.rule.clone(), f.clone()})
	}
	for i := range t.columns {
		v.Columns = append(v.Columns, t.viewColumn(&t.columns[i]))
	}
	return v, true
}

func (t *table) viewColumn(c *column) ColumnView {
	v := ColumnView{Column: c.Column, Tags: slices.Clone(c.tags), Inherited: slices.Clone(c.inherited)}
	v.Column.Tags = slices.Clone(c.Column.Tags)
	for _, m := range c.masks {
		mask := MaskView{AppliedMask: m.AppliedMask.clone(), Scope: t.masks[m.scope].clone(), Reach: m.reach, By: m.by}
		if m.misfit != nil {
			misfit := m.misfit.Clone()
			mask.Misfit = &misfit
		}
		v.Masks = append(v.Masks, mask)
	}
	return v
}

func (m AppliedMask) clone() AppliedMask {
	m.Mask, m.When = m.Mask.Clone(), slices.Clone(m.When)
	return m
}

func (s Scope) clone() Scope { return Scope{s.Only.Clone(), s.Except.Clone()} }

func (f Filter) clone() Filter {
	f.Where = slices.Clone(f.Where)
	if f.Within != nil {
		within := *f.Within
		f.Within = &within
	}
	if f.Sample != nil {
		sample := *f.Sample
		f.Sample = &sample
	}
	return f
}

// Same reports whether two views are of tables about which exactly the same was compiled. Views of no table are the
// same, too.
func (v TableView) Same(other TableView) bool { return reflect.DeepEqual(v.compiled, other.compiled) }

// Shown is how the principal would see the columns of the table, if it were open.
func (e *Entitlements) Shown(who identity.Principal, name TableName) []ColumnAccess {
	t, ok := e.tables[name]
	if !ok {
		return nil
	}
	var seen Access
	judged := who.Judged()
	t.show(&seen, &judged, &who, e.Counting(&who, name))
	return seen.Columns
}

// ApprovalView is an approval of the principal's own, and whether it counts in their decisions now.
type ApprovalView struct {
	Approval
	Counts bool
}

// Approvals shows the principal's own approvals on the table.
func (e *Entitlements) Approvals(who identity.Principal, name TableName) (out []ApprovalView) {
	for _, a := range e.approved[name] {
		if a.For.Is(who) {
			shown := ApprovalView{a, a.CountsFor(who, e.now)}
			shown.Columns = slices.Clone(a.Columns)
			if a.For.User != nil {
				user := *a.For.User
				shown.For.User = &user
			}
			out = append(out, shown)
		}
	}
	return out
}
