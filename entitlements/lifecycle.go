package entitlements

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"deputy/identity"
)

// Why a request does not take a step. The sentences may be shown to whoever wanted it.
var (
	ErrOwnRequest  = errors.New("nobody decides on their own request, nor on what an agent of theirs asked for")
	ErrNotApprover = errors.New("you are not among those who decide on this request")
	ErrTwice       = errors.New("you have approved this request already: somebody else has to as well")
	ErrSettled     = errors.New("the request is not open any more")
	ErrNotInForce  = errors.New("the request is not approved, so there is nothing to revoke")
	ErrTooLong     = errors.New("that is longer than the rules allow")
)

// Requirement is what the rules ask before a request is approved. Every rule that covers the request has its say: all their stages
// have to agree, and the shortest of their times is the longest.
type Requirement struct {
	Rules     []string // names of the rules that cover the request, sorted
	Stages    []Stage  // in their order
	AtMost    time.Duration
	Questions []Question
	// OnlyThrough: what is approved counts only through the agent that asked.
	OnlyThrough bool
	Denied      string        // the rule that says no by itself; empty: none does
	Approved    string        // a rule that says yes by itself, where all do; empty: people decide
	Unasked     time.Duration // how long at most rules approve by themselves
}

// Question is one more thing that whoever asks has to say.
type Question struct {
	Name string // in the answers
	Ask  string // in words
}

// Stage is a group of people of whom some have to approve.
type Stage struct {
	Rule      string
	Number    int // within its rule, from 1
	Approvers []*Matcher
	Need      int  // so many different people who match any of the approvers
	Every     bool // instead: for each of the approvers a different person
}

// counts names the approvers of the stage that the person is one of.
func (s Stage) counts(by identity.User) (out []string) {
	alone := identity.Principal{User: &by}
	for _, m := range s.Approvers {
		if m.holds(&by.Identity, &alone) {
			out = append(out, m.String())
		}
	}
	return out
}

// met reports whether the approvals that count for the stage are enough.
func (s Stage) met(all []Decision) bool {
	var people []Decision
	for _, d := range all {
		if d.Verdict == VerdictApprove && d.Rule == s.Rule && d.Stage == s.Number && d.By != nil {
			people = append(people, d)
		}
	}
	if !s.Every {
		for i := len(people) - 1; i >= 0; i-- {
			if !slices.ContainsFunc(s.Approvers, func(m *Matcher) bool { return slices.Contains(people[i].Counts, m.String()) }) {
				people = slices.Delete(people, i, i+1) // the rule has changed since: they are none of its approvers now
			}
		}
		return len(people) >= s.Need
	}
	return seated(s.Approvers, people)
}

// seated reports whether each approver can be another one of the people.
func seated(approvers []*Matcher, people []Decision) bool {
	if len(approvers) == 0 {
		return true
	}
	for i, p := range people {
		if slices.Contains(p.Counts, approvers[0].String()) && seated(approvers[1:], slices.Concat(people[:i], people[i+1:])) {
			return true
		}
	}
	return false
}

// Waits is the stage that a request waits for; nil: for none.
func (q Requirement) Waits(r Request) *Stage {
	for i := range q.Stages {
		if !q.Stages[i].met(r.Decisions) {
			return &q.Stages[i]
		}
	}
	return nil
}

// Mine reports whether the person may decide on the request: they are an approver of one of its stages, and it is not their own.
func (q Requirement) Mine(r Request, by identity.User) error {
	person := PersonOf(by)
	if a := r.Asker; a.User != nil && a.User.Same(person) || a.Owner != "" && (a.Owner == by.ID || a.Owner == by.Email) {
		return ErrOwnRequest
	}
	for _, s := range q.Stages {
		if len(s.counts(by)) > 0 {
			return nil
		}
	}
	return ErrNotApprover
}

// Step is who decides, when, under which audit record, and in which words.
type Step struct {
	ID   string
	By   identity.User
	Now  time.Time
	Note string
	For  time.Duration // of an approval: at most so long; 0: as long as was asked for
}

func (s Step) decision(v Verdict) Decision {
	by := PersonOf(s.By)
	return Decision{ID: s.ID, Time: s.Now.UTC(), By: &by, Verdict: v, Note: s.Note}
}

