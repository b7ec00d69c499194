// Package desk is the stewards' desk as plain Go calls: what they see of requests, and what they decide.
package desk

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/tools"
)

// Desk is where stewards see and decide requests. Each generation of the configuration has one.
type Desk struct{ tools *tools.Tools }

// New opens the desk over the tools, which decide and keep the record.
func New(t *tools.Tools) *Desk { return &Desk{t} }

// Ruling is what a steward decides.
type Ruling struct {
	Verdict requests.Verdict // approve, deny, revoke or confirm
	Note    string           // to whoever asked; on the record
	For     time.Duration    // of an approval: for so long at most; 0: as long as was asked for
}

// verdictTools are the tools that records of decisions name.
var verdictTools = map[requests.Verdict]string{
	requests.VerdictApprove: audit.Approve, requests.VerdictDeny: audit.Deny, requests.VerdictRevoke: audit.Revoke,
	requests.VerdictConfirm: audit.Confirm,
}

// Rule takes one step of a request as its steward decides, and returns the request as it is then. An error is always a
// *tools.Refusal.
func (d *Desk) Rule(ctx context.Context, s tools.Steward, id string, ruling Ruling) (*View, error) {
	decided, record, err := tools.InPerson(ctx, d.tools, s, verdictTools[ruling.Verdict],
		func(a *tools.Act) (*requests.Request, error) { return d.rule(ctx, s, id, ruling, a) })
	if err != nil {
		return nil, err
	}
	v := d.view(ctx, s, *decided)
	v.AuditID = record
	return &v, nil
}

func (d *Desk) rule(
	ctx context.Context,
	s tools.Steward,
	id string,
	ruling Ruling,
	a *tools.Act,
) (*requests.Request, error) {
	found, err := d.concerning(ctx, s, id)
	if err != nil {
		return nil, err
	}
	takes := d.tools.Requirement(ctx, found)
	a.About(found, takes, "")
	if err := takes.Mine(found, s.User); errors.Is(err, requests.ErrOwnRequest) { // whatever its status is
		return nil, undecided(err)
	}
	if ruling.Note != "" {
		if ruling.Note, err = requests.Sentence(ruling.Note); err != nil {
			return nil, badRequest("the note cannot be read: write one line of at most 1000 characters")
		}
	}
	step := requests.Step{ID: a.ID(), By: s.User, Now: d.tools.Now(), Note: ruling.Note, For: ruling.For}
	// before anything is written: most of what is refused is refused here
	if _, err := decide(found, takes, ruling.Verdict, step); err != nil {
		return nil, undecided(err)
	}
	if err := a.Intend(ctx, ruling.Note); err != nil {
		return nil, err
	}
	decided, err := d.take(ctx, id, ruling.Verdict, func(q requests.Request) (requests.Request, error) {
		return decide(q, takes, ruling.Verdict, step)
	})
	if err != nil {
		return nil, undecided(err)
	}
	a.About(decided, takes, ruling.Note)
	return &decided, nil
}

// take takes the step.
func (d *Desk) take(
	ctx context.Context,
	id string,
	v requests.Verdict,
	step func(requests.Request) (requests.Request, error),
) (requests.Request, error) {
	if v != requests.VerdictConfirm {
		return d.tools.Store().Step(ctx, id, step)
	}
	return d.tools.Store().Confirm(ctx, id, func(q requests.Request) error {
		_, err := step(q)
		return err
	})
}

// Misread records what a steward sent and Deputy cannot read: a decision, or without a verdict a question. It is always
// a *tools.Refusal.
func (d *Desk) Misread(ctx context.Context, s tools.Steward, v requests.Verdict, why string) error {
	tool := cmp.Or(verdictTools[v], audit.Look)
	_, _, err := tools.InPerson(ctx, d.tools, s, tool, func(*tools.Act) (*View, error) { return nil, badRequest(why) })
	return err
}

// NoDecision records a person who was not let in: see tools.Tools.NoDecision.
func (d *Desk) NoDecision(ctx context.Context, client string, why *identity.AuthError) {
	d.tools.NoDecision(ctx, client, why)
}

