package tools

import (
	"context"
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

// Act is one thing that a steward does, on its way to the record.
type Act struct {
	t *Tools
	r *record
}

// InPerson does something that a steward does without an agent, and puts it on the record under the name of a tool:
// without a durable record there is no answer. An error is always a *Refusal.
func InPerson[T any](
	ctx context.Context,
	t *Tools,
	s Steward,
	tool string,
	do func(a *Act) (T, error),
) (out T, id string, _ error) {
	r := t.inPerson(s, tool)
	t.config.Begun(r.Record)
	out, err := recoverPanic(ctx, func() (T, error) { return do(&Act{t, r}) })
	if refusal := t.end(ctx, r, err); refusal != nil {
		var none T
		return none, r.ID, refusal
	}
	return out, r.ID, nil
}

// ID is that of the record.
func (a *Act) ID() string { return a.r.ID }

// About says which request it is about, and by which requirement it is decided.
func (a *Act) About(q requests.Request, takes requests.Requirement, note string) {
	a.r.Platform = q.Platform
	a.r.request(q, takes)
	a.r.Request.Note = note
}

// Intend makes durable what is about to be done, before it is done.
func (a *Act) Intend(ctx context.Context, note string) error {
	a.r.Request.Status, a.r.Request.Note = "", note
	return a.t.intend(ctx, a.r)(ctx)
}

// Store is where requests are kept; nil: access cannot be asked for.
func (t *Tools) Store() requests.Store { return t.config.Requests }

// Now is the time that the tools go by.
func (t *Tools) Now() time.Time { return t.config.Now() }

// Decisions are what is decided with on a platform, for the catalog as it is now, without what was approved.
func (t *Tools) Decisions(ctx context.Context, platform string) (requests.Both, error) {
	p, err := t.platform(platform)
	if err != nil {
		return requests.Both{}, err
	}
	return t.decisions(ctx, p)
}

// CountFor counts the rows that the principal would see of a table, in a role that is vended for that; on the record as
// the steward's own look.
func (t *Tools) CountFor(
	ctx context.Context,
	s Steward,
	policies requests.Both,
	who identity.Principal,
	request requests.Request,
) (int, error) {
	p, err := t.platform(request.Platform)
	if err != nil {
		return 0, err
	}
	sql := "SELECT count(*) FROM " + p.Engine.Dialect().QuoteTable(request.Table)
	r := t.inPerson(s, audit.Look)
	r.Request = requestRecord(request)
	counted, err := t.observe(ctx, r, Call{Principal: who, Client: s.Client}, p, sql, func(q *question) ([][]any, error) {
		q.policies, q.supposed = policies, true
		answer, err := q.answer(ctx)
		if err != nil {
			return nil, err
		}
		return answer.Rows, nil
	})
	if err != nil {
		return 0, err
	}
	return counted[0], nil
}

// Supposed is the asker as a principal, with the groups and attributes that they had when they asked. Nothing is
// verified of it: it only ever counts rows.
func (t *Tools) Supposed(a requests.Asker) identity.Principal {
	who := supposedOf(a, t.config.Agents)
	if t.waiting != nil {
		w := supposedOf(a, t.config.waitingAgents)
		who.Waiting = &w
	}
	return who
}

func supposedOf(a requests.Asker, agents []identity.Agent) identity.Principal {
	who := identity.Principal{Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: a.Agent}}}
	for _, agent := range agents {
		if agent.ID == a.Agent {
			who.Agent = agent
		}
	}
	if a.User != nil {
		who.User = &identity.User{Issuer: a.User.Issuer, Subject: a.User.Subject, Identity: identity.Identity{
			Kind: identity.KindUser, ID: a.User.ID, Groups: a.Groups, Attributes: a.Attributes}}
	}
	return who
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
