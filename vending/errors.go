package vending

import (
	"errors"
	"fmt"
)

// Code sorts errors by what the caller can do about them. They are the codes of the tools' refusals.
type Code string

// What Code can be.
const (
	NotPermitted Code = "not_permitted"         // a table that is not there or that this caller may not know of
	InvalidSQL   Code = "invalid_sql"           // the text does not parse, or names a column that is not there
	Unsupported  Code = "unsupported_statement" // not one read, or it uses what the gate refuses
	Timeout      Code = "timeout"
	Cancelled    Code = "cancelled" // by the caller; nobody is there to read it, the record says it
	TooBusy      Code = "too_busy"
	Unavailable  Code = "unavailable" // the platform cannot be reached, or is not set up

	Silent       Code = "silent"        // the platform took the call and has not answered
	Locked       Code = "locked"        // another session holds a lock that the statement needs
	NoConnection Code = "no_connection" // the platform's own connections are used up
	TooExpensive Code = "too_expensive" // the statement needs more than the platform gives to one
	DiskFull     Code = "disk_full"     // the platform has no room left on its disk
)

// LockedMessage is what a caller is told of a lock. It does not say on which table: the statement may name others.
const LockedMessage = "another session holds a lock on a table of the statement: try again in a moment"

// Error is what an engine answers when a statement gives no rows. Message is a sentence for the model and holds
// nothing that the lease did not show; Cause is for the operator's log and must never leave the process otherwise.
type Error struct {
	Code     Code
	Message  string
	Position int // 1-based character in the caller's text, 0 when unknown
	Cause    error
}

// ErrChanged is the cause of an error of Run or AnalyzeFor when a table is not what the lease was decided for any more.
// Nothing of the caller's has run: whoever decides anew, over the catalog that the engine has by then, may try again.
var ErrChanged = errors.New("a table has changed since the statement was understood")

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.Cause }
