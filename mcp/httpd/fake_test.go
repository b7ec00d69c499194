package httpd

import (
	"net/http/httptest"
	"testing"

	protocol "github.com/mark3labs/mcp-go/mcp"
	"github.com/rs/zerolog"

	"deputy/mcp"
	"deputy/mcp/limit"
	"deputy/mcp/mcptest"
)

// What every test of the package uses of the test kit.
type (
	fakeTools         = mcptest.Tools
	fakeAuthenticator = mcptest.Authenticator
	syncBuffer        = mcptest.Buffer
	Limits            = limit.Limits
)

const (
	queryBody  = mcptest.QueryBody
	cancelBody = mcptest.CancelBody
)

var (
	orders     = mcptest.Orders
	principal  = mcptest.Principal
	callTool   = mcptest.CallTool
	textOf     = mcptest.TextOf
	header     = mcptest.Header
	do         = mcptest.Do
	send       = mcptest.Send
	logTo      = mcptest.LogTo
	request    = mcptest.Request
	modern     = mcptest.Modern
	inRevision = mcptest.InRevision
	listBody   = mcptest.ListBody
	agentKey   = mcptest.AgentKey
	as         = mcptest.As
	connect    = mcptest.Connect
)

func structured[T any](t *testing.T, r *protocol.CallToolResult) T {
	return mcptest.Structured[T](t, r)
}

func config(f *fakeTools) Config { return configFor(f, fakeAuthenticator{}) }

func configFor(f *fakeTools, who mcp.Authenticator) Config {
	return Config{
		Config:    mcp.Config{Generations: mcp.Fixed(f, who), Logger: zerolog.Nop()},
		PublicURL: "https://deputy.example.com",
		Metadata:  func() Metadata { return Metadata{Issuers: []string{"https://issuer.test"}} },
	}
}

// serve starts a real HTTP server on loopback.
func serve(t *testing.T, cfg Config) *httptest.Server {
	t.Helper()
	handler, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}
