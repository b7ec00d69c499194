package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/identity"
	"deputy/vending"
)

const (
	longestReason = 1000 // characters, of a reason, an answer or a note
	mostPending   = 20   // requests of one asker that wait for an answer
	usualPeriod   = 8 * time.Hour
)

// RequestArgs are the arguments of the request_access tool: what is asked for, or a request to look up. None: one's own open ones.
type RequestArgs struct {
	Platform string
	Table    string
	Columns  []string // to be seen in the clear; none: the table
	Reason   string
	Duration string            // as entitlements.ParsePeriod reads it; empty: 8h, or what the rules allow
	Answers  map[string]string // to the questions that rules ask

	RequestID string
	Cancel    bool // takes the request back

	Confirmed bool // the human has seen and confirmed it, in the client; for the record
}

// Proposal is what a human is asked to confirm. Reason and Duration may be changed.
type Proposal struct {
	Table    string
	Columns  []string
	Reason   string
	Duration string
}

// AccessRequest is the structured answer of the request_access tool: one request, or the list of one's own open ones.
type AccessRequest struct {
	RequestID string          `json:"request_id,omitempty"`
	Status    string          `json:"status,omitempty"`
	Table     string          `json:"table,omitempty"`
	Columns   []string        `json:"columns,omitempty"`
	ExpiresAt *time.Time      `json:"expires_at,omitempty"` // of what was approved; of a request that waits: when it ends by itself
	Approvers []string        `json:"approvers,omitempty"`  // who still has to approve, in words
	NextStep  string          `json:"next_step,omitempty"`
	Requests  []AccessRequest `json:"requests,omitzero"`
	AuditID   string          `json:"audit_id,omitempty"`
}

// RequestAccess asks for more access in the name of the human, or of the agent that acts alone; or says how a request of theirs
// stands. An error is always a *Refusal.
func (t *Tools) RequestAccess(ctx context.Context, call Call, args RequestArgs) (*AccessRequest, error) {
	call.Principal.Purpose = ""
	r := t.begin(call, "request_access")
	r.Platform, r.Table = args.Platform, recordable(args.Table)
	answer, err := calmly(func() (*AccessRequest, error) { return t.requestAccess(ctx, call, args, r) })
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
		r.hint = "tell the human to ask an administrator of Deputy"
		return nil, refused("access cannot be asked for here")
	}
	asker := entitlements.AskerOf(call.Principal)
	switch {
	case args.RequestID != "" && (args.Table != "" || args.Reason != "" || len(args.Columns) > 0):
		return nil, wrongArgument("send request_id to look a request up, or table and reason to ask, not both")
	case args.RequestID != "":
		return t.ownRequest(ctx, call, args, r)
	case args.Cancel:
		return nil, wrongArgument("say with request_id which request is to be cancelled")
	case args.Table == "" && args.Reason == "" && len(args.Columns) == 0:
		return t.ownRequests(ctx, asker)
	}
	return t.ask(ctx, call, asker, args, r)
}

func refused(message string) error {
	return &vending.Error{Code: vending.NotPermitted, Message: message}
}
func wrongArgument(message string) error {
	return &vending.Error{Code: vending.InvalidSQL, Message: message}
}

// ask makes a request, unless there is one already.
func (t *Tools) ask(ctx context.Context, call Call, asker entitlements.Asker, args RequestArgs, r *record) (*AccessRequest, error) {
	if asker.User == nil && !call.Principal.Agent.MayRequest {
		return nil, refused("this agent may not ask for access for itself: its registration does not say so")
	}
	p, table, takes, err := t.wanted(ctx, call, args)
	if p != nil {
		r.Platform = p.Name
	}
	if errors.Is(err, entitlements.ErrHaveIt) {
		if mine, found := t.same(ctx, asker, p.Name, table, args.Columns); found {
			r.request(mine, takes.Requirement)
			return t.answer(mine, takes.Requirement), nil
		}
	}
	if err != nil {
		return nil, notAskable(err)
	}
	request, err := t.propose(args, takes, r)
	if err != nil {
		return nil, err
	}
	request.ID, request.Asker, request.Platform, request.Table = t.newRequestID(), asker, p.Name, table
	request.Columns, request.Opens = takes.Columns, takes.Opens
	return t.make(ctx, request, takes.Requirement, r)
}

