package requests

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/identity"
)

// Requirement is what the rules ask before a request is approved. Every rule that covers the request has its say: all
// their stages have to agree, and the shortest of their times is the longest. Without any stage nobody can approve it.
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

	// waiting is what a configuration wants that is not in force yet. A step has to satisfy it as well, by what that
	// configuration knows of the person who takes it: see Both. Nil: there is none.
	waiting *Requirement
}

// Stage is a group of people of whom some have to approve.
type Stage struct {
	Rule      string
	Number    int // within its rule, from 1
	Approvers []*entitlements.Matcher
	Need      int  // so many different people who match any of the approvers; at least one, whatever stands here
	Every     bool // instead: for each of the approvers a different person
}

// counts names the approvers of the stage that the person is one of.
func (s Stage) counts(by identity.User) (out []string) {
	alone := identity.Principal{User: &by}
	for _, m := range s.Approvers {
		if m.Holds(&by.Identity, &alone) {
			out = append(out, m.String())
		}
	}
	return out
}

// takes reports whether the approval counts for the stage as it is now: the rule may have changed since, and then the
// person may be none of its approvers any more.
func (s Stage) takes(d Decision) bool {
	return d.Verdict == VerdictApprove && d.By != nil && d.Rule == s.Rule && d.Stage == s.Number &&
		slices.ContainsFunc(s.Approvers, func(m *entitlements.Matcher) bool { return slices.Contains(d.Counts, m.String()) })
}

// seats are the decisions that count for the stage, no more than it has places for: with Every, each of them in the
// place of another approver.
func (s Stage) seats(all []Decision) []Decision {
	if !s.Every {
		return all[:min(len(all), max(s.Need, 1))]
	}
	taken := make([]int, len(s.Approvers)) // by which of the decisions, from 1
	var sit func(i int, tried []bool) bool
	sit = func(i int, tried []bool) bool { // whoever sits there moves on to another place of theirs, if there is one
		for place, m := range s.Approvers {
			if tried[place] || !slices.Contains(all[i].Counts, m.String()) {
				continue
			}
			tried[place] = true
			if taken[place] == 0 || sit(taken[place]-1, tried) {
				taken[place] = i + 1
				return true
			}
		}
		return false
	}
	var out []Decision
	for i := range all {
		if sit(i, make([]bool, len(s.Approvers))) {
			out = append(out, all[i])
		}
	}
	return out
}

// counted are the approvals that count for any of the stages, as the rules are now. One person counts once, in the
// first of theirs.
func (q Requirement) counted(r Request) (out []Decision) {
	for _, s := range q.Stages {
		out = append(out, s.seats(s.approvals(r, out))...)
	}
	return out
}

// approvals are those of people who do not count before, each person's first one.
func (s Stage) approvals(r Request, before []Decision) (out []Decision) {
	for _, d := range r.Decisions {
		same := func(counted Decision) bool { return counted.By.Same(*d.By) }
		if s.takes(d) && !slices.ContainsFunc(before, same) && !slices.ContainsFunc(out, same) {
			out = append(out, d)
		}
	}
	return out
}

// Waits is the stage that a request waits for; nil: for none. That is no approval: see Request.Status.
func (q Requirement) Waits(r Request) *Stage {
	var counted []Decision
	for i, s := range q.Stages {
		here := s.seats(s.approvals(r, counted))
		if len(here) < s.places() {
			return &q.Stages[i]
		}
		counted = append(counted, here...)
	}
	return nil
}

// places is how many people the stage needs.
func (s Stage) places() int {
	if s.Every {
		return max(len(s.Approvers), 1) // nobody sits in the place of a stage without approvers
	}
	return max(s.Need, 1)
}

// Mine reports whether the person may decide on the request: they are an approver of one of its stages, and it is not
// their own.
func (q Requirement) Mine(r Request, by identity.User) error {
	if r.Asker.Own(by.Person()) {
		return ErrOwnRequest
	}
	if by.ID == "" || q.stageOf(by) == nil {
		return ErrNotApprover
	}
	if q.waiting != nil {
		return q.waiting.Mine(r, userWaiting(by))
	}
	return nil
}

// Concerns reports whether the person may know of the request: they decide on it, it is their own, or they have
// approved it, whatever the rules say by now. Who approved may revoke.
func (q Requirement) Concerns(r Request, by identity.User) bool {
	if q.waiting != nil && !q.waiting.Concerns(r, userWaiting(by)) {
		return false
	}
	q.waiting = nil
	return !errors.Is(q.Mine(r, by), ErrNotApprover) || r.approvedBy(by)
}

// userWaiting is the person as the waiting configuration knows them. Without one, it is a person who was never
// verified.
func userWaiting(by identity.User) identity.User {
	if by.Waiting == nil {
		return identity.User{}
	}
	return *by.Waiting
}

// stageOf is the first stage that the person is an approver of; nil: of none.
func (q Requirement) stageOf(by identity.User) *Stage {
	for i := range q.Stages {
		if len(q.Stages[i].counts(by)) > 0 {
			return &q.Stages[i]
		}
	}
	return nil
}

// Approvers says in words who has to approve: "group:Data-Stewards; then 2 of group:Privacy, user:dpo".
func (q Requirement) Approvers() string {
	var stages []string
	for _, s := range q.Stages {
		stages = append(stages, s.String())
	}
	return strings.Join(stages, "; then ")
}

// String says in words who has to approve in the stage.
func (s Stage) String() string {
	var of []string
	for _, m := range s.Approvers {
		of = append(of, m.String())
	}
	switch {
	case s.Every && len(of) > 1:
		return "one each of " + strings.Join(of, ", ")
	case s.Need > 1:
		return fmt.Sprintf("%d of %s", s.Need, strings.Join(of, ", "))
	}
	return strings.Join(of, " or ")
}
