package httpd

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"deputy/identity"
)

func TestAnAgentWithoutItsHumanIsToldWhatThereIsAndNoMore(t *testing.T) {
	for _, tt := range []struct {
		body   string
		status int
	}{
		{`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`, 200},
		{listBody("ping"), 200},
		{listBody("tools/list"), 200},
		{listBody("resources/list"), 200},
		{listBody("resources/templates/list"), 200},
		{listBody("prompts/list"), 200},
		{`{"jsonrpc":"2.0","method":"notifications/initialized"}`, 202},
		{queryBody, 403},
		{strings.Replace(queryBody, `"query"`, `"describe_table"`, 1), 403},
		{strings.Replace(queryBody, `"query"`, `"drop_table"`, 1), 403},
		{listBody("resources/read"), 403},
		{listBody("subscriptions/listen"), 403},
		{listBody("tasks/list"), 403},
		{listBody("no/such"), 403},
	} {
		fake := &fakeTools{}
		response, body := do(t, request(t, serve(t, config(fake)), tt.body, agentKey))
		if response.StatusCode != tt.status {
			t.Errorf("%s: answer %d %s, want %d", tt.body, response.StatusCode, body, tt.status)
		}
		if len(fake.Callers()) > 0 || len(fake.Refusals()) > 0 {
			t.Errorf("%s: a tool was reached", tt.body)
		}
		refused := []string{}
		if tt.status == 403 {
			refused = append(refused, "127.0.0.1: insufficient_access")
			if !strings.Contains(body, "it needs the access token of the human who asks") ||
				response.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: nothing says what is missing: %s", tt.body, body)
			}
		}
		if got := fake.TurnedAway(); !reflect.DeepEqual(got, refused) {
			t.Errorf("%s: for the record there is %q, want %q", tt.body, got, refused)
		}
	}
}

func TestTheNewestRevisionDiscoversWithoutAHuman(t *testing.T) {
	web := serve(t, config(&fakeTools{}))
	for _, method := range []string{"server/discover", "tools/list"} {
		response, body := do(t, request(t, web, modern(listBody(method)), inRevision("2026-07-28", method, ""), agentKey))
		if response.StatusCode != http.StatusOK || !strings.Contains(body, `"result"`) {
			t.Errorf("%s: answer %d %s", method, response.StatusCode, body)
		}
	}
	response, body := do(t, request(t, web, modern(queryBody), inRevision("2026-07-28", "tools/call", "query"), agentKey))
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("a call is answered %d %s", response.StatusCode, body)
	}
}

func TestNobodyIsToldAnythingWithoutACredential(t *testing.T) {
	for _, method := range []string{"initialize", "server/discover", "ping", "tools/list", "resources/list",
		"resources/templates/list", "prompts/list"} {
		response, _ := do(
			t,
			request(
				t,
				serve(t, config(&fakeTools{})),
				listBody(method),
				func(r *http.Request) { r.Header.Del("Authorization") },
			),
		)
		if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: answer %d, challenge %q", method, response.StatusCode, response.Header.Get("WWW-Authenticate"))
		}
	}
}

func TestNoToolRunsForAnAgentWithoutItsHuman(t *testing.T) {
	// The second lock: as if listing had been forgotten in the list.
	fake := &fakeTools{}
	cfg := config(fake)
	s, err := newServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, endpoint, nil)
	r.Header.Set("Content-Type", "application/json")
	alone := &call{
		only:    &identity.AgentOnly{AuthError: &identity.AuthError{Code: identity.InsufficientAccess}},
		proved:  true,
		request: r.Context(),
		body:    []byte(queryBody),
	}
	alone.Generation = cfg.Generations.Now()
	w := httptest.NewRecorder()
	s.message(s.toProtocol)(w, r, alone)
	if len(fake.Callers()) > 0 || !strings.Contains(w.Body.String(), `"isError":true`) {
		t.Errorf("the call is answered %s", w.Body)
	}
}

func TestAnAgentWithoutItsHumanCountsAgainstItsOwnLimit(t *testing.T) {
	alone := &call{only: &identity.AgentOnly{Agent: identity.Agent{Identity: identity.Identity{ID: "chat"}}}}
	if got := alone.counted().Principal; got.Agent.ID != "chat" || got.User != nil {
		t.Errorf("it counts against %+v", got)
	}
}
