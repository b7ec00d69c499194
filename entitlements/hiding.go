package entitlements

import "deputy/identity"

// Hiding says how masks hide a column from a caller.
type Hiding int

// How masks can hide a column, from the least to the most.
const (
	NotHidden  Hiding = iota // No mask applies, or all that do are lifted by what was approved.
	Exceptable               // Nothing but masks with an except hides it: an approved request shows it.
	Hidden                   // A mask for everyone, or for some callers, hides it: no request lifts that.
)

// Hiding says how masks hide a column from the caller, with what was approved. Masks that others come before count too:
// they would come into force.
func (e *Entitlements) Hiding(who identity.Principal, name TableName, column string) (out Hiding) {
	t := e.tables[name]
	c := t.column(column)
	if c == nil {
		return Hidden
	}
	judged, lifted := who.Judged(), e.Counting(&who, name).Lifting(column) != nil
	for _, m := range c.masks {
		switch s := t.masks[m.scope]; {
		case !s.Applies(&judged, &who):
		case s.Except == nil:
			return Hidden
		case !lifted:
			out = Exceptable
		}
	}
	return out
}
