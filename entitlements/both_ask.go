package entitlements

import (
	"errors"
	"slices"

	"deputy/identity"
)

// ErrChanging says that the configuration is changing, and the two that decide meanwhile do not agree. It may be shown
// to the caller.
var ErrChanging = errors.New(
	"the configuration is changing and this is not decided alike before and after: try again in a moment",
)

// Ask is Entitlements.Ask by both: what either closes is asked for, and each has to let it be asked for.
func (b Both) Ask(who identity.Principal, name TableName, columns []string) (Ask, error) {
	ask, err := b.InForce.Ask(who, name, columns)
	if b.Waiting == nil {
		return ask, err
	}
	other, otherwise := b.Waiting.Ask(AsWaiting(who), name, columns)
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

// Required is Entitlements.Required by both: what no rule covers in one of them, no steward can approve.
func (b Both) Required(r Request) (Requirement, error) {
	q, err := b.InForce.Required(r)
	if err != nil || b.Waiting == nil {
		return q, err
	}
	other, err := b.Waiting.Required(r)
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
