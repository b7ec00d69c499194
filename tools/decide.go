package tools

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/vending"
)

// decide asks the entitlements about every table of the statement, and then the gate. What is granted is cut down to
// the columns it uses.
func (q *question) decide(statement *vending.Statement) ([]entitlements.Access, error) {
	var granted []entitlements.Access
	var closed error
	denied := false
	for _, use := range statement.Tables {
		access, denial := q.policies.Decide(q.call.Principal, use.Table)
		if denial != nil {
			q.record.denied(denial)
			switch {
			case denial.Closed:
				closed = closedFor(q.platform.Engine.Dialect(), denial)
			case q.policies.Unknown != nil && denial.Requestable:
				closed = unknownFor(q.platform.Engine.Dialect().SpellTable(use.Table), q.policies.Unknown)
			default:
				denied = true
			}
			continue
		}
		access.Clear, access.Columns = access.InClear(), use.Of(access.Columns)
		granted = append(granted, access)
		q.record.granted(access)
	}
	for _, use := range statement.Types {
		if !slices.ContainsFunc(use.Tables, q.open) {
			denied = true
			q.record.note("no table that is open to the caller has the type %s", use.Name)
		}
	}
	if denied {
		return nil, &Error{Code: NotPermitted, Message: notThere}
	}
	if closed != nil {
		return nil, closed
	}
	if err := vending.Gate(statement); err != nil {
		for _, f := range statement.Forbidden {
			q.record.note("the gate refuses the %s %s", f.What, f.Name)
		}
		return nil, err
	}
	return granted, nil
}

func (q *question) open(table entitlements.TableName) bool {
	_, denial := q.policies.Decide(q.call.Principal, table)
	return denial == nil
}

const notThere = "the statement names a table that is not there or that you may not read: " +
	"describe_table lists those you can"

// errClosed is the cause of a refusal of a table that is closed to its own callers.
var errClosed = errors.New("the table is closed to its own callers")

// unknownFor is about a table that may be known of and is closed, where what was approved cannot be looked up.
func unknownFor(table string, why error) *Error {
	return &Error{Code: Unavailable, Cause: why, Message: fmt.Sprintf("%s is closed without an approved request, "+
		"and what was approved cannot be looked up now: try again in a moment; what needs no approval can be read",
		table)}
}

// closedFor names what of the file does not fit the table, and nothing of the database.
func closedFor(dialect vending.Dialect, denial *entitlements.Denial) error {
	why := "Deputy may not read it yet"
	if len(denial.Misfits) > 0 {
		why = strings.Join(denial.Misfits, ", ") + " does not fit the database as it is"
	}
	return &Error{Code: Unavailable, Cause: errClosed, Message: fmt.Sprintf(
		"%s is closed for now: %s; Deputy's administrator finds the reason in the log; other tables can be read",
		dialect.SpellTable(denial.Table), why,
	)}
}
