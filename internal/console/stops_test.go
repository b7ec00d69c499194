package console

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/identity/stops"
	"deputy/mcp"
	"deputy/mcp/httpd"
	"deputy/mcp/mcptest"
	"deputy/tools"
	"deputy/tools/desk"
)

// waitingDesk answers when the context of the question ends.
type waitingDesk struct {
	Desk
	began chan string
	ended map[string]chan error
}

func (d *waitingDesk) Rule(ctx context.Context, s tools.Steward, _ string, _ desk.Ruling) (*desk.View, error) {
	d.began <- s.User.ID
	<-ctx.Done()
	d.ended[s.User.ID] <- context.Cause(ctx)
	return nil, ctx.Err()
}

func (d *waitingDesk) Misread(context.Context, tools.Steward, requests.Verdict, string) error {
	return errors.New("misread")
}

// named believes every token to be the name of its human.
type named struct{}

func (named) Person(_ context.Context, c identity.Credentials) (identity.User, error) {
	if c.Bearer == "" {
		return identity.User{}, &identity.AuthError{Code: identity.Missing, Message: "sign in"}
	}
	return identity.User{Identity: identity.Identity{Kind: identity.KindUser, ID: c.Bearer},
		Issuer: "https://id.example.com", Subject: c.Bearer}, nil
}

// serving is the API behind the guards of the real server.
func serving(t *testing.T, desk Desk, list mcp.Stops) http.Handler {
	t.Helper()
	handler, err := httpd.New(httpd.Config{
		Config: mcp.Config{
			Generations: mcp.Fixed(&mcptest.Tools{}, mcptest.Authenticator{}),
			Stops:       list,
			Logger:      zerolog.Nop(),
		},
		PublicURL: "https://deputy.example.com",
		Routes: []httpd.Route{API(Config{
			Desk:   func(mcp.Generation) Desk { return desk },
			People: func(mcp.Generation) People { return named{} },
			Logger: zerolog.Nop(),
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// decision is a request of a steward.
func decision(t *testing.T, steward, body string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, apiPath+"/req_1/approve", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if steward != "" {
		r.Header.Set("Authorization", "Bearer "+steward)
	}
	return r
}

// What a steward does ends when they are stopped; what others do goes on.
func TestStopEndsAStewardsStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), stops.File)
	desk := &waitingDesk{began: make(chan string, 2), ended: map[string]chan error{
		"sam": make(chan error, 1), "kim": make(chan error, 1)}}
	handler := serving(t, desk, stops.At(path, zerolog.Nop()))
	for _, steward := range []string{"sam", "kim"} {
		go handler.ServeHTTP(httptest.NewRecorder(), decision(t, steward, "{}"))
		<-desk.began
	}
	if _, err := stops.Add(t.Context(), path, "", stops.Stop{User: "sam"}); err != nil {
		t.Fatal(err)
	}
	if why := <-desk.ended["sam"]; !errors.Is(why, identity.ErrStopped) {
		t.Errorf("it ends because of %v", why)
	}
	select {
	case why := <-desk.ended["kim"]:
		t.Errorf("the other one ends because of %v", why)
	default:
	}
}

// A decision in another coding is refused before its steward is asked who they are.
func TestEncodedDecisionsRefused(t *testing.T) {
	handler := serving(t, &waitingDesk{}, nil)
	for name, change := range map[string]func(*http.Request){
		"gzip":    func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") },
		"utf-16":  func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-16") },
		"a form":  func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		"a query": func(r *http.Request) { r.URL.RawQuery = "x=1" },
		"PUT":     func(r *http.Request) { r.Method = http.MethodPut },
	} {
		r := decision(t, "", "{}")
		change(r)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if want := map[string]int{"a query": 400, "PUT": 405}[name]; w.Code != want && (want != 0 || w.Code != 415) {
			t.Errorf("%s is answered %d %s", name, w.Code, w.Body)
		}
	}
}

func TestAddressesNameOneThing(t *testing.T) {
	for path, want := range map[string]string{
		"/api/requests":                "list",
		"/api/requests/":               "none",
		"/api/requests/req_1":          "req_1 ",
		"/api/requests/req_1/":         "none",
		"/api/requests/req_1/approve":  "req_1 approve",
		"/api/requests/req_1/approve/": "req_1 approve/",
		"/api/requests/a%2Fb/deny":     "a/b deny",
		"/api/requests/a%2Fb":          "a/b ",
		"/api/requestsx":               "none",
	} {
		u := httptest.NewRequest(http.MethodGet, "/", nil).URL
		u.Path, u.RawPath = strings.ReplaceAll(path, "%2F", "/"), path
		id, verdict, ok := target(u)
		got := id + " " + string(verdict)
		if !ok {
			got = "none"
		} else if id == "" {
			got = "list"
		}
		if got != want {
			t.Errorf("%s names %q, want %q", path, got, want)
		}
	}
}
