package mcp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	protocol "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"deputy/tools"
)

// What mcp-go leaves open, shown on mcp-go alone, and then closed here. When the first half of one of these tests
// fails, the library has closed it, and our counter-measure may go.

// plain is mcp-go as its documentation sets it up, with one tool.
func plain(t *testing.T, tool server.ToolHandlerFunc) *httptest.Server {
	t.Helper()
	s := server.NewMCPServer("plain", "1", server.WithRecovery())
	s.AddTool(protocol.NewTool("query"), tool)
	web := httptest.NewServer(server.NewStreamableHTTPServer(s, server.WithStateLess(true)))
	t.Cleanup(web.Close)
	return web
}

func TestNobodyCancelsTheCallOfAnother(t *testing.T) {
	running := make(chan struct{})

	alone := plain(t, func(ctx context.Context, _ protocol.CallToolRequest) (*protocol.CallToolResult, error) {
		running <- struct{}{}
		<-ctx.Done()
		return protocol.NewToolResultText("cancelled"), nil
	})
	answer := send(t, request(t, alone, queryBody))
	<-running
	do(t, request(t, alone, cancelBody))
	if got := <-answer; !strings.Contains(got, "cancelled") {
		t.Fatalf("mcp-go alone: %s", got)
	}

	release := make(chan struct{})
	ours := serve(
		t,
		config(&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			running <- struct{}{}
			<-release
			return orders(), ctx.Err()
		}}),
	)
	answer = send(t, request(t, ours, queryBody))
	<-running
	mallory := header("Authorization", "Bearer token-mallory")
	for _, attack := range []string{
		cancelBody,
		strings.Replace(cancelBody, `"method"`, `"Method"`, 1),
		strings.Replace(cancelBody, `{"json`, `{"method":"ping","json`, 1),
		strings.Replace(cancelBody, `{"json`, `{"id":null,"json`, 1),
		strings.Replace(cancelBody, `{"json`, `{"id":7,"json`, 1),
		`[` + cancelBody + `]`,
	} {
		do(t, request(t, ours, attack, func(r *http.Request) { r.Header.Del("Authorization") }, mallory))
	}
	close(release)
	if got := <-answer; !strings.Contains(got, `"audit_id":"a1"`) {
		t.Errorf("taylor's call was cancelled by mallory: %s", got)
	}
}

func TestACallEndsWithItsClient(t *testing.T) {
	running, ended := make(chan struct{}), make(chan struct{})
	web := serve(
		t,
		config(&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			close(running)
			<-ctx.Done()
			close(ended)
			return nil, ctx.Err()
		}}),
	)
	ctx, hangUp := context.WithCancel(t.Context())
	send(t, request(t, web, queryBody).WithContext(ctx))
	<-running
	hangUp()
	<-ended // else the statement would run on in the database
}

func TestErrorTextsOfGoAreForTheLogOnly(t *testing.T) {
	alone := plain(t, func(context.Context, protocol.CallToolRequest) (*protocol.CallToolResult, error) {
		return nil, fmt.Errorf("dial tcp 10.0.0.7:5432: connection refused")
	})
	if _, body := do(t, request(t, alone, queryBody)); !strings.Contains(body, "10.0.0.7") {
		t.Fatalf("mcp-go alone: %s", body)
	}
	unreadable := `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":7}}`
	if _, body := do(t, request(t, alone, unreadable)); !strings.Contains(body, "Go struct field") {
		t.Fatalf("mcp-go alone: %s", body)
	}

	ours := serve(t, config(&fakeTools{}))
	for _, method := range []string{"initialize", "ping", "server/discover", "tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read",
		"resources/subscribe", "resources/unsubscribe", "prompts/list", "prompts/get", "subscriptions/listen", "completion/complete", "logging/setLevel",
		"tasks/get", "tasks/list", "tasks/result", "tasks/cancel", "no/such"} {
		for _, params := range []string{`7`, `[]`, `{"name":7,"uri":7,"cursor":7,"protocolVersion":7,"notifications":7}`, `{"_meta":7}`, `{"cursor":"%%"}`, `{"task":7}`,
			`{"_meta":{"progressToken":{}}}`, `{"arguments":7,"name":"query"}`, `{}`} {
			_, body := do(t, request(t, ours, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)))
			for _, leak := range []string{"Go ", "json:", "unmarshal", "mcp.", "unparsable", "base64"} {
				if strings.Contains(body, leak) {
					t.Errorf("%s %s: %q in %s", method, params, leak, body)
				}
			}
		}
	}
}

func TestKeysInOtherLettersAreNotRead(t *testing.T) {
	ran := false
	alone := plain(t, func(context.Context, protocol.CallToolRequest) (*protocol.CallToolResult, error) {
		ran = true
		return protocol.NewToolResultText(""), nil
	})
	disguised := `{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call","Params":{"NAME":"query"}}`
	if do(t, request(t, alone, disguised)); !ran {
		t.Fatal("mcp-go alone reads keys exactly")
	}
	fake := &fakeTools{}
	response, body := do(t, request(t, serve(t, config(fake)), disguised))
	if response.StatusCode != http.StatusBadRequest || len(fake.Callers()) > len(fake.Refusals()) {
		t.Errorf("answer %d %s", response.StatusCode, body)
	}
}

func TestNoSessionIsKept(t *testing.T) {
	web := serve(t, config(&fakeTools{}))
	initialize := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`
	response, body := do(t, request(t, web, initialize))
	if response.StatusCode != http.StatusOK || response.Header.Get("Mcp-Session-Id") != "" {
		t.Errorf("answer %d with the session %q: %s", response.StatusCode, response.Header.Get("Mcp-Session-Id"), body)
	}
}
