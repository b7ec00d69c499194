package tools

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/identity"
)

// ownRequest looks a request up, or takes it back. Somebody else's is not there.
func (t *Tools) ownRequest(ctx context.Context, call Call, args RequestArgs, r *record) (*AccessRequest, error) {
	found, err := t.config.Requests.Find(ctx, args.RequestID)
	if errors.Is(err, requests.ErrNoRequest) || err == nil && !found.Asker.Is(call.Principal) {
		why := "there is no such request"
		if err == nil {
			why = "the request is somebody else's" // an auditor looks for who tries ids
		}
		r.Reasons = append(r.Reasons, why)
		return nil, &Error{Code: NoSuchRequest, Message: "there is no such request of yours"}
	}
	if err != nil {
		return nil, err
	}
	found = found.At(t.config.Now())
	takes := t.Requirement(ctx, found)
	if args.Cancel {
		if found, err = t.cancel(ctx, found, takes, r); err != nil {
			return nil, err
		}
	}
	r.Platform = found.Platform
	r.request(found, takes)
	return t.answer(found, takes), nil
}

func (t *Tools) cancel(
	ctx context.Context,
	q requests.Request,
	takes requests.Requirement,
	r *record,
) (requests.Request, error) {
	r.Tool = audit.Cancel
	r.request(q, takes)
	r.Request.Status = ""
	if err := t.intend(ctx, r)(ctx); err != nil {
		return q, err
	}
	q, err := t.config.Requests.Step(ctx, q.ID, func(q requests.Request) (requests.Request, error) {
		return q.Cancel(r.ID, t.config.Now())
	})
	if errors.Is(err, requests.ErrSettled) {
		err = &Error{Code: Settled, Message: "the request has ended already: there is nothing to cancel"}
	}
	return q, err
}

// ownRequests lists the asker's open ones.
func (t *Tools) ownRequests(ctx context.Context, asker requests.Asker) (*AccessRequest, error) {
	open, err := t.open(ctx, asker)
	if err != nil {
		return nil, err
	}
	out := &AccessRequest{Requests: []AccessRequest{}, NextStep: "to ask for access, send table and reason"}
	for _, q := range open {
		out.Requests = append(out.Requests, *t.answer(q, t.Requirement(ctx, q)))
	}
	return out, nil
}

func (t *Tools) open(ctx context.Context, asker requests.Asker) ([]requests.Request, error) {
	all, err := t.config.Requests.List(
		ctx,
		requests.Filter{Asker: &asker, Status: []requests.Status{requests.StatusPending, requests.StatusApproved}},
	)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(q requests.Request) bool { return !q.At(t.config.Now()).Open() }), nil
}

// policies are a platform's entitlements in which what was approved for the caller counts.
func (t *Tools) policies(ctx context.Context, p *platform, who identity.Principal) (requests.Both, error) {
	policies, err := t.decisions(ctx, p)
	if err != nil || t.config.Requests == nil {
		return policies, err
	}
	now := t.config.Now()
	approvals, err := t.config.Requests.Approvals(ctx, requests.AskerOf(who), p.Name, now)
	if errors.Is(err, requests.ErrOut) && ctx.Err() == nil {
		policies.Unknown = err
		return policies, nil // an approval only ever adds
	}
	if err != nil {
		return policies, fmt.Errorf("looking up what was approved: %w", err)
	}
	return policies.Approved(approvals, now), nil
}

// Requirement is what the rules of now ask before the request is approved. Without rules that cover it any more, no
// steward can.
func (t *Tools) Requirement(ctx context.Context, q requests.Request) requests.Requirement {
	p, err := t.platform(q.Platform)
	if err != nil {
		return requests.Requirement{}
	}
	policies, err := t.decisions(ctx, p)
	if err != nil {
		return requests.Requirement{}
	}
	takes, err := policies.Required(q)
	if err != nil {
		return requests.Requirement{} // nobody can approve it
	}
	return takes
}

// handle has the names as they are spelled on the request's platform. Where that is gone, they are as they are.
func (t *Tools) handle(q requests.Request) requests.Handle {
	h := q.Handle()
	if p, err := t.platform(q.Platform); err == nil {
		dialect := p.Engine.Dialect()
		h.Table = dialect.SpellTable(q.Table)
		if len(q.Columns) > 0 {
			h.Columns = dialect.SpellAll(q.Columns)
		}
	}
	return h
}

// answer is a request in words for a model.
func (t *Tools) answer(q requests.Request, takes requests.Requirement) *AccessRequest {
	q = q.At(t.config.Now())
	out := &AccessRequest{Handle: t.handle(q)}
	switch q.Status {
	case requests.StatusPending:
		out.ExpiresAt, out.Approvers = &q.Lapses, takes.StillNeeded(q)
		out.NextStep = "somebody has to approve it: tell the human, and look again later with request_id"
	case requests.StatusApproved:
		if q.Held {
			out.NextStep = "what was approved waits for a steward to confirm it: tell the human, and look again later"
			break
		}
		if len(takes.Rules) == 0 {
			out.NextStep = "the rules have changed and what was approved does not count any more: tell the human to ask an administrator of Deputy"
			break
		}
		out.ExpiresAt, out.NextStep = &q.Expires, "send the query again"
	case requests.StatusDenied:
		out.NextStep = "it was denied: do not ask for the same again, tell the human"
	default:
		out.NextStep = "ask again if it is still needed"
	}
	if note := q.LastNote(); note != "" {
		out.NextStep += "; whoever decided says: " + note
	}
	return out
}
