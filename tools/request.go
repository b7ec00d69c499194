package tools

import (
	"context"
	"fmt"
	"io"
	"time"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/identity"
)

const (
	mostPending = 20 // requests of one asker that wait for an answer
	usualPeriod = 8 * time.Hour
)

// RequestArgs are the arguments of the request_access tool: what is asked for, or a request to look up. None: one's own
// open ones.
type RequestArgs struct {
	Platform string
	Table    string
	Columns  []string // to be seen in the clear; none: the table
	Reason   string
	Duration string            // as requests.ParsePeriod reads it; empty: 8h, or what the rules allow
	Answers  map[string]string // to the questions that rules ask

	RequestID string
	Cancel    bool // takes the request back

	Confirmed bool // the human has seen and confirmed it, in the client; for the record
	Declined  bool // the human has seen it and not agreed: nothing is asked for
}

// Proposal is what a human is asked to confirm. Reason, Duration and what is said in answers may be changed.
type Proposal struct {
	Table    string
	Columns  []string
	Reason   string
	Duration string
	Answers  []ProposedAnswer
}

// ProposedAnswer is what a model wrote, in the human's name, in answer to a rule's question.
type ProposedAnswer struct {
	Name string // of the question
	Ask  string // in words
	Said string
}

// AccessRequest is the structured answer of the request_access tool: one request, or the list of one's own open ones.
type AccessRequest struct {
	requests.Handle
	// ExpiresAt is the end of what was approved; of a request that waits, when it ends by itself.
	ExpiresAt *time.Time      `json:"expires_at,omitempty"`
	Approvers []string        `json:"approvers,omitempty"` // Who still has to approve, in words.
	NextStep  string          `json:"next_step,omitempty"`
	Requests  []AccessRequest `json:"requests,omitzero"`
	AuditID   string          `json:"audit_id,omitempty"`
}

// RequestAccess asks for more access in the name of the human, or of the agent that acts alone; or says how a request
// of theirs stands. An error is always a *Refusal.
func (t *Tools) RequestAccess(ctx context.Context, call Call, args RequestArgs) (*AccessRequest, error) {
	call.Principal.Purpose = ""
	r := t.begin(call, "request_access")
	r.Platform, r.Table = t.named(args.Platform), recordable(args.Table)
	t.config.Begun(r.Record)
	answer, err := recoverPanic(ctx, func() (*AccessRequest, error) { return t.requestAccess(ctx, call, args, r) })
	if refusal := t.end(ctx, r, err); refusal != nil {
		return nil, refusal
	}
	answer.AuditID = r.ID
	return answer, nil
}

func (t *Tools) requestAccess(ctx context.Context, call Call, args RequestArgs, r *record) (*AccessRequest, error) {
	if err := t.ceiling(call.Principal, r); err != nil {
		return nil, err
	}
	if t.config.Requests == nil {
		return nil, &Error{Code: NotPermitted, Message: "access cannot be asked for here",
			Hint: "tell the human to ask an administrator of Deputy"}
	}
	switch {
	case args.Declined:
		r.Reasons = append(r.Reasons, "the human was asked in the client, and did not agree")
		return nil, &Error{Code: NotPermitted,
			Message: "the human was asked, and did not agree that this is asked for in their name",
			Hint:    "do not ask for it again unless they say so"}
	case mixed(args):
		return nil, wrongArgument("send request_id to look a request up, or table and reason to ask, not both")
	case args.RequestID != "":
		return t.ownRequest(ctx, call, args, r)
	case args.Cancel:
		return nil, wrongArgument("say with request_id which request is to be cancelled")
	case args.Table != "":
		return t.ask(ctx, call, args, r)
	case asks(args):
		return nil, wrongArgument("the argument table is missing: say what is asked for")
	}
	return t.ownRequests(ctx, requests.AskerOf(call.Principal))
}

// asks reports whether anything stands in the arguments that only a new request has.
func asks(a RequestArgs) bool {
	return a.Table != "" || a.Reason != "" || a.Duration != "" || len(a.Columns) > 0 || len(a.Answers) > 0
}

// mixed: nobody can tell whether a request is to be made, or one looked up.
func mixed(a RequestArgs) bool { return (a.RequestID != "" || a.Cancel) && asks(a) }

func refused(message string) error {
	return &Error{Code: NotPermitted, Message: message}
}

func wrongArgument(message string) error {
	return &Error{Code: InvalidArgument, Message: message}
}

