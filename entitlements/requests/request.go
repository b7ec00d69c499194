package requests

import (
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/identity"
)

// Request is what somebody asked for: a table, or some of its columns in the clear, for a while. It is a value: each
// step makes another one out of it (see Approve, Deny, Revoke, Cancel and At), and whoever keeps requests keeps the
// last.
//
// It marshals itself, as it is stored: see MarshalJSON. A field that is added here is stored with it, and shown where
// Shown has it.
type Request struct {
	ID string `json:"id"` // It is random: the asker's handle on the request.
	Asker
	Platform string `json:"platform"`
	Table
	Columns []string          `json:"columns,omitempty"` // To be seen in the clear, sorted; none: the table is asked for.
	Opens   bool              `json:"opens"`             // The table was closed to the asker, so that approving opens it.
	Reason  string            `json:"reason"`            // The asker's own words.
	Answers map[string]string `json:"answers,omitempty"`
	Wanted  Duration          `json:"wanted"` // For how long it is asked for.
	Created time.Time         `json:"created"`
	Lapses  time.Time         `json:"lapses"` // When it ends if no steward has answered.

	Status    Status     `json:"status"`
	Decisions []Decision `json:"decisions,omitempty"` // In their order.
	Began     time.Time  `json:"began,omitzero"`      // Of what was approved; zero: nothing was.
	// The end of what was approved: from then on it is as if it had not been.
	Expires time.Time `json:"expires,omitzero"`
	// Through is the only agent that what was approved can be used through; empty: any.
	Through string `json:"through,omitempty"`
	// Version counts the steps. Whoever keeps requests replaces version n by version n+1 and by nothing else.
	Version int `json:"version"`
	// Held says that the request was approved before its state was restored, and that no steward has confirmed it since:
	// it opens nothing. It stands beside the text that is stored.
	Held bool `json:"-"`
}

// Table names the table that is asked for.
type Table = entitlements.TableName

// String names the request and says nothing of what is in it.
func (r Request) String() string { return "request " + r.ID }

// Status is where a request stands.
type Status string

// Where a request can stand. All but the first two are ends.
const (
	StatusPending   Status = "pending"
	StatusApproved  Status = "approved"
	StatusDenied    Status = "denied"
	StatusExpired   Status = "expired" // nobody answered in time, or the time that was approved is over
	StatusRevoked   Status = "revoked"
	StatusCancelled Status = "cancelled"
)

// Statuses are all that there are.
var Statuses = []Status{StatusPending, StatusApproved, StatusDenied, StatusExpired, StatusRevoked, StatusCancelled}

// Asker is whom the request is for: the human, or an agent that acts on its own.
type Asker struct {
	// Agent is the name of the agent that carried it: the asker itself when there is no human.
	Agent string `json:"agent,omitempty"`
	// Owner is that of the agent, as the configuration has it: a user's id or e-mail address.
	Owner string           `json:"owner,omitempty"`
	User  *identity.Person `json:"user,omitempty"` // Nil: an agent asks for itself.
	// Groups and Attributes are those that the asker had when they asked, for stewards to see what it would be about.
	// Calls are decided by those of the call.
	Groups     []string            `json:"groups,omitempty"`
	Attributes map[string][]string `json:"attributes,omitempty"`
}

// AskerOf is what is remembered of who calls.
func AskerOf(who identity.Principal) Asker {
	judged := who.Judged()
	a := Asker{Agent: who.Agent.ID, Owner: who.Agent.Owner, Groups: judged.Groups, Attributes: judged.Attributes}
	if who.User != nil {
		p := who.User.Person()
		a.User = &p
	}
	return a
}

// Holder is whom an approval of the asker's request is for.
func (a Asker) Holder() entitlements.Holder { return entitlements.Holder{Agent: a.Agent, User: a.User} }

// Is reports whether a request of this asker is the caller's own: see entitlements.Holder.Is.
func (a Asker) Is(who identity.Principal) bool { return a.Holder().Is(who) }

// Own reports whether a request of this asker is the person's own: they asked, or own the agent that carried the
// question. Nobody decides on their own.
func (a Asker) Own(p identity.Person) bool {
	return a.User != nil && a.User.Same(p) || p.Named(a.Owner)
}

// Key is one string per asker, for whoever keeps requests by it.
func (a Asker) Key() string {
	if a.User == nil {
		return "agent\x00" + a.Agent
	}
	key := "user\x00" + a.User.Issuer + "\x00" + a.User.Subject
	if a.User.Subject == "" {
		key += "\x00" + a.User.ID
	}
	return key
}

// Verdict is what a decision did.
type Verdict string

// What a decision can do.
const (
	VerdictApprove Verdict = "approve"
	VerdictDeny    Verdict = "deny"
	VerdictRevoke  Verdict = "revoke"
	VerdictCancel  Verdict = "cancel"
)

// VerdictConfirm lets go on what is held after a restore. No decision has it.
const VerdictConfirm Verdict = "confirm"

// Decision is one step that somebody, or a rule, took.
type Decision struct {
	ID      string           `json:"id"` // of the audit record
	Time    time.Time        `json:"time"`
	By      *identity.Person `json:"by,omitempty"` // nil: a rule
	Verdict Verdict          `json:"verdict"`
	Rule    string           `json:"rule,omitempty"`   // the rule that it counts for
	Stage   int              `json:"stage,omitempty"`  // of the rule, from 1; 0: a rule decided
	Counts  []string         `json:"counts,omitempty"` // of the stage's approvers, those that the person is one of
	Note    string           `json:"note,omitempty"`
	For     Duration         `json:"for,omitempty"` // approved for so long at most
}

// Duration is a time.Duration that is written as 8h in JSON.
type Duration time.Duration

// MarshalText writes the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what Go writes.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// At is the request as it stands at a time: what nobody answered and what was approved come to an end by themselves.
func (r Request) At(now time.Time) Request {
	if r.Status == StatusPending && !now.Before(r.Lapses) || r.Status == StatusApproved && !now.Before(r.Expires) {
		r.Status = StatusExpired
	}
	return r
}

// Open reports whether the request still does or may do something.
func (r Request) Open() bool { return r.Status == StatusPending || r.Status == StatusApproved }

// Subject is one string for what is asked for, for whoever keeps requests by it: one asker has one open request per
// subject.
func (r Request) Subject() string {
	return strings.Join(append([]string{r.Platform, r.Table.Schema, r.Table.Name}, r.Columns...), "\x00")
}

// Approval is what the request opens at a time; not ok: nothing.
func (r Request) Approval(now time.Time) (a entitlements.Approval, ok bool) {
	if r.At(now).Status != StatusApproved || now.Before(r.Began) || r.Held {
		return entitlements.Approval{}, false
	}
	return entitlements.Approval{
		Request: r.ID,
		For:     r.Asker.Holder(),
		Table:   r.Table,
		Opens:   r.Opens,
		Columns: r.Columns,
		Through: r.Through,
		Expires: r.Expires,
	}, true
}
