package entitlements

import (
	"maps"
	"slices"
)

// Tables names all tables, sorted.
func (e *Entitlements) Tables() []TableName { return slices.Clone(e.names) }

// Columns names the columns of a table.
func (e *Entitlements) Columns(name TableName) (out []string) {
	if t, ok := e.tables[name]; ok {
		for _, c := range t.columns {
			out = append(out, c.Name)
		}
	}
	return out
}

// Purposes are those that a call can be said to be for.
func (e *Entitlements) Purposes() []string { return slices.Clone(e.purposes) }

// Within is the same for the tables of some schemas only: the others are not there.
func (e *Entitlements) Within(schemas []string) *Entitlements {
	elsewhere := func(name TableName) bool { return !slices.Contains(schemas, name.Schema) }
	out := *e
	out.names = slices.DeleteFunc(slices.Clone(e.names), elsewhere)
	out.tables = maps.Clone(e.tables)
	maps.DeleteFunc(out.tables, func(name TableName, _ *table) bool { return elsewhere(name) })
	return &out
}
