package assembly_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/identity"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/issuer"
	"deputy/mcp/stdio"
)

// endless counts for longer than anybody waits, and makes nothing that has to be kept.
var endless = func() string {
	sql := "SELECT count(*) FROM customer_orders"
	for i := range 20 {
		sql += fmt.Sprintf(", customer_orders t%d", i)
	}
	return sql
}()

func callOf(sql string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":{"platform":"shop","sql":"` + sql + `"}}}`
}

// The whole way, on both transports and both engines: who asked wants no answer any more, and the database stops.
func TestACancellationReachesTheDatabase(t *testing.T) {
	for _, transport := range []string{"stdio", "HTTP"} {
		t.Run(transport, func(t *testing.T) {
			onBothEngines(t, func(t *testing.T, w *world) {
				cancel := w.begin(transport, endless)
				intent := w.awaitRecord(func(r audit.Record) bool { return r.Phase == audit.Intent })
				w.awaitSessions(intent.Role.Name, 1)
				cancel()
				ended := w.awaitRecord(func(r audit.Record) bool { return r.Phase == audit.Ended && r.ID == intent.ID })
				if ended.Outcome != audit.Cancelled || ended.Rows != 0 {
					t.Errorf("the record says %s, %d rows", ended.Outcome, ended.Rows)
				}
				w.awaitSessions(intent.Role.Name, 0)
				if got := w.sees(); got != "REDACTED" {
					t.Errorf("the next call gives %s", got)
				}
			})
		})
	}
}

// begin sends a call as Taylor's host would, and returns what cancels it.
func (w *world) begin(transport, sql string) (cancel func()) {
	w.t.Helper()
	if transport == "stdio" {
		in, client := io.Pipe()
		out, server := io.Pipe()
		credentials := func() (identity.Credentials, error) {
			return identity.Credentials{AgentKey: w.stage.AgentKey, UserToken: w.stage.Token(demo.Taylor)}, nil
		}
		served, piped := make(chan error), w.Stdio("test")
		piped.Credentials = credentials
		go func() { served <- stdio.Serve(w.t.Context(), piped, in, server) }()
		go io.Copy(io.Discard, out)
		fmt.Fprintln(client, callOf(sql))
		w.t.Cleanup(func() { client.Close(); <-served })
		return func() {
			fmt.Fprintln(client, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
		}
	}
	ctx, hangUp := context.WithCancel(context.Background())
	r := w.request(ctx, w.serve(), callOf(sql), w.stage.AgentKey, w.stage.Token(demo.Taylor))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if response, err := http.DefaultClient.Do(r); err == nil {
			response.Body.Close()
			w.t.Errorf("the call is answered %s", response.Status)
		}
	}()
	w.t.Cleanup(func() { hangUp(); <-ended })
	return hangUp
}

func (w *world) request(ctx context.Context, url, body, bearer, userToken string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/mcp", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	if userToken != "" {
		r.Header.Set("Deputy-User-Token", userToken)
	}
	return r
}

// awaitRecord waits until the audit log has a record of which is is true.
func (w *world) awaitRecord(is func(audit.Record) bool) audit.Record {
	w.t.Helper()
	for range 12_000 {
		if file, err := os.Open(w.audit); err == nil {
			for r, err := range audit.Read(file) {
				if err == nil && is(r) {
					file.Close()
					return r
				}
			}
			file.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatal("the record never came")
	return audit.Record{}
}

// awaitSessions waits until so many sessions of PostgreSQL run what the role was vended for. SQLite has none to look
// at: there, that the call has ended at all is what shows.
func (w *world) awaitSessions(role string, want int) {
	w.t.Helper()
	if w.stage.Cluster() == nil {
		return
	}
	db, err := w.stage.Cluster().Open("postgres", "postgres")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	for range 12_000 {
		var n int
		if err := db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'`, role).Scan(&n); err != nil {
			w.t.Fatal(err)
		}
		if n == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("there never were %d sessions of %s", want, role)
}

// With the demo's real issuer and registry: the marketing agent may not act on its own.
func TestToolsAreListedBeforeAHumanIsPresent(t *testing.T) {
	w := follow(t, config.SQLite)
	url := w.serve()
	send := func(body, bearer string) (int, string) {
		response, err := http.DefaultClient.Do(w.request(t.Context(), url, body, bearer, ""))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(text)
	}
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	alone := w.stage.Issuer().Token(issuer.Claims{Subject: "marketing-chat", ClientID: "marketing-chat"})
	for name, credential := range map[string]string{"key": w.stage.AgentKey, "token": alone} {
		if status, body := send(list, credential); status != http.StatusOK || !strings.Contains(body, `"query"`) ||
			!strings.Contains(body, "SQLite's SQL") {
			t.Errorf("with its %s the agent is told %d %s", name, status, body)
		}
		if status, body := send(callOf(names), credential); status != http.StatusForbidden ||
			!strings.Contains(body, "it needs the access token of the human who asks") {
			t.Errorf("with its %s alone the agent gets %d %s", name, status, body)
		}
	}
	if status, body := send(list, ""); status != http.StatusUnauthorized {
		t.Errorf("nobody is told %d %s", status, body)
	}
	if status, body := send(list, w.stage.AgentKey+"x"); status != http.StatusUnauthorized {
		t.Errorf("a wrong key is told %d %s", status, body)
	}
}
