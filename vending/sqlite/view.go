package sqlite

import (
	"fmt"
	"strings"

	"deputy/entitlements"
)

// views is what one table of a lease becomes.
type views struct{ inner, public string }

// names are the random names of one session.
type names struct {
	lure, file           string // of the attached file: see lure and data
	mask, within, sample string // of functions
	nothing              string // what the views that hide the file's objects say that they read: nothing_ROW
}

// define writes the two views of one table. The inner one is called inner, which nobody can guess. What its masks
// compute outside of SQL is added to those of the session. whole are all columns of the table; telling keeps SQLite
// from reading it by an index.
func (e *Engine) define(
	a entitlements.Access, whole []entitlements.Column, inner string, telling bool, n names, masks *masks,
) (views, error) {
	var columns []string
	for _, c := range a.Columns {
		column, err := e.maskedColumn(a.Table, c, n, masks)
		if err != nil {
			return views{}, err
		}
		columns = append(columns, column+` AS `+quoteName(c.Shown()))
	}
	if len(columns) == 0 {
		columns = append(columns, `1 AS "row"`) // rows are only counted, but a view must have a column
	}
	body := `SELECT ` + strings.Join(columns, `, `) + ` FROM ` + quoteName(n.file) + `.` + quoteName(a.Table.Name)
	if telling {
		body += ` NOT INDEXED`
	}
	if len(a.Filters) > 0 {
		where, err := e.where(a.Filters, whole, n)
		if err != nil {
			return views{}, fmt.Errorf("the row filters of %s: %w", a.Table, err)
		}
		// LIMIT -1 limits nothing, but keeps SQLite from merging the view into the statement: no expression of the caller's
		// is evaluated on a row that the filters hide.
		body += ` WHERE ` + where + ` LIMIT -1`
	}
	return views{
		inner:  `CREATE TEMP VIEW ` + quoteName(inner) + ` AS ` + body,
		public: `CREATE TEMP VIEW ` + quoteName(a.Table.Name) + ` AS SELECT * FROM temp.` + quoteName(inner),
	}, nil
}
