package entitlements

import "slices"

// New is the built-in tag of tables and columns that nobody has looked at yet: those that are not in Accepted. A mask or guardrail on
// it covers what appears in a database before somebody has classified it.
const New = "New"

// Accepted are the tables of a platform, and their columns, that an administrator has looked at.
type Accepted map[TableName][]string

// Accept returns everything that is in the catalog now.
func Accept(c *Catalog) Accepted {
	out := Accepted{}
	for _, t := range c.Tables {
		columns := []string{}
		for _, col := range t.Columns {
			columns = append(columns, col.Name)
		}
		out[t.TableName] = columns
	}
	return out
}

func (a Accepted) table(name TableName) bool { _, ok := a[name]; return ok }

func (a Accepted) column(name ColumnName) bool {
	return slices.Contains(a[name.TableName], name.Column)
}

// News lists what is in the catalog and was not accepted: whole tables, and columns of the others.
func (a Accepted) News(c *Catalog) (tables []TableName, columns []ColumnName) {
	for _, t := range c.Tables {
		if !a.table(t.TableName) {
			tables = append(tables, t.TableName)
			continue
		}
		for _, col := range t.Columns {
			if name := (ColumnName{t.TableName, col.Name}); !a.column(name) {
				columns = append(columns, name)
			}
		}
	}
	return tables, columns
}

// namesNew reports whether anything in the configuration is about the tag: where nothing is, it need not be shown to anybody.
func (cfg *Config) namesNew() bool {
	about := func(s Selectors) bool { return slices.Contains(s, "tag:"+New) }
	return about(cfg.Discoverable) || slices.ContainsFunc(cfg.Policies, func(p Policy) bool {
		return about(p.Grant) || about(p.Guardrail) || about(p.Mask) || about(p.Filter)
	}) || slices.ContainsFunc(cfg.Rules, func(r RequestRule) bool { return about(r.About) || about(r.ExceptAbout) })
}
