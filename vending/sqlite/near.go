package sqlite

import (
	"strings"

	"deputy/internal/mistake"
	"deputy/vending"
)

const (
	noColumn  = "there is no column "
	notInFrom = ": a table is named as FROM names it, by its alias where it has one"
)

// near adds to a refusal of a column that is not there the one that was probably meant, among those that the lease
// shows.
func (e *Engine) near(refused *vending.Error, lease vending.Lease) *vending.Error {
	name, is := strings.CutPrefix(refused.Message, noColumn)
	if !is || strings.Contains(name, ":") {
		return refused
	}
	dialect := e.Dialect()
	of, column := "", name
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		of, column = name[:dot], name[dot+1:]
	}
	of = of[strings.LastIndexByte(of, '.')+1:]
	var shown []string
	for _, a := range lease.Access {
		for _, c := range a.Columns {
			if dialect.Fold(c.Name) == dialect.Fold(column) && dialect.Fold(a.Table.Name) == dialect.Fold(of) {
				refused.Message += notInFrom
				return refused
			}
			shown = append(shown, c.Name)
		}
	}
	if nearest := mistake.Nearest(column, shown); nearest != "" {
		refused.Message += ": did you mean " + dialect.Spell(nearest) + "?"
	}
	return refused
}
