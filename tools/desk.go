package tools

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/identity"
)

// Steward is a human who decides on requests, in person and verified: no agent speaks for them.
type Steward struct {
	User   identity.User
	Client string // network address, for the record
}

// Ruling is what a steward decides.
type Ruling struct {
	Verdict requests.Verdict // approve, deny or revoke
	Note    string           // to whoever asked; on the record
	For     time.Duration    // of an approval: for so long at most; 0: as long as was asked for
}

// verdictTools are the tools that records of decisions name.
var verdictTools = map[requests.Verdict]string{
	requests.VerdictApprove: audit.Approve, requests.VerdictDeny: audit.Deny, requests.VerdictRevoke: audit.Revoke,
}

// Rule takes one step of a request as its steward decides, and returns the request as it is then. An error is always a
// *Refusal.
func (t *Tools) Rule(ctx context.Context, s Steward, id string, ruling Ruling) (*RequestView, error) {
	r := t.inPerson(s, verdictTools[ruling.Verdict])
	decided, err := calmly(ctx, func() (*requests.Request, error) { return t.rule(ctx, s, id, ruling, r) })
	if refusal := t.end(ctx, r, err); refusal != nil {
		return nil, refusal
	}
	v := t.view(ctx, s, *decided)
	v.AuditID = r.ID
	return &v, nil
}

func (t *Tools) rule(
	ctx context.Context,
	s Steward,
	id string,
	ruling Ruling,
	r *record,
) (*requests.Request, error) {
	found, err := t.concerning(ctx, s, id)
	if err != nil {
		return nil, err
	}
	takes := t.takes(ctx, found)
	r.Platform = found.Platform
	r.request(found, takes)
	if err := takes.Mine(found, s.User); errors.Is(err, requests.ErrOwnRequest) { // whatever its status is
		return nil, undecided(err)
	}
	if ruling.Note != "" {
		if ruling.Note, err = words(ruling.Note); err != nil {
			return nil, badRequest("the note cannot be read: write one line of at most 1000 characters")
		}
	}
	step := requests.Step{ID: r.ID, By: s.User, Now: t.config.Now(), Note: ruling.Note, For: ruling.For}
	// before anything is written: most of what is refused is refused here
	if _, err := decide(found, takes, ruling.Verdict, step); err != nil {
		return nil, undecided(err)
	}
	r.Request.Status, r.Request.Note = "", ruling.Note
	if err := t.intend(ctx, r)(ctx); err != nil {
		return nil, err
	}
	decided, err := t.config.Requests.Step(ctx, id, func(q requests.Request) (requests.Request, error) {
		return decide(q, takes, ruling.Verdict, step)
	})
	if err != nil {
		return nil, undecided(err)
	}
	r.request(decided, takes)
	r.Request.Note = ruling.Note
	return &decided, nil
}

// Misread records what a steward sent and nobody can read: a decision, or without a verdict a question. It is always a
// *Refusal.
func (t *Tools) Misread(ctx context.Context, s Steward, v requests.Verdict, why string) error {
	tool := verdictTools[v]
	if tool == "" {
		tool = audit.Look
	}
	return t.end(ctx, t.inPerson(s, tool), badRequest(why))
}

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
	}
	return q, errors.New("there is no such verdict")
}

// concerning finds a request that the person decides on, or that is their own. Every other is not there.
func (t *Tools) concerning(ctx context.Context, s Steward, id string) (requests.Request, error) {
	none := &Error{Code: NoSuchRequest, Message: "there is no such request that you have to do with"}
	if t.config.Requests == nil {
		return requests.Request{}, none
	}
	found, err := t.config.Requests.Find(ctx, id)
	if errors.Is(err, requests.ErrNoRequest) {
		return requests.Request{}, none
	}
	if err != nil {
		return requests.Request{}, err
	}
	if !t.takes(ctx, found).Concerns(found, s.User) {
		return requests.Request{}, none
	}
	return found, nil
}

// undecided says why a step was not taken, to whoever wanted it.
func undecided(err error) error {
	for why, code := range map[error]Code{
		requests.ErrOwnRequest: OwnRequest, requests.ErrNotApprover: NotApprover, requests.ErrTwice: NotApprover,
		requests.ErrTaken: NotApprover, requests.ErrRuleDenies: NotApprover,
		requests.ErrSettled: Settled, requests.ErrNotInForce: Settled, requests.ErrTooLong: TooLong, requests.ErrChanging: Unavailable,
	} {
		if errors.Is(err, why) {
			return &Error{Code: code, Message: why.Error()}
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
func (t *Tools) Concerning(ctx context.Context, s Steward, f requests.Filter) ([]RequestView, error) {
	r := t.inPerson(s, audit.Look)
	all, err := calmly(ctx, func() ([]RequestView, error) {
		mine := []RequestView{}
		if t.config.Requests == nil {
			return mine, nil
		}
		most := cmp.Or(f.Most, mostListed)
		f.Most = mostSearched // the newest may all be for others to decide
		all, err := t.config.Requests.List(ctx, f)
		for _, q := range all {
			if len(mine) == most {
				break
			}
			if t.takes(ctx, q).Concerns(q, s.User) {
				// what is over may not be written down yet
				if v := t.view(ctx, s, q); len(f.Status) == 0 || slices.Contains(f.Status, v.Status) {
					mine = append(mine, v)
				}
			}
		}
		return mine, err
	})
	if refusal := t.end(ctx, r, err); refusal != nil {
		return nil, refusal
	}
	return all, nil
}

// Show is one request, with what approving it would reveal.
func (t *Tools) Show(ctx context.Context, s Steward, id string) (*RequestView, error) {
	r := t.inPerson(s, audit.Look)
	view, err := calmly(ctx, func() (*RequestView, error) {
		found, err := t.concerning(ctx, s, id)
		if err != nil {
			return nil, err
		}
		r.Platform = found.Platform
		r.request(found, t.takes(ctx, found))
		v := t.view(ctx, s, found)
		if v.Reveals, err = t.reveals(ctx, s, found); err != nil {
			return nil, err
		}
		v.AuditID = r.ID
		return &v, nil
	})
	if refusal := t.end(ctx, r, err); refusal != nil {
		return nil, refusal
	}
	return view, nil
}

// Expired puts on the record that the time of a request is over. Nobody did that; the id is the event's, so that it is
// one step however often it is recorded.
func (t *Tools) Expired(ctx context.Context, q requests.Request, id string, at time.Time) error {
	r := audit.Record{
		ID:            id,
		Phase:         audit.Ended,
		Time:          at.UTC(),
		Tool:          audit.Expire,
		Platform:      q.Platform,
		PolicyVersion: t.config.Version,
		Outcome:       audit.Answered,
		Request:       requestRecord(q),
	}
	return t.config.Audit.Append(ctx, r)
}

// inPerson begins the record of a step that a human takes without an agent.
func (t *Tools) inPerson(s Steward, tool string) *record {
	r := t.begin(Call{Client: s.Client}, tool)
	p := party(s.User.Identity)
	p.Issuer, p.Name = s.User.Issuer, s.User.Name
	r.Mode, r.User = audit.InPerson, &p
	return r
}