func badRequest(message string) error { return &tools.Error{Code: tools.BadRequest, Message: message} }

func decide(
	q requests.Request,
	takes requests.Requirement,
	v requests.Verdict,
	step requests.Step,
) (requests.Request, error) {
	switch v {
	case requests.VerdictApprove:
		return q.Approve(takes, step)
	case requests.VerdictDeny:
		return q.Deny(takes, step)
	case requests.VerdictRevoke:
		return q.Revoke(takes, step)
	case requests.VerdictConfirm:
		return q, q.Confirm(takes, step)
	}
	return q, errors.New("there is no such verdict")
}

// concerning finds a request that the person decides on, or that is their own. Every other is not there.
func (d *Desk) concerning(ctx context.Context, s tools.Steward, id string) (requests.Request, error) {
	none := &tools.Error{Code: tools.NoSuchRequest, Message: "there is no such request that you have to do with"}
	if d.tools.Store() == nil {
		return requests.Request{}, none
	}
	found, err := d.tools.Store().Find(ctx, id)
	if errors.Is(err, requests.ErrNoRequest) {
		return requests.Request{}, none
	}
	if err != nil {
		return requests.Request{}, err
	}
	if !d.tools.Requirement(ctx, found).Concerns(found, s.User) {
		return requests.Request{}, none
	}
	return found, nil
}

// undecided says why a step was not taken, to whoever wanted it.
func undecided(err error) error {
	for why, code := range map[error]tools.Code{
		requests.ErrOwnRequest:  tools.OwnRequest,
		requests.ErrNotApprover: tools.NotApprover, requests.ErrTwice: tools.NotApprover,
		requests.ErrTaken: tools.NotApprover, requests.ErrRuleDenies: tools.NotApprover,
		requests.ErrSettled: tools.Settled, requests.ErrNotInForce: tools.Settled,
		requests.ErrNotHeld: tools.Settled,
		requests.ErrTooLong: tools.TooLong, requests.ErrChanging: tools.Unavailable,
	} {
		if errors.Is(err, why) {
			return &tools.Error{Code: code, Message: why.Error()}
		}
	}
	return err
}

// A list for a steward has so many requests when nobody says, out of so many of the newest that there are.
const (
	mostListed   = 1000
	mostSearched = 20 * mostListed
)

// Concerning lists the requests that a steward decides on, or has asked for. It is on the record that they looked.
func (d *Desk) Concerning(ctx context.Context, s tools.Steward, f requests.Filter) ([]View, error) {
	all, _, err := tools.InPerson(ctx, d.tools, s, audit.Look, func(*tools.Act) ([]View, error) {
		mine := []View{}
		if d.tools.Store() == nil {
			return mine, nil
		}
		most := cmp.Or(f.Most, mostListed)
		f.Most = mostSearched // the newest may all be for others to decide
		all, err := d.tools.Store().List(ctx, f)
		for _, q := range all {
			if len(mine) == most {
				break
			}
			if d.tools.Requirement(ctx, q).Concerns(q, s.User) {
				// what is over may not be written down yet
				if v := d.view(ctx, s, q); len(f.Status) == 0 || slices.Contains(f.Status, v.Status) {
					mine = append(mine, v)
				}
			}
		}
		return mine, err
	})
	return all, err
}

// Show is one request, with what approving it would reveal.
func (d *Desk) Show(ctx context.Context, s tools.Steward, id string) (*View, error) {
	view, _, err := tools.InPerson(ctx, d.tools, s, audit.Look, func(a *tools.Act) (*View, error) {
		found, err := d.concerning(ctx, s, id)
		if err != nil {
			return nil, err
		}
		a.About(found, d.tools.Requirement(ctx, found), "")
		v := d.view(ctx, s, found)
		if v.Reveals, err = d.reveals(ctx, s, found); err != nil {
			return nil, err
		}
		v.AuditID = a.ID()
		return &v, nil
	})
	return view, err
}
