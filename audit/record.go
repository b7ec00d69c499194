package audit

import (
	"slices"
	"time"
)

// Record is one call: who, on whose behalf, what, through which role, and how it ended. It holds no row value, no
// token, no key. Times are UTC. Empty fields are left out, but for those an auditor would miss.
//
// A call that ran a statement has two under one id: the intent has what was known before, the outcome has everything.
// A call that is decided again, because a table changed while its role was made, has an intent for each decision.
type Record struct {
	V     int       `json:"v,omitempty"` // of the format: see Version. Records from before it had a number have none
	ID    string    `json:"id"`          // also in the role's name and in the answer to the caller
	Phase Phase     `json:"phase,omitempty"`
	Time  time.Time `json:"time"`
	// query, describe_table, request_access; test and scan are an administrator's; authenticate, admit, message: no tool
	// was reached; see Approve for the others
	Tool  string `json:"tool"`
	Mode  string `json:"mode"` // on_behalf_of, autonomous; in_person: a human without an agent
	Agent Party  `json:"agent"`
	User  *Party `json:"user,omitempty"` // on whose behalf
	// Actors are all through whom the human's authority came to the agent, as the token names them: the agent itself
	// first.
	Actors []string `json:"actors,omitempty"`
	// Credential is what the agent was proved by: "access token", or "key " and the first 8 hex digits of the key's
	// SHA-256.
	Credential string `json:"credential,omitempty"`
	Client     string `json:"client,omitempty"`
	// Purpose is what the agent said the call is for. It is one of those the configuration defines, and its truth is not
	// verified.
	Purpose string `json:"purpose,omitempty"`
	// PolicyVersion is the configuration that decided: the first 16 hex digits of its SHA-256.
	PolicyVersion string `json:"policy_version,omitempty"`
	// WaitingVersion is that of a newer configuration that was not in force yet: the call got only what both gave.
	WaitingVersion string `json:"waiting_version,omitempty"`

	Platform string `json:"platform,omitempty"`
	SQL      string `json:"sql,omitempty"` // as the caller wrote it, or without its values
	// SQLDigest is the SHA-256 of what the caller wrote, where the text is not to be kept.
	SQLDigest string `json:"sql_sha256,omitempty"`
	// Query is the query of the configuration that the call named. SQL has its statement then.
	Query  *Query  `json:"query,omitempty"`
	Table  string  `json:"table,omitempty"` // describe_table's argument
	Tables []Table `json:"tables,omitempty"`
	Role   *Role   `json:"role,omitempty"` // nil: no role was vended
	Rows   int     `json:"rows"`
	// Truncated: there were more rows than the limits let through.
	Truncated bool          `json:"truncated,omitempty"`
	Duration  time.Duration `json:"duration_ns"`
	Outcome   Outcome       `json:"outcome,omitempty"` // not of an intent
	Code      string        `json:"code,omitempty"`    // of a refusal
	Reasons   []string      `json:"reasons,omitempty"` // which policies denied, what the gate refused

	Request *Request `json:"request,omitempty"` // the access request that the call made, changed or looked at
	// State is how far the state of access requests had come when the call ended. A state that has come less far was
	// restored from a copy.
	State *State `json:"state,omitempty"`
}

// Query is a call of a query by its name.
type Query struct {
	Name       string   `json:"name"`
	Parameters []string `json:"parameters,omitempty"` // those that came with the call, by their names
	// Values are what was bound to the parameters, where values are kept: a text, a list of them, or null.
	Values map[string]any `json:"values,omitempty"`
}

// State is how far a state of access requests has come.
type State struct {
	Sequence int64  `json:"sequence"`        // of its last event
	Event    string `json:"event,omitempty"` // that event's id
}

// Later is the one of two that has come further. Either may be nil.
func (s *State) Later(other *State) *State {
	if s == nil || other != nil && other.Sequence > s.Sequence {
		return other
	}
	return s
}

// Request is an access request as one step left it. The step is the record's tool, who took it the record's user or
// agent; a step that nobody took, because a time was over, has neither.
type Request struct {
	ID       string    `json:"id"`
	Status   string    `json:"status,omitempty"` // empty in an intent
	Agent    string    `json:"agent,omitempty"`  // that asked, for itself if there is no user
	User     string    `json:"user,omitempty"`   // for whom it was asked
	Table    string    `json:"table,omitempty"`
	Columns  []string  `json:"columns,omitempty"`  // to be seen in the clear
	Reason   string    `json:"reason,omitempty"`   // the asker's words
	Note     string    `json:"note,omitempty"`     // the words of whoever decided
	Rules    []string  `json:"rules,omitempty"`    // that covered it
	Duration string    `json:"duration,omitempty"` // asked for, or what an approval was cut down to
	ByRule   string    `json:"by_rule,omitempty"`  // in this step, a rule approved or denied it by itself
	Through  string    `json:"through,omitempty"`  // the only agent that what was approved counts through
	Expires  time.Time `json:"expires,omitzero"`   // of what was approved
}

