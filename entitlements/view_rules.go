package entitlements

import "slices"

// RuleView is one request rule on a table: whether it covers the table itself, and which of the columns.
type RuleView struct {
	*RequestRule
	Table   bool
	Columns []bool

	about []selector
	t     *table
}

// Rules shows the request rules on the table.
func (v TableView) Rules() (out []RuleView) {
	for _, a := range v.compiled.rules {
		out = append(out, RuleView{a.RequestRule, a.table, slices.Clone(a.columns), a.about, v.compiled})
	}
	return out
}

// Names reports whether one of the rule's selectors is about the column itself.
func (r RuleView) Names(column int) bool {
	c := &r.t.columns[column]
	return slices.ContainsFunc(r.about, func(s selector) bool {
		return s.matchesColumn(r.t.name, c.Name) || s.tag != "" && tagged(c.tags, s.tag)
	})
}
