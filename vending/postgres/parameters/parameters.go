// Package parameters gives the parameters of an administrator's statement their place in PostgreSQL's texts, and their
// values their form there.
//
// A statement with parameters has two texts. In the one that is analysed, as a view, CAST(NULL AS type) stands for each
// parameter; in the one that is run, CAST($1 AS type). What PostgreSQL looks up for an expression depends on its type
// alone, so both mean the same, and no value has a say in it. lib/pq leaves the types of parameters to the database,
// which takes them from the casts.
package parameters

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"deputy/vending"
	"deputy/vending/postgres/sqltext"
)

// typesOf are what parameters of each kind are to PostgreSQL. They are named with their schema: a caller's path cannot
// give the names another meaning.
var typesOf = map[vending.Kind]string{
	vending.Text:      "pg_catalog.text",
	vending.Integer:   "pg_catalog.int8",
	vending.Number:    "pg_catalog.numeric",
	vending.Boolean:   "pg_catalog.bool",
	vending.Date:      "pg_catalog.date",
	vending.Timestamp: "pg_catalog.timestamptz",
}

func typeOf(p vending.Parameter) string {
	if p.List {
		return typesOf[p.Kind] + "[]"
	}
	return typesOf[p.Kind]
}

// AsNull is the text of a statement that is analysed.
func AsNull(sql string, parameters []vending.Parameter) string {
	return place(sql, parameters, func(int) string { return "NULL" })
}

// AsBound is the text of a statement that is run.
func AsBound(sql string, parameters []vending.Parameter) string {
	return place(sql, parameters, func(i int) string { return fmt.Sprintf("$%d", i+1) })
}

func place(sql string, parameters []vending.Parameter, value func(int) string) string {
	if len(parameters) == 0 {
		return sql
	}
	return sqltext.Dialect.Place(sql, func(name string) (string, bool) {
		for i, p := range parameters {
			if p.Name == name {
				return "CAST(" + value(i) + " AS " + typeOf(p) + ")", true
			}
		}
		return "", false
	})
}

// Prepare prepares the text that is run, in the world of the analysis: PostgreSQL tells two parameters of a type apart,
// and not two casts of NULL. The statement has to have exactly the parameters, else the error is ErrOther; any other
// error is the database's.
func Prepare(ctx context.Context, conn *sql.Conn, text string, parameters []vending.Parameter) error {
	if len(parameters) == 0 {
		return nil
	}
	return conn.Raw(func(conn any) error {
		prepared, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		return Check(prepared, len(parameters))
	})
}

// Check refuses a prepared statement that has another number of parameters than are declared. Where each has its place
// in the text, it has exactly those.
func Check(prepared driver.Stmt, declared int) error {
	if prepared.NumInput() != declared {
		return ErrOther
	}
	return nil
}

// ErrOther is for a statement of an administrator's that has other parameters than are declared: one stands where
// the database sees none, such as in a string, or nowhere.
var ErrOther = &vending.Error{
	Code: vending.InvalidSQL, Message: "the statement does not have the parameters that are declared for it",
}

// Values are the arguments as lib/pq sends them: texts, of which the database makes values of the types in the casts.
func Values(arguments []vending.Argument) (out []driver.NamedValue) {
	for i, a := range arguments {
		v := driver.NamedValue{Ordinal: i + 1}
		switch {
		case a.Null:
		case a.List:
			v.Value = arrayOf(a.Values)
		default:
			v.Value = a.Values[0]
		}
		out = append(out, v)
	}
	return out
}

var inArray = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// arrayOf is an array in PostgreSQL's own words. In quotes, no element is NULL or an array of its own.
func arrayOf(elements []string) string {
	quoted := make([]string, len(elements))
	for i, e := range elements {
		quoted[i] = `"` + inArray.Replace(e) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
