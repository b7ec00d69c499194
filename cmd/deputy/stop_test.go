package main

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"deputy/audit"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
	"deputy/internal/testkit/throwaway"
	"deputy/mcp/client"
	"deputy/tools"
)

// stopRounds is how often a server is stopped in each way: once, and as often as DEPUTY_STOPS says.
func stopRounds(t *testing.T) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("DEPUTY_STOPS"), "1"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// callers are how many calls are in the middle of something when the server is stopped.
const callers = 32

// aWhile is a statement that takes part of a second where 32 of them run.
const aWhile = `SELECT count(*) FROM sales.customer_orders, generate_series(1, 20000) AS g`

// A server that is stopped in the middle of calls answers each of them, if it can in the time that is configured; the
// others are cancelled in the database, told so, and on the record as that. The next start finds nothing to explain.
func TestStopInTheMiddleOfCalls(t *testing.T) {
	s := stage(t, config.Postgres)
	rewrite(t, s, false, "server:\n", "limits: {timeout: 5m}\nserver:\n  stop: ${TEST_STOP}\n")
	for _, transport := range []string{"serve", "stdio"} {
		for _, c := range []struct{ name, sql, stop string }{
			{"that end in time", aWhile, "5m"},
			{"that do not end", slow, "1ms"},
		} {
			t.Run(transport+" "+c.name, func(t *testing.T) {
				log := filepath.Join(t.TempDir(), "audit.jsonl")
				for range stopRounds(t) {
					server, clients := stoppable(t, s, transport, log, c.stop)
					answered := askAll(t, clients, c.sql)
					awaitCalls(t, log, callers/2)
					time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
					server.Process.Signal(syscall.SIGTERM)
					for _, err := range answered() {
						refusal, refused := errors.AsType[*tools.Refusal](err)
						if c.sql == aWhile && err != nil ||
							c.sql == slow && (!refused || refusal.Code != tools.Timeout) {
							t.Errorf("a call that was running is answered %v", err)
						}
					}
					if err := server.Wait(); err != nil {
						t.Errorf("the server ends with %v", err)
					}
					everyCallEnded(t, log, c.sql == aWhile)
					if err := os.Remove(log); err != nil || t.Failed() {
						t.FailNow()
					}
					os.RemoveAll(filepath.Dir(log))
					os.Mkdir(filepath.Dir(log), 0o700)
				}
				admin, err := s.Cluster().Open(throwaway.Superuser, "postgres")
				if err != nil {
					t.Fatal(err)
				}
				defer admin.Close()
				await(
					t,
					admin,
					`SELECT count(*) FROM pg_stat_activity WHERE usename = 'deputy_runner' AND state <> 'idle'`,
					0,
				)
			})
		}
	}
}

// stoppable starts a process and connects as many clients as there are callers; over a pipe they are one.
func stoppable(t *testing.T, s *demo.Stage, transport, log, stop string) (*exec.Cmd, []*client.Client) {
	t.Helper()
	address := serving.Address(t)
	server := process(t, s, []string{
		"TEST_STOP=" + stop, "DEMO_AUDIT=" + log, "DEMO_LISTEN=" + address,
		"DEPUTY_AGENT_KEY=" + s.AgentKey, "DEPUTY_USER_TOKEN=" + s.TokenFor(demo.Taylor, "http://"+address+"/mcp"),
	}, transport)
	var said serving.Output
	server.Stderr = &said
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(said.String())
		}
	})
	clients := make([]*client.Client, callers)
	if transport == "stdio" {
		in, err := server.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := server.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		startProcess(t, server)
		one, err := client.Stdio(t.Context(), in, out)
		if err != nil {
			t.Fatal(err)
		}
		for i := range clients {
			clients[i] = one
		}
		return server, clients
	}
	startProcess(t, server)
	url := "http://" + address + "/mcp"
	for i := range clients {
		clients[i] = awaited(t, url, s.AgentKey, s.TokenFor(demo.Taylor, url))
	}
	return server, clients
}

func startProcess(t *testing.T, server *exec.Cmd) {
	t.Helper()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill() })
}

// askAll has each client call once, and returns what waits for all of their errors.
func askAll(t *testing.T, clients []*client.Client, sql string) func() []error {
	out := make([]error, len(clients))
	var all sync.WaitGroup
	for i, c := range clients {
		all.Go(func() { _, out[i] = c.Query(t.Context(), map[string]any{"sql": sql}) })
	}
	return func() []error { all.Wait(); return out }
}

// awaitCalls returns when so many calls have an intent on the record.
func awaitCalls(t *testing.T, log string, n int) {
	t.Helper()
	for range 12_000 {
		intents := 0
		for e, err := range audit.Records(log) {
			if err == nil && e.Phase == audit.Intent {
				intents++
			}
		}
		if intents >= n {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the calls never began")
}

// everyCallEnded looks at the log as the server left it: no call lacks an outcome, and no outcome is unknown.
func everyCallEnded(t *testing.T, log string, answered bool) {
	t.Helper()
	began, ended := map[string]bool{}, map[string]audit.Outcome{}
	for e, err := range audit.Records(log) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Phase == audit.Intent {
			began[e.ID] = true
		} else {
			ended[e.ID] = e.Outcome
		}
	}
	if len(ended) != callers {
		t.Errorf("%d calls are on the record, of %d", len(ended), callers)
	}
	for id := range began {
		if ended[id] == "" {
			t.Errorf("call %s has an intent and no outcome", id)
		}
	}
	want := map[bool]audit.Outcome{true: audit.Answered, false: audit.Cancelled}[answered]
	for id, outcome := range ended {
		if outcome != want {
			t.Errorf("call %s ends as %s, not as %s", id, outcome, want)
		}
	}
}
