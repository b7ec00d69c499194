// Package view writes a decision about one table as the SQL of its views on SQLite, and computes what the masks and row
// filters in them need beside SQL: keys, patterns and ranges stay on this side and are in no view's text.
package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/sqlite/sqltext"
)

// Names are the random names of one session that its views use.
type Names struct {
	File                 string // of the attached file
	Mask, Within, Sample string // of functions
}

// Views is what one table of a lease becomes.
type Views struct{ Inner, Public string }

// Writer writes the views of one session.
type Writer struct {
	schema string // the governed one
	names  Names
	masks  masks
	tables []entitlements.Table
	shapes map[string]shape // of the columns of tables; nil: not asked for yet

	// Unfit are the values of the caller that counted as none in the views that were written.
	Unfit []vending.Unfit
}

// NewWriter returns a writer for a session in which the file and the functions have these names. The key is that of
// hashes; tables are all of the file, as far as they are known.
func NewWriter(schema string, key []byte, n Names, tables []entitlements.Table) *Writer {
	return &Writer{schema: schema, names: n, masks: masks{key: key}, tables: tables}
}

// Register gives the session the functions that its views call, as of now.
func (w *Writer) Register(c *sqlite3.Conn, now time.Time) error {
	if err := w.masks.create(c, w.names.Mask); err != nil {
		return err
	}
	return createRules(c, w.names, w.masks.key, now)
}

// Write writes the two views of one table. The inner one is called inner, which nobody can guess. whole are all columns
// of the table; telling keeps SQLite from reading it by an index.
func (w *Writer) Write(a entitlements.Access, whole []entitlements.Column, inner string, telling bool) (Views, error) {
	var columns []string
	for _, c := range a.Columns {
		column, err := w.maskedColumn(a.Table, c)
		if err != nil {
			return Views{}, err
		}
		columns = append(columns, column+` AS `+sqltext.Quote(c.Shown()))
	}
	if len(columns) == 0 {
		columns = append(columns, `1 AS "row"`) // rows are only counted, but a view must have a column
	}
	body := `SELECT ` + strings.Join(
		columns,
		`, `,
	) + ` FROM ` + sqltext.Quote(
		w.names.File,
	) + `.` + sqltext.Quote(
		a.Table.Name,
	)
	if telling {
		body += ` NOT INDEXED`
	}
	if len(a.Filters) > 0 {
		where, err := w.where(a.Table, a.Filters, whole)
		if err != nil {
			return Views{}, fmt.Errorf("the row filters of %s: %w", a.Table, err)
		}
		// LIMIT -1 limits nothing, but keeps SQLite from merging the view into the statement: no expression of the
		// caller's is evaluated on a row that the filters hide.
		body += ` WHERE ` + where + ` LIMIT -1`
	}
	return Views{
		Inner:  `CREATE TEMP VIEW ` + sqltext.Quote(inner) + ` AS ` + body,
		Public: `CREATE TEMP VIEW ` + sqltext.Quote(a.Table.Name) + ` AS SELECT * FROM temp.` + sqltext.Quote(inner),
	}, nil
}
