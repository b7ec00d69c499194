package main

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"deputy/audit"
	"deputy/audit/checkpoint"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/serving"
)

// rounds is how often the server is killed: 20 times, and as often as DEPUTY_KILLS says in make crash.
func rounds(t *testing.T) int {
	text := os.Getenv("DEPUTY_KILLS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKilledAtAnyMomentUnderLoadEveryRowThatLeftIsOnTheRecord(t *testing.T) {
	s := stage(t, config.SQLite)
	address := serving.Address(t)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	received := map[string]int{}
	for round := range rounds(t) {
		server := process(t, s, []string{"DEMO_AUDIT=" + path, "DEMO_LISTEN=" + address}, "serve", "--listen", address)
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		answers := load(t, s, "http://"+address+"/mcp", time.Duration(rand.IntN(150))*time.Millisecond, func() {
			server.Process.Kill() // SIGKILL: no instruction of ours runs any more
			server.Wait()
		})
		for id, rows := range answers {
			received[id] = rows
		}
		if !onTheRecord(t, path, received) || t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	key, err := checkpoint.LoadKey(path + ".key")
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(audit.Config{Path: path, Key: key}) // what the next start does
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	report, err := audit.Verify(audit.VerifyConfig{Path: path, Verifier: key.Verifier()})
	if err != nil || report.Problem != nil {
		t.Fatalf("after all that, verify says %v %v", err, report.Problem)
	}
	began, ended := map[string]bool{}, map[string]bool{}
	for e, err := range audit.Records(path) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Phase == audit.Intent {
			began[e.ID] = true
		} else {
			ended[e.ID] = true
		}
	}
	for id := range began {
		if !ended[id] {
			t.Errorf("the call %s has an intent and no outcome", id)
		}
	}
	t.Logf("%d calls were answered, %d begun", len(received), len(began))
}

// load lets eight clients call until the server is gone, and returns what each answer had.
func load(t *testing.T, s *demo.Stage, url string, after time.Duration, kill func()) map[string]int {
	t.Helper()
	token := s.TokenFor(demo.Taylor, url)
	awaited(t, url, s.AgentKey, token)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	answers := map[string]int{}
	var all sync.WaitGroup
	for range 8 {
		c := awaited(t, url, s.AgentKey, token)
		all.Go(func() {
			for {
				r, err := c.Query(ctx, map[string]any{"sql": demo.RecentOrders})
				if err != nil {
					return
				}
				mu.Lock()
				answers[r.AuditID] = r.RowCount
				mu.Unlock()
			}
		})
	}
	time.Sleep(after)
	kill()
	all.Wait()
	return answers
}

// onTheRecord compares what the clients have with what the log has, as the killed server left it.
func onTheRecord(t *testing.T, path string, received map[string]int) bool {
	t.Helper()
	intents, outcomes := map[string]bool{}, map[string]audit.Record{}
	for e, err := range audit.Records(path) {
		switch {
		case err != nil:
			t.Logf("what the crash left: %v", err)
		case e.Phase == audit.Intent:
			intents[e.ID] = true
		default:
			outcomes[e.ID] = e.Record
		}
	}
	for id, rows := range received {
		o, there := outcomes[id]
		if !intents[id] || !there || o.Outcome != audit.Answered || o.Rows != rows {
			t.Errorf("a client has %d rows of call %s; its intent is there: %v, its outcome: %+v", rows, id, intents[id], o)
			return false
		}
	}
	return true
}
