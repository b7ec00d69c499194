package sqlite

import (
	"fmt"
	"strings"

	"deputy/entitlements"
)

// checkQualified refuses an administrator's text that names a table without its schema. Alone, such a name means the table of the file;
// in a statement of a caller who may read that table too, it would mean the caller's view of it, or a common table expression that the
// caller calls so, and a filter would let through what it is there to hide. It is asked before any public view is there: a name that
// means nothing any more when a broken view stands before the file's table is a bare one.
func (e *Engine) checkQualified(c conn, a entitlements.Access, inner string, tables []string) error {
	text := fold(strings.ReplaceAll(written(a), `""`, `"`))
	var named []string
	for _, name := range tables {
		if text != "" && strings.Contains(text, fold(name)) {
			named = append(named, name)
		}
	}
	if named == nil {
		return nil
	}
	for _, name := range named {
		if err := e.hide(c, name); err != nil {
			return err
		}
	}
	stmt, _, err := c.Prepare(reading(inner))
	if err != nil {
		return fmt.Errorf("a table is named without its schema in what is said of %s: write %s.%s", a.Table, e.schema, strings.Join(named, ` or `+e.schema+`.`))
	}
	stmt.Close()
	for _, name := range named {
		if err := c.Exec(`DROP VIEW temp.` + quoteName(name)); err != nil {
			return err
		}
	}
	return nil
}

// written is all SQL of an access that an administrator wrote.
func written(a entitlements.Access) (text string) {
	take := func(parts []entitlements.Part) {
		for _, p := range parts {
			text += p.SQL + " "
		}
	}
	for _, f := range a.Filters {
		take(f.Where)
	}
	for _, column := range a.Columns {
		for _, m := range column.Masks {
			take(m.When)
			take(m.SQL)
		}
	}
	return text
}

// hide puts a view that cannot be used before a table of the file: its bare name means nothing from then on.
func (e *Engine) hide(c conn, table string) error {
	nothing, err := e.randomName()
	if err != nil {
		return err
	}
	if err := c.Exec(`CREATE TEMP VIEW ` + quoteName(table) + ` AS SELECT * FROM temp.` + quoteName(nothing)); err != nil {
		return fmt.Errorf("hiding a table: %w", err)
	}
	return nil
}

// reading is a statement that makes SQLite look into a view.
func reading(view string) string { return `SELECT 1 FROM temp.` + quoteName(view) }
