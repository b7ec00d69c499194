package requests

import "time"

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
