package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/internal/config"
)

// A state that is behind the audit log, or gone, is a problem: nothing that was approved counts in it.
func TestStateHeldAgainstLog(t *testing.T) {
	c := &config.Config{Requests: config.Requests{Rules: make([]requests.Rule, 1)}}
	c.Requests.State.File = filepath.Join(t.TempDir(), "state.db")
	c.Audit.File = filepath.Join(t.TempDir(), "audit.jsonl")
	found := func(when string, words ...string) {
		t.Helper()
		got := checkState(t.Context(), c)
		if len(got) != min(1, len(words)) {
			t.Fatalf("%s: %v", when, got)
		}
		for _, w := range words {
			if !strings.Contains(got[0].Text, w) || got[0].Level != level(false) {
				t.Errorf("%s is not found to be %q: %v", when, w, got)
			}
		}
	}
	found("neither log nor state")
	if _, err := os.Stat(c.Requests.State.File); err == nil {
		t.Error("check made a state")
	}
	log, err := audit.Open(audit.Config{Path: c.Audit.File})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	found("a log that knows of no state")
	err = log.Append(t.Context(), audit.Record{
		ID: "a", Phase: audit.Ended, Tool: audit.NoteState, Outcome: audit.Answered, Time: time.Now().UTC(),
		State: &audit.State{Sequence: 7, Event: "seven"},
	})
	if err != nil {
		t.Fatal(err)
	}
	found("a state that is gone", "requests.state", "is gone", "event 7", "accept-restore")
	state, err := store.Open(t.Context(), store.Config{File: c.Requests.State.File})
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	found("a state that is behind", "requests.state", "restored from a copy", "accept-restore")
	c.Requests.Rules = nil
	found("without rules")
}
