package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	protocol "github.com/mark3labs/mcp-go/mcp"
)

// confirming is a tool that asks its human before it runs, as request_access does, and remembers what it was told.
type confirming struct {
	mu   sync.Mutex
	told []Answer
}

var confirmForm = Form{Message: "Ask for access to sales.orders?", Fields: []Field{
	{Name: "reason", Title: "Reason", Required: true, MaxLength: 20},
	{Name: "duration", Title: "For how long", Default: "4h", Choices: []string{"1h", "4h"}},
}}

func (c *confirming) config() Config {
	cfg := config(&fakeTools{})
	cfg.StateKey = bytes.Repeat([]byte("k"), 32)
	form := func(sql string) *Form {
		if sql == "nothing to ask" {
			return nil
		}
		f := confirmForm
		f.Message += " " + sql
		return &f
	}
	cfg.Config = cfg.Asking(form, func(said Answer) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.told = append(c.told, said)
	})
	return cfg
}

func (c *confirming) answers() []Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Answer{}, c.told...)
}

// human is in front of a real client, and does as told.
type human struct {
	says protocol.ElicitationResult
	fail error

	mu    sync.Mutex
	asked []protocol.ElicitationParams
}

func (h *human) Elicit(_ context.Context, r protocol.ElicitationRequest) (*protocol.ElicitationResult, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, r.Params)
	return &h.says, h.fail
}

func says(action protocol.ElicitationResponseAction, content any) protocol.ElicitationResult {
	return protocol.ElicitationResult{ElicitationResponse: protocol.ElicitationResponse{Action: action, Content: content}}
}

func TestTheHumanIsAskedThroughTheClient(t *testing.T) {
	yes := map[string]any{"reason": "audit", "duration": "1h"}
	for _, tt := range []struct {
		name string
		says protocol.ElicitationResult
		want Answer
	}{
		{"yes", says("accept", yes), Answer{Accepted, map[string]string{"reason": "audit", "duration": "1h"}}},
		{"no", says("decline", yes), Answer{Action: Declined}},
		{"closed", says("cancel", nil), Answer{Action: Dismissed}},
		{"something else", says("ACCEPT", yes), Answer{Action: Dismissed}},
		{"yes, and not what for", says("accept", nil), Answer{Action: Dismissed}},
		{"yes, and for ever", says("accept", map[string]any{"reason": "audit", "duration": "forever"}), Answer{Action: Dismissed}},
		{"yes, at length", says("accept", map[string]any{"reason": strings.Repeat("x", 21)}), Answer{Action: Dismissed}},
		{"yes, and more", says("accept", map[string]any{"reason": "audit", "approved": "true"}), Answer{Action: Dismissed}},
		{"yes, as a number", says("accept", map[string]any{"reason": 7}), Answer{Action: Dismissed}},
	} {
		for _, how := range []string{"HTTP 2026-07-28", "stdio 2026-07-28", "stdio 2025-11-25", "stdio 2025-06-18"} {
			t.Run(tt.name+" over "+how, func(t *testing.T) {
				transportName, revision, _ := strings.Cut(how, " ")
				tool, person := &confirming{}, &human{says: tt.says}
				callTool(
					t,
					clientWithHuman(t, tool.config(), transportName, revision, person),
					"confirm",
					map[string]any{"sql": "x"},
				)
				if got := tool.answers(); !reflect.DeepEqual(got, []Answer{tt.want}) {
					t.Errorf("the tool is told %+v, want %+v once", got, tt.want)
				}
				if len(person.asked) != 1 || person.asked[0].Message != "Ask for access to sales.orders? x" {
					t.Fatalf("the human is asked %+v", person.asked)
				}
				shown, _ := json.Marshal(person.asked[0].RequestedSchema)
				if want := `{"properties":{"duration":{"default":"4h","enum":["1h","4h"],"title":"For how long","type":"string"},` +
					`"reason":{"maxLength":20,"title":"Reason","type":"string"}},"required":["reason"],"type":"object"}`; string(shown) != want {
					t.Errorf("the form is %s, want %s", shown, want)
				}
			})
		}
	}
}

