// Package refusal is the answer to a call that gets no rows: its codes, the words that go with each, and what engines'
// own errors become.
package refusal

import (
	"errors"
	"fmt"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/vending"
)

// Code sorts refusals by what the caller can do about them. Hosts and stewards see it, and records keep it.
type Code string

const (
	// InvalidArgument says that an argument is missing, cannot be read, or names nothing that is there.
	InvalidArgument Code = "invalid_argument"
	// BadRequest says that what was sent is no call that Deputy serves, or that a steward's request cannot be read.
	BadRequest Code = "bad_request"
	// NotPermitted is about a table that is not there or that the caller may not know of, or a step it may not take.
	NotPermitted Code = "not_permitted"
	// InvalidSQL says that the statement does not parse, or names a column that is not there.
	InvalidSQL Code = "invalid_sql"
	// UnsupportedStatement says that the statement is not one read, or uses what the gate refuses.
	UnsupportedStatement Code = "unsupported_statement"
	// AlreadyOpen says that the caller has what it asks for.
	AlreadyOpen Code = "already_open"
	// NoSuchRequest says that there is no such request, or none that the caller has to do with.
	NoSuchRequest Code = "no_such_request"
	// OwnRequest says that a steward may not decide on what they asked for themselves.
	OwnRequest Code = "own_request"
	// NotApprover says that a steward does not decide at this stage, or has decided already.
	NotApprover Code = "not_an_approver"
	// Settled says that the request has ended, because another person was quicker or its time is over.
	Settled Code = "settled"
	// TooLong says that a steward would approve for longer than the rules allow.
	TooLong Code = "too_long"
	// Stopped says that an administrator has stopped the agent or the human, before the call or during it.
	Stopped Code = "stopped"
	// Timeout says that the statement took longer than it may.
	Timeout Code = "timeout"
	// Cancelled says that the caller went away. The record has it; the caller, if it reads on, is told Timeout.
	Cancelled Code = "cancelled"
	// TooBusy says that a limit on calls or on requests that wait is reached.
	TooBusy Code = "too_busy"
	// Unavailable says that Deputy cannot answer now: a platform, the state or the audit log fails, or Deputy has a
	// bug.
	Unavailable Code = "unavailable"
	// Silent says that a platform has taken the call and not answered: it is frozen, or the network swallows its
	// answers.
	Silent Code = "silent"
	// Locked says that another session of the platform holds a lock on a table of the statement.
	Locked Code = "locked"
	// NoConnection says that the platform has no connection left.
	NoConnection Code = "no_connection"
	// TooExpensive says that the statement needs more of the platform, such as temporary files, than one may have.
	TooExpensive Code = "too_expensive"
	// DiskFull says that the platform has no room left on its disk.
	DiskFull Code = "disk_full"
)

// Error is why a call has no answer. Message and Hint are for the caller and hold nothing that is hidden from it;
// Cause is for the operator's log and leaves the process nowhere else.
type Error struct {
	Code    Code
	Message string
	Hint    string // What to do next. When it is empty, the hint is the one of the code.
	Cause   error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.Cause }

// Refusal is an answer too: a sentence for the model, and what to do next. Nothing in it is hidden from the caller.
type Refusal struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	AuditID string `json:"audit_id"`
	Hint    string `json:"hint"`
}

func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Message }

// ofEngines translates what engines answer. It is the one place that knows both vocabularies.
var ofEngines = map[vending.Code]Code{
	vending.NotPermitted: NotPermitted,
	vending.InvalidSQL:   InvalidSQL,
	vending.Unsupported:  UnsupportedStatement,
	vending.Timeout:      Timeout,
	vending.Cancelled:    Cancelled,
	vending.TooBusy:      TooBusy,
	vending.Unavailable:  Unavailable,
	vending.Silent:       Silent,
	vending.Locked:       Locked,
	vending.NoConnection: NoConnection,
	vending.TooExpensive: TooExpensive,
	vending.DiskFull:     DiskFull,
}

// CannotAnswer is what is said of a fault that the caller cannot mend.
const CannotAnswer = "Deputy cannot answer now: its administrator finds the reason in the log"

// Of is the outermost error in err that has words for the caller. What it wraps is the cause, for the log alone.
func Of(err error) *Error {
	own, isOwn := errors.AsType[*Error](err)
	engines, isEngines := errors.AsType[*vending.Error](err)
	if isEngines && !(isOwn && errors.Is(own, engines)) {
		code, known := ofEngines[engines.Code]
		if !known { // a test holds that there is none
			return &Error{Code: Unavailable, Message: CannotAnswer, Cause: err}
		}
		return &Error{Code: code, Message: engines.Message, Cause: engines.Cause}
	}
	if isOwn {
		return own
	}
	if errors.Is(err, requests.ErrOut) {
		return &Error{
			Code:    Unavailable,
			Message: "access requests cannot be looked up or decided now: try again later",
			Cause:   err,
		}
	}
	return &Error{Code: Unavailable, Message: CannotAnswer, Cause: err}
}

// Hints say what to do next, where the error does not know better. Only those of codes that are about a statement
// speak of one.
var Hints = map[Code]string{
	InvalidArgument: "correct the arguments and send the call again; the tool's schema says what each of them may be",
	BadRequest:      "send only what the server lists, as its schema says",
	NotPermitted: "call describe_table without a table to see what you can read; " +
		"ask an administrator of Deputy for anything else",
	InvalidSQL:           "correct the statement and try again; describe_table shows names and types",
	UnsupportedStatement: "leave out what cannot be used: send one SELECT, VALUES or WITH that only computes and reads",
	AlreadyOpen:          "read it with the tool query: nothing has to be asked for",
	NoSuchRequest:        "call request_access without arguments to see your open requests",
	OwnRequest:           "another person has to decide on it",
	NotApprover:          "the request says who has to approve it",
	Settled:              "look at the request again: nothing is left to do about it",
	TooLong:              "approve for a shorter time",
	Stopped:              "do not try again: tell the human that an administrator of Deputy has stopped this",
	Timeout:              "try again in a moment",
	TooBusy:              "wait a moment and try again",
	Unavailable:          "try again later; tell an administrator of Deputy the audit_id if it goes on",
	Silent:               "try again in a minute; tell an administrator of Deputy the audit_id if it goes on",
	Locked:               "try again in a moment, or read another table meanwhile",
	NoConnection:         "wait a moment and try again",
	TooExpensive:         "ask for less: add a condition, sort or join fewer rows, or aggregate",
	DiskFull:             "tell an administrator of Deputy the audit_id; what sorts and joins less may work meanwhile",
}

// Outcome is how a call that was refused has ended, as records say it.
func Outcome(c Code) audit.Outcome {
	switch c {
	case NotPermitted, UnsupportedStatement, NoSuchRequest, OwnRequest, NotApprover, TooLong:
		return audit.Denied
	case Cancelled, Stopped:
		return audit.Cancelled
	}
	return audit.Failed
}
