package entitlements

import (
	"slices"
	"time"

	"deputy/identity"
)

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

// Covered leaves of the approvals those that count as the rules are now: those of which rules cover all. What an
// administrator takes out of the rules cannot be asked for any more, and what was approved by them ends with the very
// next call. If a rule covers it again before its time is over, it counts again. Everything else that changes in rules
// is about what will be decided: an approval stays what it was until it ends or is revoked.
func (e *Entitlements) Covered(approvals []Approval) (out []Approval) {
	for _, a := range approvals {
		if _, err := e.Required(Request{Table: a.Table, Columns: a.Columns, Opens: a.Opens}); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// standing are the approvals that count for one caller on one table.
type Approvals []Approval

func (e *Entitlements) Counting(who *identity.Principal, name TableName) (out Approvals) {
	for _, a := range e.approved[name] {
		if a.CountsFor(*who, e.now) {
			out = append(out, a)
		}
	}
	return out
}

// opens is the approval that opens the table the longest; nil: none does.
func (s Approvals) Opening() *Approval {
	return s.longest(func(a *Approval) bool { return a.Opens })
}

// lifts is the approval that shows the column in the clear the longest, as far as its masks have an except; nil: none
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

// policy is what an approval is called where policies are named. No policy stands for it, so it is not quoted as one.
func (a *Approval) Policy() string { return "request " + a.Request }

// to is whom the approval is for, as a grant would say it.
func (a *Approval) To() *Matcher {
	term := func(word, name string) Matcher { return Matcher{term: Term{Word: word, Name: name}} }
	m := term("agent", a.Asker.Agent)
	if a.Asker.User != nil {
		m = term("user", a.Asker.User.ID)
		if a.Through != "" {
			m = Matcher{all: []Matcher{m, term("agent", a.Through)}}
		}
	}
	return &m
}
