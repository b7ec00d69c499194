// Package mcptest is what the tests of the protocol and of its transports share: tools that answer what they are told
// to, an authenticator that believes what it is told, and requests as clients of each revision send them. It does not
// know package mcp, whose own tests use it, too.
package mcptest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/tools"
	"deputy/tools/queries"
)

// Tools stands in for package tools: it answers what it is told to and remembers who asked.
type Tools struct {
	PlatformNames []string
	PurposeTexts  map[string]string
	Named         []queries.Query
	OnQuery       func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error)
	OnDescribe    func(context.Context, tools.Call, tools.DescribeArgs) (*tools.Description, error)

	mu      sync.Mutex
	Calls   []tools.Call
	Asked   []tools.RequestArgs
	Refused []string // "tool: reason"
	Away    []string // "client: code"
	Limited []string // "client agent user: reason"
}

func (f *Tools) Query(ctx context.Context, call tools.Call, args tools.QueryArgs) (*tools.QueryResult, error) {
	f.mu.Lock()
	f.Calls = append(f.Calls, call)
	f.mu.Unlock()
	if f.OnQuery != nil {
		return f.OnQuery(ctx, call, args)
	}
	return Orders(), nil
}

func (f *Tools) DescribeTable(
	ctx context.Context,
	call tools.Call,
	args tools.DescribeArgs,
) (*tools.Description, error) {
	if f.OnDescribe != nil {
		return f.OnDescribe(ctx, call, args)
	}
	return &tools.Description{
		AuditID: "a2",
		Tables:  []tools.TableSummary{{Name: "sales.orders", Description: "Orders | all", Access: "granted"}},
	}, nil
}

func (f *Tools) RequestAccess(
	ctx context.Context,
	call tools.Call,
	args tools.RequestArgs,
) (*tools.AccessRequest, error) {
	f.mu.Lock()
	f.Calls = append(f.Calls, call)
	if args.Declined {
		f.Refused = append(f.Refused, "request_access: declined")
		f.mu.Unlock()
		return nil, &tools.Refusal{Code: tools.NotPermitted, Message: "declined", AuditID: "a8"}
	}
	f.Asked = append(f.Asked, args)
	f.mu.Unlock()
	asked := &tools.AccessRequest{
		NextStep: "wait",
		AuditID:  "a9",
	}
	asked.ID, asked.Status, asked.Table, asked.Columns = "req_1", "pending", args.Table, args.Columns
	return asked, nil
}

func (f *Tools) Proposal(_ context.Context, _ tools.Call, args tools.RequestArgs) *tools.Proposal {
	if args.Table == "" || args.Table == "hr.people" {
		return nil
	}
	p := &tools.Proposal{Table: args.Table, Columns: args.Columns, Reason: args.Reason, Duration: "8h"}
	if said, asked := args.Answers["ticket"]; asked {
		p.Answers = []tools.ProposedAnswer{{Name: "ticket", Ask: "The number of the ticket", Said: said}}
	}
	return p
}

func (f *Tools) Ceiling(_ context.Context, call tools.Call, tool string) *tools.Refusal {
	scope, there := tools.ScopeOf(tool)
	if !there || call.Principal.Allows(scope) {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Refused = append(f.Refused, tool+": ceiling")
	return &tools.Refusal{Code: tools.NotPermitted, Message: "a scope is missing", AuditID: "a8"}
}

func (f *Tools) TurnAway(_ context.Context, client string, why *identity.AuthError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Away = append(f.Away, client+": "+string(why.Code))
}

func (f *Tools) OverLimit(_ context.Context, call tools.Call, reason string) *tools.Refusal {
	f.mu.Lock()
	defer f.mu.Unlock()
	who := call.Client + " " + call.Principal.Agent.ID
	if u := call.Principal.User; u != nil {
		who += " " + u.Subject
	}
	f.Limited = append(f.Limited, who+": "+reason)
	return &tools.Refusal{Code: tools.TooBusy, Message: reason, AuditID: "a8", Hint: "Wait."}
}

func (f *Tools) TurnedAway() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.Away...)
}

func (f *Tools) Refuse(_ context.Context, call tools.Call, tool, reason string) *tools.Refusal {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Calls = append(f.Calls, call)
	f.Refused = append(f.Refused, tool+": "+reason)
	return &tools.Refusal{Code: tools.InvalidArgument, Message: reason, AuditID: "a9", Hint: "Mend the arguments."}
}

func (f *Tools) Platforms() []string { return f.PlatformNames }

// Choices are all platforms but those that are named after another user.
func (f *Tools) Choices(_ context.Context, call tools.Call) []string {
	return slices.DeleteFunc(slices.Clone(f.PlatformNames), func(name string) bool {
		owner, secret := strings.CutPrefix(name, "only-")
		return secret && owner != call.Principal.User.Subject
	})
}

func (f *Tools) Dialects() map[string]string {
	return map[string]string{"lake": "SQLite", "sales": "PostgreSQL"}
}

func (f *Tools) HasQueries() bool { return len(f.Named) > 0 }

// Queries are all of them, as for Choices.
func (f *Tools) Queries(_ context.Context, call tools.Call) []queries.Query {
	return slices.DeleteFunc(slices.Clone(f.Named), func(q queries.Query) bool {
		owner, secret := strings.CutPrefix(q.Name, "only_")
		return secret && owner != call.Principal.User.Subject
	})
}

