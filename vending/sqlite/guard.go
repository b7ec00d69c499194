package sqlite

import (
	"github.com/ncruces/go-sqlite3"

	"deputy/vending/sqlite/sqltext"
)

// guard is the authorizer of one session, and its lock: SQLite asks it, while preparing the caller's statement, about
// every table, column and function in it and in the views it uses. Names in it are folded.
//
// SQLite says as whose part it asks: the last argument, here within, is the innermost view. But a common table
// expression passes for a view there. This is why only names that cannot be guessed, those of the inner views, give
// rights.
//
// SQLite does not ask about columns that only USING or NATURAL JOIN name: checkProgram is the other lock.
type guard struct {
	file    string          // what the attached file is called in this session
	granted map[string]bool // tables of the lease, which are also the names of the public views
	inner   map[string]bool // random names of the inner views
	masks   map[string]bool // the random name of the mask function

	acts bool // set when the statement would do something else than read
}

func (g *guard) authorize(
	action sqlite3.AuthorizerActionCode,
	third, fourth, schema, within string,
) sqlite3.AuthorizerReturnCode {
	switch action {
	case sqlite3.AUTH_SELECT, sqlite3.AUTH_RECURSIVE:
		return sqlite3.AUTH_OK
	case sqlite3.AUTH_FUNCTION:
		if name := sqltext.Fold(fourth); functions[name] || g.masks[name] && g.inner[within] {
			return sqlite3.AUTH_OK
		}
	case sqlite3.AUTH_READ:
		if g.mayRead(sqltext.Fold(third), fourth, schema, within) {
			return sqlite3.AUTH_OK
		}
	default:
		g.acts = true
	}
	return sqlite3.AUTH_DENY
}

func (g *guard) mayRead(table, column, schema, within string) bool {
	if isCatalog(table) {
		return false
	}
	switch schema {
	case g.file:
		// SQLite asks once more, on behalf of no view and for no column, when it has merged an inner view into the
		// statement.
		return g.inner[within] || column == "" && g.granted[table]
	case "temp":
		return g.granted[table] || g.inner[table]
	case "main":
		return tableFunctions[table]
	case "":
		// Asked for a name of which no column is used (count(*)): a public or inner view, or a common table expression.
		// It cannot be a table of the file: see hide.
		return column == ""
	}
	return false
}