// clientWithHuman speaks HTTP to two replicas in turn, or over a pipe.
func clientWithHuman(t *testing.T, cfg Config, kind, revision string, person *human) *client.Client {
	t.Helper()
	var pipe transport.Interface
	if kind == "HTTP" {
		replicas := &alternating{}
		for range 2 {
			u, err := url.Parse(serve(t, cfg).URL)
			if err != nil {
				t.Fatal(err)
			}
			replicas.Replicas = append(replicas.Replicas, u)
		}
		var err error
		pipe, err = transport.NewStreamableHTTP(
			replicas.Replicas[0].String()+endpoint,
			transport.WithHTTPBasicClient(&http.Client{Transport: replicas}),
			transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer token-taylor"}),
		)
		if err != nil {
			t.Fatal(err)
		}
	} else {
		fromClient, toClient, wait := piping(t, cfg)
		t.Cleanup(wait)
		t.Cleanup(func() { fromClient.Close() })
		pipe = transport.NewIO(toClient, fromClient, io.NopCloser(strings.NewReader("")))
	}
	var options []client.ClientOption
	if person != nil {
		options = append(options, client.WithElicitationHandler(person))
	}
	return clientFor(t, revision, pipe, options...)
}

func TestWhoCannotBeAskedIsNotAsked(t *testing.T) {
	for _, how := range []string{"HTTP 2026-07-28 nobody", "stdio 2026-07-28 nobody", "stdio 2025-11-25 nobody",
		"HTTP 2025-11-25 human", "HTTP 2025-03-26 human", "stdio 2025-03-26 human", "stdio 2024-11-05 human"} {
		t.Run(how, func(t *testing.T) {
			words := strings.Fields(how)
			tool := &confirming{}
			var person *human
			if words[2] == "human" {
				person = &human{says: says("accept", map[string]any{"reason": "x"})}
			}
			// must not hang
			callTool(t, clientWithHuman(t, tool.config(), words[0], words[1], person), "confirm", map[string]any{"sql": "x"})
			if got := tool.answers(); !reflect.DeepEqual(got, []Answer{{Action: Unsupported}}) {
				t.Errorf("the tool is told %+v", got)
			}
			if person != nil && len(person.asked) > 0 {
				t.Errorf("the human is asked %+v", person.asked)
			}
		})
	}
}

func TestAClientThatShowsOnlyPagesIsNotAsked(t *testing.T) {
	for capabilities, want := range map[string]bool{`{}`: false, `{"elicitation":{}}`: true, `{"elicitation":{"form":{}}}`: true,
		`{"elicitation":{"url":{}}}`: false, `{"elicitation":{"url":{},"form":{}}}`: true, `{"elicitation":null}`: false} {
		tool := &confirming{}
		_, body := confirmIn(t, serve(t, tool.config()), "confirm", `{"sql":"x"}`, "", capabilities)
		if asked := strings.Contains(body, `"input_required"`); asked != want || want == (len(tool.answers()) == 1) {
			t.Errorf("%s: %s", capabilities, body)
		}
	}
}

func TestNothingIsAskedWhenThereIsNothingToAsk(t *testing.T) {
	tool, person := &confirming{}, &human{}
	callTool(
		t,
		clientWithHuman(t, tool.config(), "stdio", "2025-11-25", person),
		"confirm",
		map[string]any{"sql": "nothing to ask"},
	)
	if got := tool.answers(); !reflect.DeepEqual(got, []Answer{{}}) || len(person.asked) > 0 {
		t.Errorf("the tool is told %+v, the human is asked %+v", got, person.asked)
	}
}

func TestAClientThatFailsHasAskedNobody(t *testing.T) {
	tool := &confirming{}
	callTool(
		t,
		clientWithHuman(t, tool.config(), "stdio", "2025-11-25", &human{fail: errors.New("no window")}),
		"confirm",
		map[string]any{"sql": "x"},
	)
	if got := tool.answers(); !reflect.DeepEqual(got, []Answer{{Action: Dismissed}}) {
		t.Errorf("the tool is told %+v", got)
	}
}

// confirmIn calls in the newest revision, as any program could. What is more stands in params beside the arguments.
func confirmIn(
	t *testing.T,
	web *httptest.Server,
	tool, arguments, more, capabilities string,
	change ...func(*http.Request),
) (*http.Response, string) {
	t.Helper()
	body := fmt.Sprintf(
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s%s}}`,
		tool,
		arguments,
		more,
	)
	return do(
		t,
		request(
			t,
			web,
			modern(body, capabilities),
			append([]func(*http.Request){inRevision(protocol.ProtocolVersion20260728, "tools/call", tool)}, change...)...),
	)
}
