package tools

import "deputy/tools/refusal"

// Why a call has no answer: see package refusal.
type (
	Code    = refusal.Code
	Error   = refusal.Error
	Refusal = refusal.Refusal
)

// The codes: see package refusal.
const (
	InvalidArgument, BadRequest, NotPermitted     = refusal.InvalidArgument, refusal.BadRequest, refusal.NotPermitted
	InvalidSQL, UnsupportedStatement, AlreadyOpen = refusal.InvalidSQL, refusal.UnsupportedStatement, refusal.AlreadyOpen
	NoSuchRequest, OwnRequest, NotApprover        = refusal.NoSuchRequest, refusal.OwnRequest, refusal.NotApprover
	Settled, TooLong, Stopped                     = refusal.Settled, refusal.TooLong, refusal.Stopped
	Timeout, Cancelled, TooBusy                   = refusal.Timeout, refusal.Cancelled, refusal.TooBusy
	Unavailable, Silent, Locked                   = refusal.Unavailable, refusal.Silent, refusal.Locked
	NoConnection, TooExpensive, DiskFull          = refusal.NoConnection, refusal.TooExpensive, refusal.DiskFull
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
