package tools_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/identity"
	"deputy/internal/config/form"
	"deputy/tools"
	"deputy/tools/desk"
	"deputy/tools/platforms"
)

// What may be asked for, and what may not. Taylor is in Marketing.
const askablePolicies = `
- {name: marketing reads orders, grant: [sales.orders], to: group:Marketing}
- {name: hide personal data, mask: [tag:PII], with: {constant: REDACTED}, except: group:Privacy}
- {name: nobody sees cards, mask: [sales.orders.card], with: null}
- {name: EU data stays in the EU, guardrail: [sales.guarded], require: attribute:residency=EU}
`

const askableRules = `
- {name: stewards open tables, about: [sales.payroll, sales.guarded, sales.hidden], approvers: group:Stewards, at_most: 30d}
- {name: personal data, about: [tag:PII], approvers: [group:Stewards, user:dpo], at_most: 30d}
- {name: events are free for a while, about: [sales.events], approvers: group:Stewards, at_most: 30d, approve: {when: group:Marketing, up_to: 4h}}
- {name: the board is for nobody, about: [sales.board], approvers: group:Stewards, deny: {when: everyone}}
- {name: the ledger needs a ticket, about: [sales.ledger], approvers: group:Stewards, questions: [{name: ticket, ask: The number of the ticket}]}
`

const askableData = `
CREATE TABLE orders (id integer, lastname text, email text, card text);
INSERT INTO orders VALUES (1, 'Okafor', 'okafor@example.com', '4111');
CREATE TABLE payroll (salary integer); INSERT INTO payroll VALUES (731942);
CREATE TABLE events (what text); CREATE TABLE board (what text); CREATE TABLE ledger (what text);
CREATE TABLE bonus (what text); CREATE TABLE hidden (what text); CREATE TABLE guarded (what text);
`

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// office is where access is asked for: real tools over a real state, at a time that the test sets.
type office struct {
	*tools.Tools
	desk  *desk.Desk
	t     *testing.T
	log   *memory
	state *watched
	now   time.Time
}

// watched is the state, of which it is seen what it is asked, and which can be down.
type watched struct {
	requests.Store
	mu    sync.Mutex
	calls []string
	down  error
}

func (w *watched) asked(what string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, what)
	return w.down
}

func (w *watched) Make(
	ctx context.Context,
	r requests.Request,
	again time.Time,
) (requests.Request, bool, error) {
	if err := w.asked("make"); err != nil {
		return requests.Request{}, false, err
	}
	return w.Store.Make(ctx, r, again)
}

func (w *watched) Find(ctx context.Context, id string) (requests.Request, error) {
	if err := w.asked("find"); err != nil {
		return requests.Request{}, err
	}
	return w.Store.Find(ctx, id)
}

func (w *watched) Step(
	ctx context.Context,
	id string,
	step func(requests.Request) (requests.Request, error),
) (requests.Request, error) {
	if err := w.asked("step"); err != nil {
		return requests.Request{}, err
	}
	return w.Store.Step(ctx, id, step)
}

func (w *watched) List(ctx context.Context, f requests.Filter) ([]requests.Request, error) {
	if err := w.asked("list"); err != nil {
		return nil, err
	}
	return w.Store.List(ctx, f)
}

func (w *watched) Approvals(
	ctx context.Context,
	a requests.Asker,
	platform string,
	now time.Time,
) ([]entitlements.Approval, error) {
	if err := w.asked("approvals"); err != nil {
		return nil, err
	}
	return w.Store.Approvals(ctx, a, platform, now)
}

