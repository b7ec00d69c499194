package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/audit"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/throwaway"
)

var revisions = []string{
	"",
	mcp.ProtocolVersion20241105,
	mcp.ProtocolVersion20250326,
	mcp.ProtocolVersion20250618,
	mcp.ProtocolVersion20251125,
	mcp.ProtocolVersion20260728,
}

// caller is a human of the demo who speaks HTTP by hand, with ids that are always the same: those of everybody else.
type caller struct {
	t     *testing.T
	url   string
	token string
}

const sessionID, progressToken = "session-1", "progress-1"

// send posts a message in the revision of the protocol, and reads the whole answer.
func (c caller) send(ctx context.Context, revision, message string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(message))
	if err != nil {
		return answer{}, err
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Authorization": "Bearer " + c.token,
		"Mcp-Session-Id": sessionID, "Mcp-Protocol-Version": revision} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	var head struct {
		Method string
		Params struct{ Name string }
	}
	if err := json.Unmarshal([]byte(message), &head); err != nil {
		return answer{}, err
	}
	if revision == mcp.ProtocolVersion20260728 {
		r.Header.Set("Mcp-Method", head.Method)
		if head.Params.Name != "" {
			r.Header.Set("Mcp-Name", head.Params.Name)
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

// ask calls the query tool with an id and a progress token that everybody uses.
func (c caller) ask(ctx context.Context, revision, sql string) (answer, error) {
	meta := map[string]any{"progressToken": progressToken}
	if revision == mcp.ProtocolVersion20260728 {
		meta["io.modelcontextprotocol/protocolVersion"] = revision
		meta["io.modelcontextprotocol/clientInfo"] = map[string]any{"name": "test", "version": "1"}
		meta["io.modelcontextprotocol/clientCapabilities"] = map[string]any{}
	}
	message, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
		"params": map[string]any{"name": "query", "arguments": map[string]any{"sql": sql}, "_meta": meta}})
	if err != nil {
		return answer{}, err
	}
	return c.send(ctx, revision, string(message))
}

var unlike = regexp.MustCompile(`[0-9a-z]{26}|[A-Z][a-z]{2}, [^"\]]*GMT`) // ids of calls, and the time

// look is all that there is to see of an answer, but for what is never the same.
func (c caller) look(revision, sql string) string {
	c.t.Helper()
	a, err := c.ask(c.t.Context(), revision, sql)
	if err != nil {
		c.t.Fatal(err)
	}
	return unlike.ReplaceAllString(fmt.Sprint(a.status, a.header, a.body), "…")
}

func TestNobodyReachesTheCallOfAnother(t *testing.T) {
	s := stage(t, config.Postgres)
	admin, err := s.Cluster().Open(throwaway.Superuser, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	const running = `SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^deputy_' AND query LIKE '%SELECT count(%' AND state = 'active'`
	taylor := caller{t, s.URL, s.Token(demo.Taylor)}
	mallory := caller{t, s.URL, s.Token(demo.Person{Subject: "mallory", Groups: []string{"Marketing"}})}
	const quick = "SELECT region, warehouse FROM sales.regions ORDER BY region"
	for _, revision := range revisions {
		before := mallory.look(revision, quick)
		if !strings.Contains(before, "Newark") {
			t.Fatalf("in %q mallory is answered %s", revision, before)
		}
		ctx, hangUp := context.WithCancel(t.Context())
		ended := make(chan string, 1)
		go func() {
			a, err := taylor.ask(ctx, revision, slow)
			ended <- fmt.Sprint(a.body, err)
		}()
		await(t, admin, running, 1)
		for _, other := range revisions {
			for _, attack := range []string{
				`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"x"}}`,
				`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"` + progressToken + `","progress":1}}`,
				`{"jsonrpc":"2.0","id":1,"method":"ping"}`,
				`{"jsonrpc":"2.0","id":1,"method":"tasks/cancel","params":{"taskId":"1"}}`,
			} {
				if _, err := mallory.send(t.Context(), other, attack); err != nil {
					t.Fatal(err)
				}
			}
		}
		end, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.URL, nil) // the session, as clients end it
		if err != nil {
			t.Fatal(err)
		}
		end.Header.Set("Mcp-Session-Id", sessionID)
		end.Header.Set("Authorization", "Bearer "+mallory.token)
		if response, err := http.DefaultClient.Do(end); err != nil {
			t.Fatal(err)
		} else {
			response.Body.Close()
		}
		// Taylor's call is neither in mallory's way nor to be seen.
		if during := mallory.look(revision, quick); during != before {
			t.Errorf("in %q mallory sees that taylor's call runs:\n%s\nand before:\n%s", revision, during, before)
		}
		var n int
		if err := admin.QueryRow(running).Scan(&n); err != nil || n != 1 {
			t.Errorf("in %q taylor's statement runs no more: %d, %v", revision, n, err)
		}
		select {
		case got := <-ended:
			t.Errorf("in %q taylor is answered %s", revision, got)
		default:
		}
		hangUp() // which its own client may
		<-ended
		await(t, admin, running, 0)
	}
	cancelled := 0
	for range 3000 { // a record is written when the statement has ended
		cancelled = 0
		for _, r := range records(t, s.AuditFile) {
			if r.Outcome == audit.Cancelled && r.User.ID == demo.Taylor.Subject {
				cancelled++
			}
		}
		if cancelled == len(revisions) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if cancelled != len(revisions) {
		t.Errorf("%d calls are recorded as cancelled, of %d", cancelled, len(revisions))
	}
}

func TestCallsWithTheSameIDsAreEachAnsweredTheirOwn(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s := stage(t, engine)
			var all sync.WaitGroup
			for _, who := range []struct {
				caller
				clear bool
			}{
				{caller{t, s.URL, s.Token(demo.Taylor)}, false},
				{caller{t, s.URL, s.Token(demo.Person{Subject: "casey", Groups: []string{"Privacy"}})}, true},
			} {
				for i := range 100 {
					all.Go(func() {
						marker := fmt.Sprintf("marker-%v-%d-", who.clear, i)
						a, err := who.ask(
							t.Context(),
							revisions[i%len(revisions)],
							"SELECT lastname, '"+marker+"' AS marker FROM sales.customer_orders",
						)
						if err != nil {
							t.Error(err)
							return
						}
						if a.status != http.StatusOK || strings.Count(a.body, marker) < 5 ||
							strings.Count(a.body, "marker-") != strings.Count(a.body, marker) ||
							strings.Contains(a.body, demo.Names[0]) != who.clear ||
							strings.Contains(a.body, "REDACTED") == who.clear {
							t.Errorf("call %s is answered %d %s", marker, a.status, a.body)
						}
					})
				}
			}
			all.Wait()
		})
	}
}
