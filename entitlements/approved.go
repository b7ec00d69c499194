package entitlements

import (
	"slices"
	"time"

	"deputy/entitlements/matcher"
	"deputy/identity"
)

// Approval is one more grant on a table, or the exemption from masks on its columns that have an except, for one holder
// and for a while: what an approved request opens.
type Approval struct {
	Request string // The id of the request, which is all that is known of it here.
	For     Holder
	Table   TableName
	Opens   bool     // It is one more grant on the table.
	Columns []string // The columns whose exceptable masks do not apply.
	Through string   // The only agent that it counts through; empty: any.
	Expires time.Time
}

// Holder is whom an approval is for: a human, or an agent that acts on its own.
type Holder struct {
	Agent string           // The agent's name: it is the holder when there is no human.
	User  *identity.Person // The human; nil: the agent acts on its own.
}

// Is reports whether the holder is the caller. A human is one whichever agent carries the question; an agent has only
// what it asked for itself.
func (h Holder) Is(who identity.Principal) bool {
	if h.User == nil || who.User == nil {
		return h.User == nil && who.User == nil && h.Agent == who.Agent.ID
	}
	return h.User.Account(who.User)
}

// CountsFor reports whether the approval is the caller's, now and through this agent.
func (a Approval) CountsFor(who identity.Principal, now time.Time) bool {
	return a.For.Is(who) && now.Before(a.Expires) && (a.Through == "" || a.Through == who.Agent.ID)
}

// With gives the same entitlements with approvals that count: for whom they are for, through the agent they are for,
// and until they end. It is made for one call: what is decided with it is decided as of now. Approvals of an earlier
// With do not count any more. The approvals must not be changed afterwards.
func (e *Entitlements) With(approvals []Approval, now time.Time) *Entitlements {
	if len(approvals) == 0 && e.approved == nil {
		return e
	}
	out := *e
	out.approved, out.now = nil, now
	for _, a := range approvals {
		if !now.Before(a.Expires) {
			continue
		}
		if out.approved == nil {
			out.approved = make(map[TableName][]Approval, len(approvals))
		}
		out.approved[a.Table] = append(out.approved[a.Table], a)
	}
	return &out
}

// Approvals are those that count for one caller on one table.
type Approvals []Approval

// Counting returns the approvals of the table that count for the caller now.
func (e *Entitlements) Counting(who *identity.Principal, name TableName) (out Approvals) {
	for _, a := range e.approved[name] {
		if a.CountsFor(*who, e.now) {
			out = append(out, a)
		}
	}
	return out
}

// Opening is the approval that opens the table the longest; nil: none does.
func (s Approvals) Opening() *Approval {
	return s.longest(func(a *Approval) bool { return a.Opens })
}

// Lifting is the approval that shows the column in the clear the longest, as far as its masks have an except; nil: none
// does.
func (s Approvals) Lifting(column string) *Approval {
	return s.longest(func(a *Approval) bool { return slices.Contains(a.Columns, column) })
}

func (s Approvals) longest(does func(*Approval) bool) (longest *Approval) {
	for i := range s {
		if a := &s[i]; does(a) && (longest == nil || a.Expires.After(longest.Expires)) {
			longest = a
		}
	}
	return longest
}

// restsOn writes down that the access would be another without the approval.
func (a *Access) restsOn(approval *Approval) {
	if a.Until.IsZero() || approval.Expires.Before(a.Until) {
		a.Until = approval.Expires
	}
	if !slices.Contains(a.Requests, approval.Request) {
		a.Requests = append(a.Requests, approval.Request)
		slices.Sort(a.Requests)
	}
}

// Policy is what an approval is called where policies are named. No policy stands for it, so it is not quoted as one.
func (a *Approval) Policy() string { return "request " + a.Request }

// To is whom the approval is for, as a grant would say it.
func (a *Approval) To() *Matcher {
	term := func(word, name string) Matcher { return matcher.Of(Term{Word: word, Name: name}) }
	m := term("agent", a.For.Agent)
	if a.For.User != nil {
		m = term("user", a.For.User.ID)
		if a.Through != "" {
			m = AllOf(m, term("agent", a.Through))
		}
	}
	return &m
}
