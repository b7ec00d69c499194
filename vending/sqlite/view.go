package sqlite

import (
	"fmt"
	"strings"

	"deputy/entitlements"
)

// views is what one table of a lease becomes.
type views struct{ inner, public string }

// names are the random names of one session.
type names struct{ file, hash, partial, within, sample string }

// define writes the two views of one table. The inner one is called inner, which nobody can guess. whole are all columns of the table.
func (e *Engine) define(a entitlements.Access, whole []entitlements.Column, inner string, n names) (views, error) {
	var columns []string
	for _, c := range a.Columns {
		columns = append(columns, maskedColumn(c, n)+` AS `+quoteName(c.Name))
	}
	if len(columns) == 0 {
		columns = append(columns, `1 AS "row"`) // rows are only counted, but a view must have a column
	}
	body := `SELECT ` + strings.Join(columns, `, `) + ` FROM ` + quoteName(n.file) + `.` + quoteName(a.Table.Name)
	if len(a.Filters) > 0 {
		where, err := e.where(a.Filters, whole, n)
		if err != nil {
			return views{}, fmt.Errorf("the row filters of %s: %w", a.Table, err)
		}
		// LIMIT -1 limits nothing, but keeps SQLite from merging the view into the statement: no expression of the caller's is
		// evaluated on a row that the filters hide.
		body += ` WHERE ` + where + ` LIMIT -1`
	}
	return views{
		inner:  `CREATE TEMP VIEW ` + quoteName(inner) + ` AS ` + body,
		public: `CREATE TEMP VIEW ` + quoteName(a.Table.Name) + ` AS SELECT * FROM temp.` + quoteName(inner),
	}, nil
}

func maskedColumn(c entitlements.ColumnAccess, n names) string {
	name := quoteName(c.Name)
	if len(c.Masks) == 0 {
		return name
	}
	mask := c.Masks[0].Mask
	if !mask.Fits(c.Kind) {
		return `NULL`
	}
	switch mask.Kind {
	case entitlements.MaskConstant:
		return constant(mask.Constant, c.Kind)
	case entitlements.MaskHash:
		return quoteName(n.hash) + `(CAST(` + name + ` AS TEXT))`
	case entitlements.MaskPartial:
		return fmt.Sprintf(`%s(CAST(%s AS TEXT), %d, %d)`, quoteName(n.partial), name, mask.First, mask.Last)
	}
	return `NULL` // also for masks that this engine does not know
}

// constant is a literal of the column's kind; the mask fits it.
func constant(value string, kind entitlements.Kind) string {
	switch kind {
	case entitlements.Number:
		return `CAST(` + quoteText(value) + ` AS NUMERIC)`
	case entitlements.Boolean:
		return `(` + quoteText(value) + ` = 'true')`
	}
	return quoteText(value)
}
