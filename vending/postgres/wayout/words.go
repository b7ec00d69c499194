package wayout

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/lib/pq"

	"deputy/vending/postgres/sqltext"
)

const (
	notTaken = "parameters as ?, $1 or :name are not taken: write the value itself into the statement"
	backtick = `names are quoted with ", as in "name", and not with a backtick`
)

// Place says where in the caller's statement a syntax error is. It is empty for any other error.
func Place(err error, position int) string {
	if state(err) != "42601" || position == 0 {
		return ""
	}
	return fmt.Sprintf(" at character %d", position)
}

// wantsValue is the end of a statement that a value is to follow. PostgreSQL takes a ? there for an operator.
var wantsValue = regexp.MustCompile(`(?:[=<>(,]|\b(?i:LIMIT|OFFSET|LIKE|AND|OR))\s*$`)

// Foreign is the way out of a syntax error that comes of what a statement has of other databases' dialects, outside of
// its strings. It is empty for any other error.
func Foreign(err error, statement string) string {
	if state(err) != "42601" {
		return ""
	}
	if len(sqltext.Dialect.Placeholders(statement)) > 0 {
		return notTaken
	}
	for _, w := range sqltext.Dialect.Words(statement) {
		switch {
		case strings.Contains(w.Operator, "`"):
			return backtick
		case w.Operator == "?" && wantsValue.MatchString(statement[:w.Start]), strings.HasSuffix(w.Operator, "=?"):
			return notTaken
		}
	}
	return ""
}

// InFrom reports whether an error is about what stands in front of a column's dot and is no table of FROM. Whether
// there is such a table elsewhere is nothing to it, and PostgreSQL's hint names tables of the statement alone.
func InFrom(err error) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && pe.Code == "42P01" && pe.Routine == "errorMissingRTE"
}

// Unread reports whether PostgreSQL could not read the statement itself. In a string that a type reads a name from it
// says the same, with what it was reading.
func Unread(err error) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && pe.Routine == "scanner_yyerror" && pe.Where == ""
}

// fits are the ways out of errors about values, by SQLSTATE. None of them repeats a value.
var fits = map[string]string{
	"22012": "division by zero: divide by NULLIF(…, 0)",
	"22P02": "a text is not of the type that it is compared with or cast to",
	"22007": "a text is not a date or time: write dates as '2026-11-30'",
	"22008": "a date or time is out of range",
	"22003": "a number is out of its type's range: cast to numeric",
}

// Value says what is wrong with a value, and where in the caller's statement it is written, if it is. The kind is what
// PostgreSQL calls such errors.
func Value(err error, kind string, position int) string {
	text := "a value does not fit: " + cmp.Or(fits[state(err)], kind)
	if position > 0 {
		text += fmt.Sprintf(" (at character %d)", position)
	}
	return text
}

// Failed says what is wrong with a statement that was read, by PostgreSQL's own word for the kind.
func Failed(err error, kind string) string {
	if state(err) == "21000" {
		return "a subquery that stands for one value gives several rows: aggregate it, add LIMIT 1, or use IN"
	}
	return "the statement failed: " + kind
}

// bare are errors whose own words do not say what to do, by SQLSTATE.
var bare = map[string]string{
	"42702": "put the table, or its alias, and a dot in front of it",
	"42P01": "name what stands in FROM, by its alias where it has one",
}

func state(err error) string {
	var pe *pq.Error
	if errors.As(err, &pe) {
		return string(pe.Code)
	}
	return ""
}

// names are the types that PostgreSQL reads from names of what a database has.
var names = []string{
	"regclass", "regproc", "regprocedure", "regtype", "regrole", "regnamespace", "regoper", "regoperator",
}

// OfType is the way out of a type that is refused; empty: there is none.
func OfType(name string) string {
	if slices.Contains(names, name) {
		return "describe_table shows which tables and columns there are"
	}
	return ""
}
