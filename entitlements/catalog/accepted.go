package catalog

import (
	"cmp"
	"slices"
)

// Accepted are the tables of a platform that an administrator has looked at.
type Accepted map[TableName]AcceptedTable

// AcceptedTable is a table as it was when it was accepted.
type AcceptedTable struct {
	Tags    []string         // The tags that the platform itself kept of the table.
	Columns []AcceptedColumn // In the table's own order, unless Type is empty in them.
}

// AcceptedColumn is a column as it was when it was accepted.
type AcceptedColumn struct {
	Name string
	Type string   // In the engine's words, or "-" if it has none; empty where only the name is known.
	Tags []string // The tags that the platform itself kept of the column.
}

// Untyped is the type of a column that has none.
const Untyped = "-"

// Accept returns everything that is in the catalog now.
func Accept(c *Catalog) Accepted {
	out := Accepted{}
	for _, t := range c.Tables {
		accepted := AcceptedTable{Tags: t.Tags, Columns: []AcceptedColumn{}}
		for _, col := range t.Columns {
			accepted.Columns = append(accepted.Columns, AcceptedColumn{col.Name, cmp.Or(col.Type, Untyped), col.Tags})
		}
		out[t.TableName] = accepted
	}
	return out
}

// Catalog is what was accepted as a catalog, for those who look for names in it.
func (a Accepted) Catalog() *Catalog {
	out := &Catalog{}
	for name, t := range a {
		table := Table{TableName: name, Tags: t.Tags}
		for _, col := range t.Columns {
			table.Columns = append(table.Columns, Column{Name: col.Name, Type: col.Type, Tags: col.Tags})
		}
		out.Tables = append(out.Tables, table)
	}
	return out
}

// Has reports whether the table was accepted.
func (a Accepted) Has(name TableName) bool { _, ok := a[name]; return ok }

// HasColumn reports whether the column was accepted.
func (a Accepted) HasColumn(name ColumnName) bool {
	return a[name.TableName].Column(name.Column) != nil
}

// Column finds an accepted column; nil: there is none.
func (t AcceptedTable) Column(name string) *AcceptedColumn {
	if i := slices.IndexFunc(t.Columns, func(c AcceptedColumn) bool { return c.Name == name }); i >= 0 {
		return &t.Columns[i]
	}
	return nil
}

// Shuffled reports whether the accepted columns that the table still has do not stand where they did. A database keeps
// the order whatever is added, dropped or renamed: between two of them there are at most as many new names as there
// were columns that are gone, and only behind the last there may be more. Otherwise a name is that of another column
// than it was.
func (t AcceptedTable) Shuffled(now []Column) bool {
	last, fresh := -1, 0 // the accepted column before, and the new ones since
	for _, c := range now {
		at := slices.IndexFunc(t.Columns, func(a AcceptedColumn) bool { return a.Name == c.Name })
		switch {
		case at < 0:
			fresh++
			continue
		case t.Columns[at].Type == "":
			return false // A list of names alone has no order.
		case at <= last || fresh > at-last-1:
			return true
		}
		last, fresh = at, 0
	}
	return false
}

// News lists what is in the catalog and was not accepted: whole tables, and columns of the others.
func (a Accepted) News(c *Catalog) (tables []TableName, columns []ColumnName) {
	for _, t := range c.Tables {
		if !a.Has(t.TableName) {
			tables = append(tables, t.TableName)
			continue
		}
		for _, col := range t.Columns {
			if name := (ColumnName{t.TableName, col.Name}); !a.HasColumn(name) {
				columns = append(columns, name)
			}
		}
	}
	return tables, columns
}