// ask makes a request, unless there is one already.
func (t *Tools) ask(ctx context.Context, call Call, args RequestArgs, r *record) (*AccessRequest, error) {
	if call.Principal.User == nil && !call.Principal.Agent.MayRequest {
		return nil, &Error{
			Code:    NotPermitted,
			Message: "this agent may not ask for access for itself: its registration does not say so",
			Hint:    "an administrator of Deputy can give it access, or let it ask",
		}
	}
	w, err := t.wish(ctx, call, args)
	if w.draft.Platform != "" {
		r.Platform = w.draft.Platform
	}
	if err != nil {
		return nil, notAskable(err)
	}
	if w.before != nil {
		r.request(*w.before, w.takes.Requirement)
		r.Reasons = append(r.Reasons, askedBefore)
		return again(t.answer(*w.before, w.takes.Requirement)), nil
	}
	request, err := t.propose(args, w.takes, r)
	if err != nil {
		return nil, err
	}
	if w.waiting >= mostPending {
		return nil, &Error{
			Code:    TooBusy,
			Message: fmt.Sprintf("there are %d requests that wait for an answer already", w.waiting),
			Hint:    "call request_access without arguments to see them; cancel what is not needed any more",
		}
	}
	request.ID, request.Asker = t.newRequestID(), w.draft.Asker
	request.Platform, request.Table = w.draft.Platform, w.draft.Table
	request.Columns, request.Opens = w.takes.Columns, w.takes.Opens
	return t.make(ctx, request, w.takes.Requirement, r)
}

const askedBefore = "the same was asked for before"

// again says that no second request was made.
func again(a *AccessRequest) *AccessRequest {
	a.NextStep = "you asked for the same before, and this is that request: " + a.NextStep
	return a
}

// make keeps the request once what is about to be done is on the record.
func (t *Tools) make(
	ctx context.Context,
	request requests.Request,
	takes requests.Requirement,
	r *record,
) (*AccessRequest, error) {
	now := t.config.Now()
	request.Created, request.Lapses, request.Status = now.UTC(), now.UTC().
		Add(t.config.Pending),
		requests.StatusPending
	request = request.Automatically(takes, r.ID, now)
	r.request(request, takes)
	r.Request.Status = ""
	if err := t.intend(ctx, r)(ctx); err != nil {
		return nil, err
	}
	kept, made, err := t.config.Requests.Make(ctx, request, now.Add(-t.config.Again))
	if err != nil {
		return nil, err
	}
	r.request(kept, takes)
	if !made { // another call was quicker
		r.Reasons = append(r.Reasons, askedBefore)
		return again(t.answer(kept, takes)), nil
	}
	if len(kept.Decisions) > 0 {
		r.Request.ByRule = kept.Decisions[0].Rule
	}
	return t.answer(kept, takes), nil
}

// Proposal is what the human is shown before it is asked for in their name; nil: nothing would be asked for.
func (t *Tools) Proposal(ctx context.Context, call Call, args RequestArgs) *Proposal {
	call.Principal.Purpose = ""
	if t.config.Requests == nil || mixed(args) || args.Table == "" || call.Principal.User == nil ||
		!call.Principal.Allows(identity.ScopeRequest) {
		return nil
	}
	proposal, err := recoverPanic(ctx, func() (*Proposal, error) {
		w, err := t.wish(ctx, call, args)
		if err != nil || w.before != nil || w.takes.Denied != "" || w.waiting >= mostPending {
			return nil, err
		}
		request, err := t.propose(args, w.takes, &record{})
		if err != nil {
			return nil, err
		}
		w.draft.Columns = w.takes.Columns
		named := t.handle(w.draft)
		p := &Proposal{
			Table:    named.Table,
			Columns:  named.Columns,
			Reason:   request.Reason,
			Duration: requests.Period(request.Wanted).String(),
		}
		for _, q := range w.takes.Questions {
			p.Answers = append(p.Answers, ProposedAnswer{q.Name, q.Ask, request.Answers[q.Name]})
		}
		return p, nil
	})
	if err != nil {
		return nil // the call itself says why, on the record
	}
	return proposal
}

// newRequestID makes the handle on a request: 128 random bits, so that nobody finds another one's by guessing.
func (t *Tools) newRequestID() string {
	var b [16]byte
	if _, err := io.ReadFull(t.config.Random, b[:]); err != nil {
		panic(fmt.Errorf("no randomness: %w", err))
	}
	return "req_" + crockford.EncodeToString(b[:])
}

func (r *record) request(q requests.Request, takes requests.Requirement) {
	r.Request = requestRecord(q)
	r.Request.Rules = takes.Rules
}

func requestRecord(q requests.Request) *audit.Request {
	out := &audit.Request{
		ID:       q.ID,
		Status:   string(q.Status),
		Agent:    q.Asker.Agent,
		Table:    q.Table.String(),
		Columns:  q.Columns,
		Reason:   q.Reason,
		Duration: requests.Period(q.Wanted).String(),
		Through:  q.Through,
		Expires:  q.Expires,
	}
	if q.Asker.User != nil {
		out.User = q.Asker.User.ID
	}
	return out
}