// Approve counts one approval. The request is approved once every stage is; until then it stays pending.
func (r Request) Approve(q Requirement, s Step) (Request, error) {
	if r.At(s.Now).Status != StatusPending {
		return r, ErrSettled
	}
	if err := q.Mine(r, s.By); err != nil {
		return r, err
	}
	d := s.decision(VerdictApprove)
	if slices.ContainsFunc(r.Decisions, func(before Decision) bool { return before.By != nil && before.By.Same(*d.By) }) {
		return r, ErrTwice // a person counts once, whatever they are in
	}
	stage := q.Waits(r)
	if stage == nil {
		return r, fmt.Errorf("request %s: %w", r.ID, ErrSettled)
	}
	if d.Counts = stage.counts(s.By); d.Counts == nil {
		return r, ErrNotApprover // not of the stage that it waits for
	}
	if s.For < 0 || s.For > q.AtMost || s.For > r.Wanted {
		return r, ErrTooLong
	}
	d.Rule, d.Stage, d.For = stage.Rule, stage.Number, Duration(s.For)
	r = r.with(d)
	if q.Waits(r) == nil {
		r = r.begin(q, s.Now)
	}
	return r, nil
}

// begin opens what was approved, for the shortest time that anybody said.
func (r Request) begin(q Requirement, now time.Time) Request {
	length := min(r.Wanted, q.AtMost)
	for _, d := range r.Decisions {
		if d.For > 0 {
			length = min(length, time.Duration(d.For))
		}
	}
	r.Status, r.Began, r.Expires = StatusApproved, now.UTC(), now.UTC().Add(length)
	if q.OnlyThrough {
		r.Through = r.Asker.Agent
	}
	return r
}

// Automatically is what the rules decide by themselves, at the moment of asking. It stays pending when they leave it to people.
func (r Request) Automatically(q Requirement, id string, now time.Time) Request {
	d := Decision{ID: id, Time: now.UTC()}
	switch {
	case r.Status != StatusPending:
		return r
	case q.Denied != "":
		d.Verdict, d.Rule = VerdictDeny, q.Denied
		r = r.with(d)
		r.Status = StatusDenied
	case q.Approved != "" && r.Wanted <= q.Unasked:
		d.Verdict, d.Rule = VerdictApprove, q.Approved
		r = r.with(d).begin(q, now)
	}
	return r
}

// Deny ends a pending request. One person is enough, of whatever stage.
func (r Request) Deny(q Requirement, s Step) (Request, error) {
	if r.At(s.Now).Status != StatusPending {
		return r, ErrSettled
	}
	return r.end(q, s, VerdictDeny, StatusDenied)
}

// Revoke ends what was approved, at once. Any of the approvers may.
func (r Request) Revoke(q Requirement, s Step) (Request, error) {
	if r.At(s.Now).Status != StatusApproved {
		return r, ErrNotInForce
	}
	return r.end(q, s, VerdictRevoke, StatusRevoked)
}

func (r Request) end(q Requirement, s Step, v Verdict, status Status) (Request, error) {
	if err := q.Mine(r, s.By); err != nil {
		return r, err
	}
	r = r.with(s.decision(v))
	r.Status = status
	return r, nil
}

// Cancel is the asker's own way to take back a request, or to give back what was approved.
func (r Request) Cancel(id string, now time.Time) (Request, error) {
	if !r.At(now).Open() {
		return r, ErrSettled
	}
	r = r.with(Decision{ID: id, Time: now.UTC(), By: r.Asker.User, Verdict: VerdictCancel})
	r.Status = StatusCancelled
	return r, nil
}

// Lapse writes down that the request has come to its end by itself; not ok: it has not.
func (r Request) Lapse(now time.Time) (_ Request, ok bool) {
	if !r.Open() || r.At(now).Open() {
		return r, false
	}
	r.Status = StatusExpired
	r.Version++
	return r, true
}

// with is the next version of the request, in which one more decision stands. It shares no memory with the one before.
func (r Request) with(d Decision) Request {
	r.Decisions = append(slices.Clone(r.Decisions), d)
	r.Version++
	return r
}