// The tools of records about access requests, beside request_access.
const (
	Approve = "approve_request"
	Deny    = "deny_request"
	Revoke  = "revoke_request"
	Cancel  = "cancel_request"
	Expire  = "expire_request" // nobody's: a time was over
	Look    = "show_request"   // a person who may decide looked at requests

	// Confirm is a steward's word that what was approved before a restore of the state goes on.
	Confirm = "confirm_request"
	// AcceptRestore is an administrator's word that a state goes on which was restored.
	AcceptRestore = "accept_restore"
	// NoteState is a server's own: it says how far the state has come.
	NoteState = "note_state"
)

// InPerson is the mode of a record about a human who acts without an agent.
const InPerson = "in_person"

// Version is that of the records' format: examples/audit-record.schema.json describes it. A field that is added does
// not change it, one that comes to mean something else does.
const Version = 1

// Authenticate is the tool of a record about a caller whose credential was not accepted. Agent and user are
// there if they were proved all the same, and refused for what the configuration says of them.
const Authenticate = "authenticate"

// Admit is the tool of a record about a caller that a limit turned away before it was known what for.
const Admit = "admit"

// Message is the tool of a record about a message of a proved caller that is no call: it cannot be read, or there is no
// such method.
const Message = "message"

// Phase says which of a call's records it is. Empty: the only one, from before there were two.
type Phase string

// What Phase can be.
const (
	Intent Phase = "intent"  // durable before the statement runs
	Ended  Phase = "outcome" // durable before any row leaves
)

// Party is one identity in a record.
type Party struct {
	ID     string   `json:"id"`
	Issuer string   `json:"issuer,omitempty"`
	Name   string   `json:"name,omitempty"`
	Groups []string `json:"groups,omitempty"`
}

// Table is one table that a call read or wanted to read.
type Table struct {
	Name    string         `json:"name"`
	Via     string         `json:"via,omitempty"` // user, agent, both; empty: denied
	Columns []string       `json:"columns,omitempty"`
	Masked  []MaskedColumn `json:"masked,omitempty"`
	// those in the clear that have tags, or are in the clear in part: see InClear
	Clear   []ClearColumn `json:"clear,omitempty"`
	Filters []string      `json:"filters,omitempty"` // names of the policies
	Grants  []string      `json:"grants,omitempty"`  // names of the policies
	// Requests are the access requests without whose approval this would have been another answer.
	Requests []string `json:"requests,omitempty"`
}

// MaskedColumn is a column that was shown masked, and by which policy.
type MaskedColumn struct {
	Column string `json:"column"`
	Mask   string `json:"mask"`
	Policy string `json:"policy"`
}

// ClearColumn is a column that was shown as it is.
type ClearColumn struct {
	Column string   `json:"column"`
	Tags   []string `json:"tags,omitempty"`
	Partly bool     `json:"partly,omitempty"` // every mask on it is about some rows only: the others showed it
}

// InClear are the columns of the table that were shown as they are, in whole or in part.
func (t Table) InClear() (out []ClearColumn) {
	for _, name := range t.Columns {
		clear := slices.IndexFunc(t.Clear, func(c ClearColumn) bool { return c.Column == name })
		switch {
		case clear >= 0:
			out = append(out, t.Clear[clear])
		case !slices.ContainsFunc(t.Masked, func(m MaskedColumn) bool { return m.Column == name }):
			out = append(out, ClearColumn{Column: name})
		}
	}
	return out
}

// Role is the vended role of a call.
type Role struct {
	Name    string    `json:"name"`
	Vended  time.Time `json:"vended,omitzero"` // zero in an intent
	Revoked time.Time `json:"revoked,omitzero"`
}

// Outcome is how a call ended.
type Outcome string

// What Outcome can be.
const (
	Answered  Outcome = "answered"
	Denied    Outcome = "denied"    // policies or the gate said no
	Failed    Outcome = "failed"    // the statement or the platform failed
	Cancelled Outcome = "cancelled" // the caller went away
	Unknown   Outcome = "unknown"   // the server ended before the call did
)
