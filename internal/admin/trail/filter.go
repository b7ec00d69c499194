// Package trail is which calls of the audit log an administrator asks for, and whether they are as they were signed.
package trail

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"deputy/audit"
	"deputy/audit/index"
	"deputy/internal/admin"
)

// Outcomes are the words for how calls end.
var Outcomes = []string{
	string(audit.Answered),
	string(audit.Denied),
	string(audit.Failed),
	string(audit.Cancelled),
	string(audit.Unknown),
	string(audit.Begun),
}

// Tools are the names of what is on the record.
var Tools = []string{"query", "describe_table", "request_access", audit.Approve, audit.Deny, audit.Revoke, audit.Cancel,
	audit.Expire, audit.Look, audit.Confirm, audit.AcceptRestore, audit.NoteState, "scan", "test"}

// Select completes a filter with the times, as they are written in a command, and refuses one that cannot be meant.
func Select(f index.Filter, since, until string, now time.Time) (index.Filter, error) {
	if f.Outcome != "" && !slices.Contains(Outcomes, string(f.Outcome)) {
		return f, admin.Usagef("there is no outcome %q: calls end as %s", f.Outcome, strings.Join(Outcomes, ", "))
	}
	var err error
	if f.Since, err = Moment("since", since, now); err != nil {
		return f, err
	}
	if f.Until, err = Moment("until", until, now); err != nil {
		return f, err
	}
	if err := f.Check(); err != nil {
		return f, admin.Usage(err)
	}
	return f, nil
}

// Moment is the time that a flag names.
func Moment(flag, text string, now time.Time) (time.Time, error) {
	at, err := admin.Moment(text, now)
	if err != nil {
		return at, admin.Usage(fmt.Errorf("--%s: %w", flag, err))
	}
	return at, nil
}