// newOffice opens one; change is done to what the tools are made of.
func newOffice(t *testing.T, change ...func(*tools.Config)) *office {
	t.Helper()
	o := &office{t: t, log: &memory{}, now: noon}
	kept, err := store.Open(
		t.Context(),
		store.Config{File: filepath.Join(t.TempDir(), "state.db"), Now: func() time.Time { return o.now }},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	o.state = &watched{Store: kept}
	p := platforms.Config{Name: "shop", Engine: sqliteWith(t, "sales", askableData),
		Discoverable: entitlements.Selectors{
			"sales.payroll",
			"sales.events",
			"sales.board",
			"sales.ledger",
			"sales.bonus",
			"sales.guarded",
		}}
	if err := errors.Join(form.Fragment("tags", "PII: [sales.orders.lastname, sales.orders.email]", &p.Tags), form.Fragment("policies", askablePolicies, &p.Policies), form.Fragment("requests.rules", askableRules, &p.Rules)); err != nil {
		t.Fatal(err)
	}
	c := tools.Config{
		Platforms: []platforms.Config{p},
		Audit:     o.log,
		Log:       zerolog.Nop(),
		Requests:  o.state,
		Pending:   14 * 24 * time.Hour,
		Again:     24 * time.Hour,
		Limits: tools.Limits{
			MaxRows:     100,
			MaxBytes:    1 << 20,
			Timeout:     20 * time.Second,
			Concurrency: 4,
		},
		Now: func() time.Time { return o.now },
	}
	for _, f := range change {
		f(&c)
	}
	if o.Tools, err = tools.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	o.desk = desk.New(o.Tools)
	return o
}

// seller is Taylor, who asks through the marketing agent.
func seller() tools.Call { return as("taylor", "Marketing") }

// through is the same caller by another agent.
func through(call tools.Call, agent string) tools.Call {
	call.Principal.Agent.ID = agent
	return call
}

// alone is an agent that nobody asked.
func alone(agent string, mayRequest bool) tools.Call {
	return tools.Call{Client: "192.0.2.1", Principal: identity.Principal{Agent: identity.Agent{
		Identity: identity.Identity{
			Kind:   identity.KindAgent,
			ID:     agent,
			Groups: []string{"Marketing"},
		}, Modes: []identity.Mode{identity.Autonomous}, MayRequest: mayRequest}}}
}

func (o *office) ask(call tools.Call, args tools.RequestArgs) *tools.AccessRequest {
	o.t.Helper()
	a, err := o.RequestAccess(o.t.Context(), call, args)
	if err != nil {
		o.t.Fatalf("%+v is refused: %+v", args, err)
	}
	return a
}

func (o *office) refused(call tools.Call, args tools.RequestArgs) *tools.Refusal {
	o.t.Helper()
	a, err := o.RequestAccess(o.t.Context(), call, args)
	if err == nil {
		o.t.Fatalf("%+v is answered with %+v", args, a)
	}
	return refusal(o.t, err)
}

// kept are all requests that there are, the newest first.
func (o *office) kept() []requests.Request {
	o.t.Helper()
	all, err := o.state.Store.List(o.t.Context(), requests.Filter{})
	if err != nil {
		o.t.Fatal(err)
	}
	return all
}

// rule has Sam decide, who is a steward.
func (o *office) rule(id string, v requests.Verdict, note string) {
	o.t.Helper()
	sam := identity.User{
		Identity: identity.Identity{Kind: identity.KindUser, ID: "sam", Groups: []string{"Stewards"}},
		Issuer:   "https://issuer.test",
		Subject:  "sam",
	}
	if _, err := o.desk.Rule(o.t.Context(), tools.Steward{User: sam, Client: "192.0.2.9"}, id, desk.Ruling{Verdict: v, Note: note}); err != nil {
		o.t.Fatalf("%s: %+v", v, err)
	}
}

// query is the rows that the caller gets, or the refusal's code and message.
func (o *office) query(call tools.Call, sql string) string {
	o.t.Helper()
	r, err := o.Query(o.t.Context(), call, tools.QueryArgs{SQL: sql})
	if err != nil {
		return refusal(o.t, err).Error()
	}
	return rows(r)
}

// steps are the tool and phase of the records since the test last looked, each with how the request stands.
func (m *memory) steps() (out []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.records {
		s := fmt.Sprintf("%s %s", r.Tool, r.Phase)
		if r.Request != nil && r.Request.Status != "" {
			s += " " + r.Request.Status
		}
		if r.Outcome != "" && r.Outcome != audit.Answered {
			s += " " + string(r.Outcome)
		}
		out = append(out, s)
	}
	m.records = nil
	return out
}

func same[T comparable](t *testing.T, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
