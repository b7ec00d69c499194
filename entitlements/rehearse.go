package entitlements

// Rehearsal is an access that nobody gets: it uses what one policy, or all of a table's at once, would put into a view. An engine
// that can prepare a statement on it understands the SQL that administrators wrote.
type Rehearsal struct {
	Policy string // empty: all of the table's
	Access Access
}

// Rehearse returns, for each table with masks or filters, a rehearsal of everything at once, and how to get those of its policies
// one by one when that fails. Attributes have no values in it.
func (e *Entitlements) Rehearse(each func(all Rehearsal, single func() []Rehearsal)) {
	for _, name := range e.names {
		t := e.tables[name]
		if len(t.masks) == 0 && len(t.filters) == 0 {
			continue
		}
		all := t.plain()
		for i, c := range t.columns {
			all.Columns[i].Masks = c.untilUnconditional()
		}
		for _, f := range t.filters {
			all.Filters = append(all.Filters, f.rule)
		}
		each(Rehearsal{Access: all}, t.rehearseSingly)
	}
}

func (t *table) rehearseSingly() []Rehearsal {
	var out []Rehearsal
	for _, f := range t.filters {
		access := t.plain()
		access.Filters = []Filter{f.rule}
		out = append(out, Rehearsal{f.rule.Policy, access})
	}
	for i, c := range t.columns {
		for _, m := range c.masks {
			access := t.plain()
			access.Columns[i].Masks = []AppliedMask{m.AppliedMask}
			out = append(out, Rehearsal{m.Policy, access})
		}
	}
	return out
}

// untilUnconditional keeps the promise of ColumnAccess that only the last mask takes every cell.
func (c *column) untilUnconditional() (masks []AppliedMask) {
	for _, m := range c.masks {
		if masks = append(masks, m.AppliedMask); len(m.When) == 0 {
			break
		}
	}
	return masks
}

// plain is the whole table, unmasked.
func (t *table) plain() Access {
	access := Access{Table: t.name}
	for _, c := range t.columns {
		access.Columns = append(access.Columns, ColumnAccess{Column: c.Column})
	}
	return access
}
