// Package view writes a decision about one table as the query of the view that stands for it: the masks of its columns
// and the filters of its rows, in PostgreSQL's words.
package view

import (
	"deputy/entitlements"
	"deputy/vending/postgres/sqltext"
)

// Query is the one place where a decision becomes SQL. Filters see raw values, everything outside the view sees
// masked ones.
func Query(a entitlements.Access) string {
	q := "SELECT "
	for i, c := range a.Columns { // none, if rows are only counted: any other column would be joined by a NATURAL JOIN
		if i > 0 {
			q += ", "
		}
		q += maskedColumn(a.Table, c) + " AS " + sqltext.Quote(c.Shown())
	}
	q += " FROM " + sqltext.Dialect.QuoteTable(a.Table)
	for i, f := range a.Filters {
		if i == 0 {
			q += " WHERE "
		} else {
			q += " AND "
		}
		q += "(" + rowCondition(f, a.Table) + ")"
	}
	return q
}
