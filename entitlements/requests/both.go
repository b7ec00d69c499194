package requests

import (
	"errors"
	"slices"
	"time"

	"deputy/entitlements"
	"deputy/identity"
)

// ErrChanging says that the configuration is changing, and the two that decide meanwhile do not agree. It may be shown
// to the caller.
var ErrChanging = errors.New(
	"the configuration is changing and this is not decided alike before and after: try again in a moment",
)

// Both is entitlements.Both with what may be asked for. Each configuration asks by its own rules.
type Both struct {
	entitlements.Both
	inForce, waiting *Compiled

	// Unknown says why it is not known what was approved for the caller, so that nothing of it counts; nil: it is known.
	Unknown error
}

// NewBoth decides by the configuration in force, and by one that waits beside it; nil: there is none.
func NewBoth(inForce, waiting *Compiled) Both {
	b := Both{inForce: inForce, waiting: waiting}
	b.Both.InForce = inForce.Entitlements
	if waiting != nil {
		b.Both.Waiting = waiting.Entitlements
	}
	return b
}

// With is entitlements.Both.With.
func (b Both) With(approvals []entitlements.Approval, now time.Time) Both {
	if b.waiting == nil {
		return NewBoth(b.inForce.With(approvals, now), nil)
	}
	return NewBoth(b.inForce.With(approvals, now), b.waiting.With(approvals, now))
}

// Approved is With for those of the approvals that the rules cover. Each configuration counts those that its own rules
// cover.
func (b Both) Approved(approvals []entitlements.Approval, now time.Time) Both {
	if b.waiting == nil {
		return NewBoth(b.inForce.Approved(approvals, now), nil)
	}
	return NewBoth(b.inForce.Approved(approvals, now), b.waiting.Approved(approvals, now))
}

// Still reports whether a principal is given its accesses now, and out of the same approved requests.
func (b Both) Still(who identity.Principal, given []entitlements.Access) bool {
	return !slices.ContainsFunc(given, func(a entitlements.Access) bool {
		now, denial := b.Decide(who, a.Table)
		return denial != nil || !slices.Equal(now.Requests, a.Requests)
	})
}

// Ask is Compiled.Ask by both: what either closes is asked for, and each has to let it be asked for.
func (b Both) Ask(who identity.Principal, name entitlements.TableName, columns []string) (Ask, error) {
	ask, err := b.inForce.Ask(who, name, columns)
	if b.waiting == nil {
		return ask, err
	}
	other, otherwise := b.waiting.Ask(entitlements.AsWaiting(who), name, columns)
	switch {
	case errors.Is(err, ErrHaveIt) != errors.Is(otherwise, ErrHaveIt): // only one opens it, and so it is closed
		_, denial := b.Decide(who, name)
		if denial != nil && !denial.Requestable {
			return Ask{}, ErrUnknownTable
		}
		return Ask{}, ErrChanging
	case err != nil:
		return Ask{}, err
	case otherwise != nil:
		return Ask{}, otherwise
	}
	ask.Opens = ask.Opens || other.Opens
	ask.Columns = union(ask.Columns, other.Columns)
	slices.Sort(ask.Columns)
	ask.Requirement = ask.Requirement.and(other.Requirement)
	return ask, nil
}

// Required is Compiled.Required by both: what no rule covers in one of them, no steward can approve.
func (b Both) Required(r Request) (Requirement, error) {
	q, err := b.inForce.Required(r)
	if err != nil || b.waiting == nil {
		return q, err
	}
	other, err := b.waiting.Required(r)
	if err != nil {
		return Requirement{}, err
	}
	return q.and(other), nil
}

// and is what two requirements want together. Their stages are not added up, because one person counts in one stage
// only: each is held against the request by itself, see Requirement.waiting.
func (q Requirement) and(other Requirement) Requirement {
	out := q
	out.waiting = &other
	out.Rules = union(q.Rules, other.Rules)
	slices.Sort(out.Rules)
	out.AtMost, out.Unasked = min(q.AtMost, other.AtMost), min(q.Unasked, other.Unasked)
	out.OnlyThrough = q.OnlyThrough || other.OnlyThrough
	out.Questions = slices.Clone(q.Questions)
	for _, question := range other.Questions {
		if !slices.ContainsFunc(q.Questions, func(asked Question) bool { return asked.Name == question.Name }) {
			out.Questions = append(out.Questions, question)
		}
	}
	if out.Denied == "" {
		out.Denied = other.Denied
	}
	if other.Approved == "" || out.Denied != "" {
		out.Approved = ""
	}
	return out
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
