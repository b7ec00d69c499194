package httpd

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"deputy/mcp"
	"deputy/tools"
)

func TestNotificationsNeverReachMCPGo(t *testing.T) {
	s, err := newServer(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"notifications/cancelled", "notifications/initialized", "notifications/no/such"} {
		guard := s.message(func(http.ResponseWriter, *http.Request, *call) { t.Errorf("%s is passed on", method) })
		w := httptest.NewRecorder()
		guard(w, httptest.NewRequest(http.MethodPost, endpoint, nil),
			&call{body: []byte(`{"jsonrpc":"2.0","method":"` + method + `"}`)})
		if w.Code != http.StatusAccepted || w.Body.Len() > 0 {
			t.Errorf("%s is answered %d %q", method, w.Code, w.Body)
		}
	}
}

func TestToolsOverHTTPDoNotRunInAContextThatMCPGoCancels(t *testing.T) {
	// The second lock: as if a cancellation had got past the guard of messages.
	running, cancelled := make(chan struct{}), make(chan struct{})
	fake := &fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
		close(running)
		<-cancelled
		return orders(), ctx.Err()
	}}
	s, err := newServer(config(fake))
	if err != nil {
		t.Fatal(err)
	}
	post := func(body string) string {
		m, problem := mcp.ReadMessage([]byte(body))
		if problem != nil {
			t.Error(problem.Text)
		}
		r := httptest.NewRequest(http.MethodPost, endpoint, nil)
		r.Header.Set("Content-Type", "application/json")
		c := &call{proved: true, principal: principal("taylor"), request: r.Context()}
		c.Generation, c.Message = s.config.Generations.Now(), m
		w := httptest.NewRecorder()
		s.toProtocol(w, r, c)
		return w.Body.String()
	}
	answer := make(chan string)
	go func() { answer <- post(queryBody) }()
	<-running
	post(cancelBody)
	close(cancelled)
	if got := <-answer; !strings.Contains(got, `"audit_id":"a1"`) {
		t.Errorf("the call was cancelled: %s", got)
	}
}