// make keeps the request once what is about to be done is on the record.
func (t *Tools) make(ctx context.Context, request entitlements.Request, takes entitlements.Requirement, r *record) (*AccessRequest, error) {
	pending, err := t.config.Requests.List(ctx, RequestFilter{Asker: &request.Asker, Status: []entitlements.Status{entitlements.StatusPending}, Most: mostPending + 1})
	if err != nil {
		return nil, err
	}
	if len(pending) >= mostPending {
		r.hint = "call request_access without arguments to see them; cancel what is not needed any more"
		return nil, &vending.Error{Code: vending.TooBusy, Message: fmt.Sprintf("there are %d requests that wait for an answer already", len(pending))}
	}
	now := t.config.Now()
	request.Created, request.Lapses, request.Status = now.UTC(), now.UTC().Add(t.config.Pending), entitlements.StatusPending
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
	if !made {
		r.Reasons = append(r.Reasons, "the same was asked for before")
	}
	return t.answer(kept, takes), nil
}

// Proposal is what the human is shown before it is asked for in their name; nil: nothing would be asked for.
func (t *Tools) Proposal(ctx context.Context, call Call, args RequestArgs) *Proposal {
	if t.config.Requests == nil || args.RequestID != "" || args.Table == "" || call.Principal.User == nil || !call.Principal.Allows(identity.ScopeRequest) {
		return nil
	}
	proposal, err := calmly(func() (*Proposal, error) {
		p, table, takes, err := t.wanted(ctx, call, args)
		if err != nil {
			return nil, err
		}
		request, err := t.propose(args, takes, &record{})
		if err != nil {
			return nil, err
		}
		if _, there := t.same(ctx, entitlements.AskerOf(call.Principal), p.Name, table, args.Columns); there {
			return nil, nil
		}
		return &Proposal{table.String(), takes.Columns, request.Reason, entitlements.Period(request.Wanted).String()}, nil
	})
	if err != nil {
		return nil // the call itself says why, on the record
	}
	return proposal
}

// wanted is what the arguments name, and what it takes.
func (t *Tools) wanted(ctx context.Context, call Call, args RequestArgs) (p *platform, table entitlements.TableName, takes entitlements.Ask, err error) {
	if p, err = t.platform(args.Platform); err != nil {
		return p, table, takes, err
	}
	policies, err := t.policies(ctx, p, call.Principal)
	if err != nil {
		return p, table, takes, err
	}
	if table, err = nameOf(policies.Visible(call.Principal), args.Table); err != nil {
		return p, table, takes, err
	}
	takes, err = policies.Ask(call.Principal, table, args.Columns)
	return p, table, takes, err
}

// propose reads what whoever asks has to say.
func (t *Tools) propose(args RequestArgs, takes entitlements.Ask, r *record) (request entitlements.Request, err error) {
	duration := args.Duration
	if duration == "" {
		duration = entitlements.Period(min(usualPeriod, takes.AtMost)).String()
	}
	if request, err = proposed(args.Reason, duration, takes.AtMost); err != nil {
		return request, err
	}
	if request.Answers, err = answers(args.Answers, takes.Questions, r); err != nil {
		return request, err
	}
	if args.Confirmed {
		r.Reasons = append(r.Reasons, "the human confirmed it in the client")
	}
	return request, nil
}

func proposed(reason, duration string, atMost time.Duration) (request entitlements.Request, err error) {
	if request.Reason, err = words(reason); err != nil {
		return request, wrongArgument("the argument reason is missing or cannot be read: say in a sentence what the access is for, in at most 1000 characters")
	}
	wanted, err := entitlements.ParsePeriod(duration)
	if err != nil {
		return request, wrongArgument("the argument duration is " + err.Error())
	}
	if time.Duration(wanted) > atMost {
		return request, wrongArgument(fmt.Sprintf("that is too long: the rules allow %s at most", entitlements.Period(atMost)))
	}
	request.Wanted = time.Duration(wanted)
	return request, nil
}

