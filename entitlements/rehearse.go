package entitlements

// Rehearsal is an access that nobody gets: it uses what one part of a policy, or everything that is said of a table,
// would put into a view. An engine that runs a statement on it understands the SQL that administrators wrote.
// Attributes have no values in it.
type Rehearsal struct {
	Access Access
	Policy string // empty: everything that is said of the table
	Key    string // what of the policy it is about: where, match, within, sample, with, when
	Column string // that the mask is on; empty: it is about rows
	table  *table
}

// Rehearse returns a rehearsal of everything for each table with masks or filters.
func (e *Entitlements) Rehearse() (out []Rehearsal) {
	for _, name := range e.names {
		t := e.tables[name]
		if t.closed != nil || t.barred != nil || len(t.masks) == 0 && len(t.filters) == 0 {
			continue
		}
		all := t.masking(func(i int) []AppliedMask { return t.columns[i].untilUnconditional() })
		for _, f := range t.filters {
			all.Filters = append(all.Filters, f.rule)
		}
		out = append(out, Rehearsal{Access: all, table: t})
	}
	return out
}

// Parts are the rehearsals that one of everything is made of: what is wrong is wrong in one of them, or in how they go
// together.
func (r Rehearsal) Parts() (out []Rehearsal) {
	if r.Policy != "" {
		return nil
	}
	for _, f := range r.table.filters {
		access := r.table.masking(func(int) []AppliedMask { return nil })
		access.Filters = []Filter{f.rule}
		out = append(out, Rehearsal{Access: access, Policy: f.rule.Policy, Key: f.key})
	}
	for i, c := range r.table.columns {
		for _, m := range c.masks {
			if m.BuiltIn() {
				continue
			}
			if len(m.When) > 0 {
				out = append(out, r.table.rehearseMask(i, "when", AppliedMask{Mask{Kind: MaskNull}, m.Policy, m.When}))
			}
			out = append(out, r.table.rehearseMask(i, "with", AppliedMask{Mask: m.Mask, Policy: m.Policy}))
		}
	}
	return out
}

func (t *table) rehearseMask(column int, key string, m AppliedMask) Rehearsal {
	access := t.masking(func(i int) []AppliedMask {
		if i == column {
			return []AppliedMask{m}
		}
		return nil
	})
	return Rehearsal{Access: access, Policy: m.Policy, Key: key, Column: t.columns[column].Name}
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

// masking is the table with its masked columns, and one that is not: beside it, an aggregate in a mask's place is an
// error.
func (t *table) masking(masks func(column int) []AppliedMask) Access {
	access, plain := Access{Table: t.name}, false
	for i, c := range t.columns {
		m := masks(i)
		if m != nil || !plain {
			access.Columns = append(access.Columns, ColumnAccess{Column: c.Column, Masks: m})
		}
		plain = plain || m == nil
	}
	return access
}