func (f *Tools) Purposes() map[string]string { return f.PurposeTexts }

func (f *Tools) Callers() (users []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.Calls {
		users = append(users, c.Principal.User.Subject)
	}
	return users
}

func (f *Tools) Refusals() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.Refused...)
}

func Orders() *tools.QueryResult {
	return &tools.QueryResult{
		Columns: []tools.Column{
			{Name: "lastname", Type: "text", MaskedBy: "hide personal data"},
			{Name: "total", Type: "numeric"},
		},
		Rows: [][]any{{"REDACTED", "89.00"}, {nil, "9007199254740993"}}, RowCount: 2, AuditID: "a1", Role: "deputy_a1",
		Notices: []string{`sales.orders.lastname is masked (constant) by policy "hide personal data"`},
	}
}

// Authenticator believes "token-NAME" to be NAME's, and knows a few tokens that fail.
type Authenticator struct{}

func (Authenticator) Authenticate(_ context.Context, c identity.Credentials) (identity.Principal, error) {
	token := c.Bearer
	if c.AgentKey != "" {
		token = c.AgentKey
	}
	switch token {
	case "":
		return identity.Principal{}, &identity.AuthError{Code: identity.Missing, Message: "a credential is needed"}
	case "forbidden":
		return identity.Principal{}, &identity.AuthError{
			Code:    identity.InsufficientAccess,
			Message: "agent bot may not act alone",
		}
	case "agent-alone":
		return identity.Principal{}, &identity.AgentOnly{Agent: identity.Agent{Identity: identity.Identity{ID: "chat"}},
			AuthError: &identity.AuthError{
				Code:    identity.InsufficientAccess,
				Message: "agent chat may not act on its own: it needs the access token of the human who asks",
			}}
	case "issuer-down":
		return identity.Principal{}, &identity.AuthError{
			Code:    identity.Unavailable,
			Message: "the issuer cannot be reached",
			Cause:   context.DeadlineExceeded,
		}
	case "mystery":
		return identity.Principal{}, io.ErrUnexpectedEOF
	}
	name, ok := strings.CutPrefix(token, "token-")
	if !ok {
		return identity.Principal{}, &identity.AuthError{Code: identity.InvalidToken, Message: "the token has expired"}
	}
	return Principal(name), nil
}

func Principal(user string) identity.Principal {
	return identity.Principal{
		Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "bot"}},
		User: &identity.User{
			Identity: identity.Identity{Kind: identity.KindUser, ID: user},
			Issuer:   "https://issuer.test",
			Subject:  user,
		},
	}
}

// Connect is a real client of mcp-go, of the newest protocol revision unless options say otherwise.
func Connect(t *testing.T, server *httptest.Server, user string, options ...client.ClientOption) *client.Client {
	t.Helper()
	pipe, err := transport.NewStreamableHTTP(
		server.URL+"/mcp",
		transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer token-" + user}),
	)
	if err != nil {
		t.Fatal(err)
	}
	c := client.NewClient(pipe, options...)
	t.Cleanup(func() { c.Close() })
	Initialize(t, c)
	return c
}

func Initialize(t *testing.T, c *client.Client) *mcp.InitializeResult {
	t.Helper()
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	result, err := c.Initialize(t.Context(), mcp.InitializeRequest{Params: mcp.InitializeParams{
		ProtocolVersion: mcp.LATEST_PROTOCOL_VERSION, ClientInfo: mcp.Implementation{Name: "test", Version: "1"}}})
	if err != nil {
		t.Fatalf("initialize: %v", err)
	}
	return result
}

func CallTool(t *testing.T, c *client.Client, tool string, args any) *mcp.CallToolResult {
	t.Helper()
	result, err := c.CallTool(t.Context(), mcp.CallToolRequest{Params: mcp.CallToolParams{Name: tool, Arguments: args}})
	if err != nil {
		t.Fatalf("call %s: %v", tool, err)
	}
	return result
}

func TextOf(t *testing.T, r *mcp.CallToolResult) string {
	t.Helper()
	if len(r.Content) != 1 {
		t.Fatalf("the result has %d parts, want one text", len(r.Content))
	}
	return r.Content[0].(mcp.TextContent).Text
}

// Structured is the structured part of a result as a client reads it.
func Structured[T any](t *testing.T, r *mcp.CallToolResult) (v T) {
	t.Helper()
	raw, err := json.Marshal(r.StructuredContent)
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// QueryBody is a whole call of the query tool, as a client without a handshake sends it.
const QueryBody = `{"jsonrpc":"2.0","id":1,"method":"tools/call",` +
	`"params":{"name":"query","arguments":{"sql":"SELECT 1"}}}`

// Request is a plain HTTP request of a user who is signed in, for those that no proper client would send.
func Request(t *testing.T, server *httptest.Server, body string, change ...func(*http.Request)) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/mcp", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer token-taylor")
	for _, f := range change {
		f(r)
	}
	return r
}

func Header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

// Do sends a request and reads the whole answer.
func Do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// LogTo makes a log that can be read while it is written.
func LogTo(b *Buffer) zerolog.Logger { return zerolog.New(b) }

type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *Buffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *Buffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
