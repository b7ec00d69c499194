package mcp_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	protocol "github.com/mark3labs/mcp-go/mcp"
	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/mcp"
	"deputy/mcp/httpd"
	"deputy/mcp/limit"
	"deputy/mcp/mcptest"
	"deputy/mcp/stdio"
)

// What the tests that speak over the transports share.
type (
	fakeTools         = mcptest.Tools
	fakeAuthenticator = mcptest.Authenticator
	syncBuffer        = mcptest.Buffer
	alternating       = mcptest.Alternating
	Config            = httpd.Config
	Limits            = limit.Limits
	Answer            = mcp.Answer
	Form              = mcp.Form
	Field             = mcp.Field
)

const (
	queryBody    = mcptest.QueryBody
	cancelBody   = mcptest.CancelBody
	endpoint     = "/mcp"
	toolQuery    = "query"
	toolDescribe = "describe_table"
	toolRequest  = "request_access"

	Accepted     = mcp.Accepted
	Declined     = mcp.Declined
	Dismissed    = mcp.Dismissed
	Unsupported  = mcp.Unsupported
	questionLife = mcp.QuestionLife
)

var (
	orders     = mcptest.Orders
	callTool   = mcptest.CallTool
	textOf     = mcptest.TextOf
	header     = mcptest.Header
	do         = mcptest.Do
	send       = mcptest.Send
	request    = mcptest.Request
	modern     = mcptest.Modern
	inRevision = mcptest.InRevision
	clientFor  = mcptest.ClientFor
	listBody   = mcptest.ListBody
	agentKey   = mcptest.AgentKey
	taylorsKey = mcptest.TaylorsKey
	revisions  = mcptest.Revisions
)

func structured[T any](t *testing.T, r *protocol.CallToolResult) T {
	return mcptest.Structured[T](t, r)
}

func config(f *fakeTools) Config { return configFor(f, fakeAuthenticator{}) }

func configFor(f *fakeTools, who mcp.Authenticator) Config {
	return Config{
		Config:    mcp.Config{Generations: mcp.Fixed(f, who), Logger: zerolog.Nop()},
		PublicURL: "https://deputy.example.com",
	}
}

// overPipes is the same over standard input and output.
func overPipes(cfg Config, credentials func() (identity.Credentials, error)) stdio.Config {
	return stdio.Config{Config: cfg.Config, Limits: cfg.Limits, Credentials: credentials}
}

// serve starts a real HTTP server on loopback.
func serve(t *testing.T, cfg Config) *httptest.Server {
	t.Helper()
	handler, err := httpd.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// piped gives the answers to the lines of input, by id. The input ends with its last line.
func piped(t *testing.T, cfg Config, input string, credentials func() (identity.Credentials, error)) map[string]string {
	t.Helper()
	var out bytes.Buffer
	if err := stdio.Serve(t.Context(), overPipes(cfg, credentials), strings.NewReader(input), &out); err != nil {
		t.Fatal(err)
	}
	return answersIn(t, &out)
}

func answersIn(t *testing.T, out io.Reader) map[string]string {
	t.Helper()
	answers := map[string]string{}
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			return answers
		}
		var answer struct {
			Version string          `json:"jsonrpc"`
			ID      json.RawMessage `json:"id"`
		}
		if err != nil || json.Unmarshal([]byte(line), &answer) != nil || answer.Version != "2.0" {
			t.Fatalf("something other than the protocol is on standard output: %q, %v", line, err)
		}
		answers[string(answer.ID)] += line
	}
}

func queryLine(id any) string {
	return strings.Replace(queryBody, `"id":1`, fmt.Sprintf(`"id":%v`, id), 1) + "\n"
}

// piping serves one client over pipes. When the client's end is closed, wait returns when the server has ended.
func piping(t *testing.T, cfg Config) (fromClient io.WriteCloser, toClient io.Reader, wait func()) {
	t.Helper()
	in, fromClient := io.Pipe()
	toClient, out := io.Pipe()
	var served sync.WaitGroup
	served.Go(func() {
		err := stdio.Serve(t.Context(), overPipes(cfg, taylorsKey), in, out)
		if err != nil && t.Context().Err() == nil {
			t.Errorf("the server ends with %v", err)
		}
		out.Close()
	})
	return fromClient, toClient, served.Wait
}
