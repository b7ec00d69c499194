package tools

import (
	"fmt"
	"maps"
	"slices"
)

// declare puts the purpose of a call into its principal, for the policies to judge and the record to keep. The purpose
// is the agent's own word: nobody verifies it. Only those that the configuration defines can be declared, so that a
// policy cannot be met by a word that nobody meant, and nothing else of the caller's gets into the record as if it were
// one.
func (t *Tools) declare(call Call, purpose string) (Call, error) {
	call.Principal.Purpose = ""
	if purpose == "" {
		return call, nil
	}
	if len(t.config.Purposes) == 0 {
		return call, &Error{Code: InvalidArgument, Message: "there is no argument purpose: leave it out", Hint: purposeHint}
	}
	if _, known := t.config.Purposes[purpose]; !known {
		names := slices.Sorted(maps.Keys(t.config.Purposes))
		return call, &Error{
			Code:    InvalidArgument,
			Message: fmt.Sprintf("there is no such purpose: it may be one of %q, or left out", names),
			Hint:    purposeHint,
		}
	}
	call.Principal.Purpose = purpose
	return call, nil
}

const purposeHint = "send the call again with a purpose that the tool lists, if one is true, or without any"

// undeclared keeps what a caller said of its purpose where nobody takes it for one.
func (r *record) undeclared(purpose string, why error) error {
	r.Reasons = append(r.Reasons, fmt.Sprintf("no purpose is called %.64q", recordable(purpose)))
	return why
}
