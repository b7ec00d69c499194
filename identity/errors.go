package identity

import (
	"errors"
	"fmt"
)

// Code sorts refusals by what the caller can do about them.
type Code string

// The codes, each with the HTTP status that it becomes.
const (
	// Missing: there is no credential. The caller gets one (HTTP 401).
	Missing Code = "missing"
	// InvalidToken: the credential is not believed. The caller gets another one (HTTP 401).
	InvalidToken Code = "invalid_token"
	// InvalidProof: the proof is not believed, whatever the token is. The caller makes another one (HTTP 401).
	InvalidProof Code = "invalid_dpop_proof"
	// InsufficientAccess: the caller is believed and may not do this. Another credential does not help (HTTP 403).
	InsufficientAccess Code = "insufficient_access"
	// InsufficientScope: the token is believed and limited to something else. The caller needs one with the scope
	// (HTTP 403).
	InsufficientScope Code = "insufficient_scope"
	// Unavailable: the credential cannot be verified now. The caller tries again later (HTTP 503).
	Unavailable Code = "unavailable"
)

// ErrStopped is the cause of a refusal that no other credential helps against: an administrator has stopped the agent
// or the human, in the configuration or by the list of stops, or has left that list in a state in which everything is
// stopped.
var ErrStopped = errors.New("stopped by an administrator")

// AuthError says why a call is nobody's. Message is safe to show: it is one of a fixed set of sentences, in which only
// the names of registered agents vary. Cause is for the operator's log; it holds nothing of a token either.
type AuthError struct {
	Code    Code
	Message string
	Cause   error
	// Who is what was proved before the call was refused; nil: nothing was. It is for the record and gives no access.
	Who *Principal
	// Client is the client of a believed token where that is no registered agent. It is for the record and the log.
	Client string
}

// of says who it was that is refused.
func (e *AuthError) of(p Principal) *AuthError {
	e.Who = &p
	return e
}

func (e *AuthError) Error() string {
	text := fmt.Sprintf("%s: %s", e.Code, e.Message)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *AuthError) Unwrap() error { return e.Cause }

// UnknownClient is the client of a believed token where that is no registered agent, for the log; empty: it is another
// error.
func UnknownClient(err error) string {
	if why, ok := errors.AsType[*AuthError](err); ok {
		return why.Client
	}
	return ""
}

func invalid(message string) *AuthError { return &AuthError{Code: InvalidToken, Message: message} }

func insufficient(format string, args ...any) *AuthError {
	return &AuthError{Code: InsufficientAccess, Message: fmt.Sprintf(format, args...)}
}
