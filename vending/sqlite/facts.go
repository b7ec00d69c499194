package sqlite

import (
	"slices"
	"strconv"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/mask"
	"deputy/vending"
	"deputy/vending/sqlite/sqltext"
)

var (
	_ vending.Sized = (*Engine)(nil)
	_ vending.Typed = (*Engine)(nil)
)

// What a statement about a table needs to know and no decision does: its keys, and how many rows it has.

// foreignKeys puts in the foreign keys between tables that are governed. A key that names something else, which SQLite
// takes all the same, is left out.
func (s *snapshot) foreignKeys(c conn, schema string) error {
	for i := range s.catalog.Tables {
		t := &s.catalog.Tables[i]
		keys, to, err := c.foreignKeys(schema, t.Name)
		if err != nil {
			return err
		}
		for n, k := range keys {
			other, governed := s.tables[sqltext.Fold(to[n])]
			if !governed {
				continue
			}
			if len(k.References) == 0 {
				k.References = other.Key
			}
			k.Table, k.Columns, k.References = other.TableName, named(*t, k.Columns), named(other, k.References)
			if k.Columns != nil && len(k.Columns) == len(k.References) {
				t.ForeignKeys = append(t.ForeignKeys, k)
			}
		}
		s.tables[sqltext.Fold(t.Name)] = *t
	}
	return nil
}

// foreignKeys are those of a table as they were declared, and the names of the tables that they lead to.
func (c conn) foreignKeys(schema, name string) (keys []entitlements.ForeignKey, to []string, err error) {
	last := -1
	err = c.query(`SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(`+sqltext.Literal(name)+`, `+
		sqltext.Literal(schema)+`) ORDER BY id, seq`, func(r row) {
		if id := r.ColumnInt(0); id != last {
			last = id
			keys, to = append(keys, entitlements.ForeignKey{}), append(to, r.ColumnText(1))
		}
		k := &keys[len(keys)-1]
		k.Columns = append(k.Columns, r.ColumnText(2))
		if target := r.ColumnText(3); target != "" {
			k.References = append(k.References, target)
		}
	})
	return keys, to, err
}

// named are the columns as the table has them; nil where it lacks one.
func named(t entitlements.Table, names []string) (out []string) {
	for _, name := range names {
		i := slices.IndexFunc(t.Columns, func(c entitlements.Column) bool {
			return sqltext.Fold(c.Name) == sqltext.Fold(name)
		})
		if i < 0 {
			return nil
		}
		out = append(out, t.Columns[i].Name)
	}
	return out
}

// counts are the numbers of rows that the last ANALYZE found, by the folded names of tables.
func (c conn) counts(schema string) (map[string]int64, error) {
	analysed, counts := false, map[string]int64{}
	err := c.query(
		`SELECT 1 FROM `+sqltext.Quote(schema)+`.sqlite_schema WHERE name = 'sqlite_stat1' AND type = 'table'`,
		func(row) { analysed = true },
	)
	if err != nil || !analysed {
		return counts, err
	}
	err = c.query(`SELECT tbl, stat FROM `+sqltext.Quote(schema)+`.sqlite_stat1`, func(r row) {
		first, _, _ := strings.Cut(r.ColumnText(1), " ")
		if rows, err := strconv.ParseInt(first, 10, 64); err == nil && rows >= 0 {
			name := sqltext.Fold(r.ColumnText(0))
			counts[name] = max(counts[name], rows)
		}
	})
	return counts, err
}

// Rows is how many rows the last ANALYZE found.
func (e *Engine) Rows(table entitlements.TableName) (rows int64, known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == nil {
		return 0, false
	}
	rows, known = e.current.counts[sqltext.Fold(table.Name)]
	return rows, known
}

// ShownType is the declared type, or that of what the masks make of the values.
func (e *Engine) ShownType(column entitlements.ColumnAccess) string {
	shown := column.Type
	for _, m := range column.Masks {
		switch {
		case !m.Fits(column.Column):
		case m.Kind == mask.MaskSQL:
			return ""
		case m.Kind == mask.MaskBucket:
			shown = "text"
		}
	}
	return shown
}
