package tools

import "deputy/tools/refusal"

// Code sorts refusals by what the caller can do about them.
type Code = refusal.Code

// Error is why a call has no answer.
type Error = refusal.Error

// Refusal is an answer too: a sentence for the model, and what to do next.
type Refusal = refusal.Refusal

// The codes: see package refusal.
const (
	InvalidArgument      = refusal.InvalidArgument
	BadRequest           = refusal.BadRequest
	NotPermitted         = refusal.NotPermitted
	InvalidSQL           = refusal.InvalidSQL
	UnsupportedStatement = refusal.UnsupportedStatement
	AlreadyOpen          = refusal.AlreadyOpen
	NoSuchRequest        = refusal.NoSuchRequest
	OwnRequest           = refusal.OwnRequest
	NotApprover          = refusal.NotApprover
	Settled              = refusal.Settled
	TooLong              = refusal.TooLong
	Stopped              = refusal.Stopped
	Timeout              = refusal.Timeout
	Cancelled            = refusal.Cancelled
	TooBusy              = refusal.TooBusy
	Unavailable          = refusal.Unavailable
	Silent               = refusal.Silent
	Locked               = refusal.Locked
	NoConnection         = refusal.NoConnection
	TooExpensive         = refusal.TooExpensive
	DiskFull             = refusal.DiskFull
)

func asError(err error) *Error { return refusal.Of(err) }

// inPlace is the error as it fits the call. A statement's fault without a statement is a fault of the engine's, and
// the caller cannot mend it.
func (r *record) inPlace(why *Error) *Error {
	if (why.Code == InvalidSQL || why.Code == UnsupportedStatement) && !r.statement() {
		return &Error{Code: Unavailable, Message: refusal.CannotAnswer, Cause: why}
	}
	return why
}

// statement reports whether the caller has sent one.
func (r *record) statement() bool { return r.SQL+r.SQLDigest != "" || r.Tool == "query" }

func newRefusal(why *Error, r *record) *Refusal {
	code := why.Code
	if code == Cancelled { // the caller has gone; those who read on all the same know no such code
		code = Timeout
	}
	hint := why.Hint
	if hint == "" && code == Timeout && r.statement() {
		hint = "ask for fewer rows, add a condition or aggregate"
	}
	if hint == "" {
		hint = refusal.Hints[code]
	}
	return &Refusal{Code: code, Message: why.Message, AuditID: r.ID, Hint: hint}
}
