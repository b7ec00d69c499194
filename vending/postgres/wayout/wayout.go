// Package wayout says what to do about errors of PostgreSQL's that come of running on views, and which errors those
// are. docs/limits.md has them all.
package wayout

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/lib/pq"

	"deputy/vending/postgres/sqltext"
)

const (
	// Types is about a type of the database's own.
	Types = "types of the database's own cannot be named here: write the value without the cast, " +
		"as in status = 'open', or cast the column to text"
	// FunctionReads is about an error that InFunction knows.
	FunctionReads = "a function that the statement calls, or that a view in it is made with, reads what is not there " +
		"for this call: leave out the columns that it makes, or tell an administrator of Deputy, " +
		"whom deputy check names such views to"

	sampling = "TABLESAMPLE cannot be used here, since tables are read through views: " +
		"use a condition on a key, or ORDER BY random() with LIMIT"
	systemColumns = "system columns (ctid, xmin, tableoid and the like) are not there, " +
		"since tables are read through views: use a key"
)

// missingSystemColumn is what PostgreSQL says of a system column of a view.
var missingSystemColumn = regexp.MustCompile(
	`^column (?:"|.*\.)(?:ctid|tableoid|xmin|xmax|cmin|cmax)"? does not exist$`,
)

// Of is the way out of an error in the text of a statement: PostgreSQL's own hint, or what it does not know. It is
// empty where there is none. The name is the one that the error is about, as the caller wrote it.
func Of(e *pq.Error, name string) string {
	switch {
	case e.Code == "42703" && missingSystemColumn.MatchString(e.Message):
		return systemColumns
	case e.Hint != "":
		return respelled(e.Hint)
	case e.Code == "42704" && strings.HasPrefix(e.Message, "type "):
		return Types
	case e.Code == "42703":
		return meantText(name)
	}
	return bare[string(e.Code)]
}

// similar is a column in PostgreSQL's hint, with its table's name or alias, and quotes around both together.
var similar = regexp.MustCompile(`the column "([^"]+)"`)

// respelled writes the columns in a hint as a statement takes them. A name that cannot be told from its table's is left
// out with the hint: describe_table shows it.
func respelled(hint string) string {
	for _, found := range similar.FindAllStringSubmatch(hint, -1) {
		parts := strings.Split(found[1], ".")
		if len(parts) != 2 {
			return "describe_table shows how columns are spelled"
		}
		name := sqltext.Dialect.Spell(parts[0]) + "." + sqltext.Dialect.Spell(parts[1])
		hint = strings.Replace(hint, found[0], "the column "+name, 1)
	}
	return hint
}

// meantText is about a column that is not there and was written in double quotes, as text is in other databases.
func meantText(name string) string {
	inside, quoted := strings.CutPrefix(strings.TrimSuffix(name, `"`), `"`)
	if !quoted || strings.Contains(inside, `"`) {
		return ""
	}
	return "text is written in single quotes, " + pq.QuoteLiteral(inside)
}

// InFunction reports whether an error was met in a function that the database ran, and not in the statement itself.
func InFunction(err error) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && (strings.HasPrefix(pe.Where, "SQL function ") || strings.HasPrefix(pe.Where, "PL/"))
}

// NotSupported is about what PostgreSQL cannot do with the text of a statement; empty where its own words tell all.
func NotSupported(err error) string {
	var pe *pq.Error
	if errors.As(err, &pe) && strings.HasPrefix(pe.Message, "TABLESAMPLE clause can only be applied") {
		return sampling
	}
	return ""
}

// unplanned are what PostgreSQL says of statements that it understands and cannot plan. These words hold no value; in
// others of the same code it quotes values of rows.
var unplanned = []string{"FULL JOIN is only supported", "could not implement "}

// Unplanned is what PostgreSQL cannot do with a statement that was prepared; empty where its words may hold a value.
func Unplanned(err error) string {
	var pe *pq.Error
	if errors.As(err, &pe) {
		if slices.ContainsFunc(unplanned, func(words string) bool { return strings.HasPrefix(pe.Message, words) }) {
			return strings.TrimSuffix(pe.Message+": "+pe.Detail, ": ")
		}
	}
	return ""
}

// Ungrouped reports whether an error is about a column that GROUP BY does not name. Of a table a primary key stands for
// all its columns; a view has none.
func Ungrouped(err error) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && pe.Code == "42803" && (strings.HasSuffix(pe.Message, ungroupedColumn) ||
		strings.HasPrefix(pe.Message, "subquery uses ungrouped column"))
}

const ungroupedColumn = "must appear in the GROUP BY clause or be used in an aggregate function"
