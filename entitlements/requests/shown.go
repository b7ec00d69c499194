package requests

import (
	"slices"
	"time"
)

// Handle is what Deputy says of a request to those who may hear of it, whatever else they are told.
type Handle struct {
	ID      string   `json:"request_id,omitempty"`
	Status  Status   `json:"status,omitempty"`
	Table   string   `json:"table,omitempty"`
	Columns []string `json:"columns,omitempty"` // To be seen in the clear; none: the table is asked for.
}

// Handle is the request's.
func (r Request) Handle() Handle { return Handle{r.ID, r.Status, r.Table.String(), r.Columns} }

// Shown is what a steward sees of a request and what a webhook sends of it. Each embeds it and adds its own: a steward
// sees the person who asks, and a webhook names them. Reason is in the words of the asker, or of the agent that spoke
// for them.
type Shown struct {
	Handle
	Agent     string     `json:"agent"` // That asked, for itself if there is no user.
	Platform  string     `json:"platform"`
	Reason    string     `json:"reason"`
	Duration  string     `json:"duration"` // That was asked for.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// LastNote is what the steward who decided last had to say; empty: no steward said anything.
func (r Request) LastNote() string {
	for _, d := range slices.Backward(r.Decisions) {
		if d.Note != "" {
			return d.Note
		}
	}
	return ""
}

// DeniedAfter reports whether the request was denied after a time.
func (r Request) DeniedAfter(then time.Time) bool {
	return r.Status == StatusDenied && slices.ContainsFunc(r.Decisions, func(d Decision) bool {
		return d.Verdict == VerdictDeny && d.Time.After(then)
	})
}

// Usual is for how long the asker gets it who does not say: as long as is usual, and no longer than the rules allow, or
// approve by themselves where they do.
func (q Requirement) Usual(usual time.Duration) time.Duration {
	if q.Approved != "" {
		return min(usual, q.AtMost, q.Unasked)
	}
	return min(usual, q.AtMost)
}

// Shown is what others are shown of the request.
func (r Request) Shown() Shown {
	s := Shown{
		Handle:   r.Handle(),
		Agent:    r.Agent,
		Platform: r.Platform,
		Reason:   r.Reason,
		Duration: Period(r.Wanted).String(),
	}
	if !r.Expires.IsZero() {
		s.ExpiresAt = &r.Expires
	}
	return s
}