// answers takes an answer to every question that a rule asks, and to no other.
func answers(given map[string]string, questions []entitlements.Question, r *record) (map[string]string, error) {
	out, open := map[string]string{}, []string{}
	for _, q := range questions {
		said, err := words(given[q.Name])
		if err != nil {
			open = append(open, fmt.Sprintf("%s: %s", q.Name, q.Ask))
		}
		out[q.Name] = said
	}
	if len(open) > 0 {
		r.hint = "ask the human, and send the same call with answers: an object with " + strings.Join(open, "; ")
		return nil, wrongArgument("whoever decides needs to know more")
	}
	for name := range given {
		if !slices.ContainsFunc(questions, func(q entitlements.Question) bool { return q.Name == name }) {
			return nil, wrongArgument("answers has one that nobody asked for: leave it out")
		}
	}
	return out, nil
}

// words is text that a person wrote for another one, on one line, without what could not be seen.
func words(s string) (string, error) {
	s = strings.Join(strings.FieldsFunc(s, func(c rune) bool { return unicode.IsSpace(c) }), " ")
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > longestReason || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return "", errors.New("not a sentence")
	}
	return s, nil
}

// nameOf finds the table among those that the caller may know of. A name that is nowhere among them is passed on as it is written.
func nameOf(visible []entitlements.Visible, name string) (entitlements.TableName, error) {
	found, err := find(visible, name)
	return found.Table, err
}

func notAskable(err error) error {
	switch {
	case errors.Is(err, entitlements.ErrUnknownTable):
		return refused("that table is not there, or you may not know of it")
	case errors.Is(err, entitlements.ErrUnknownColumn):
		return wrongArgument("one of the columns is not there: describe_table lists them")
	case errors.Is(err, entitlements.ErrHaveIt):
		return wrongArgument("that is open already: query it")
	case errors.Is(err, entitlements.ErrNotAskable):
		return refused("that cannot be asked for here: tell the human to ask an administrator of Deputy")
	}
	return err
}

// same is the open request of the asker for the same, if there is one.
func (t *Tools) same(ctx context.Context, asker entitlements.Asker, platform string, table entitlements.TableName, columns []string) (entitlements.Request, bool) {
	wanted := entitlements.Request{Platform: platform, Table: table, Columns: slices.Compact(slices.Sorted(slices.Values(columns)))}
	open, err := t.open(ctx, asker)
	if err != nil {
		return entitlements.Request{}, false
	}
	i := slices.IndexFunc(open, func(r entitlements.Request) bool { return r.Subject() == wanted.Subject() })
	if i < 0 {
		return entitlements.Request{}, false
	}
	return open[i], true
}

// newRequestID makes the handle on a request: 128 random bits, so that nobody finds another one's by guessing.
func (t *Tools) newRequestID() string {
	var b [16]byte
	if _, err := io.ReadFull(t.config.Random, b[:]); err != nil {
		panic(fmt.Errorf("no randomness: %w", err))
	}
	return "req_" + crockford.EncodeToString(b[:])
}

func (r *record) request(q entitlements.Request, takes entitlements.Requirement) {
	r.Request = requestRecord(q)
	r.Request.Rules = takes.Rules
}

func requestRecord(q entitlements.Request) *audit.Request {
	out := &audit.Request{ID: q.ID, Status: string(q.Status), Agent: q.Asker.Agent, Table: q.Table.String(), Columns: q.Columns,
		Reason: q.Reason, Duration: entitlements.Period(q.Wanted).String(), Through: q.Through, Expires: q.Expires}
	if q.Asker.User != nil {
		out.User = q.Asker.User.ID
	}
	return out
}
