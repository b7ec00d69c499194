package explain

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/internal/config"
)

// A state that is behind the audit log is named, as servers say it: nothing that was approved counts.
func TestStateBehindTheLog(t *testing.T) {
	c := &config.Config{Requests: config.Requests{Rules: make([]requests.Rule, 1)}}
	c.Requests.State.File = filepath.Join(t.TempDir(), "state.db")
	c.Audit.File = filepath.Join(t.TempDir(), "audit.jsonl")
	state, err := store.Open(t.Context(), store.Config{File: c.Requests.State.File})
	if err != nil {
		t.Fatal(err)
	}
	state.Close()
	ask := func() error { _, err := approved(t.Context(), c); return err }
	if err := ask(); err != nil {
		t.Fatalf("without a log: %v", err)
	}
	log, err := audit.Open(audit.Config{Path: c.Audit.File, Rotate: 2048})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	add := func(r audit.Record) {
		t.Helper()
		r.Phase, r.Tool, r.Outcome, r.Time = audit.Ended, audit.NoteState, audit.Answered, time.Now().UTC()
		if err := log.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	add(audit.Record{ID: "a"})
	if err := ask(); err != nil {
		t.Fatalf("with a log that has seen no state: %v", err)
	}
	add(audit.Record{ID: "b", State: &audit.State{Sequence: 7, Event: "seven"}})
	if err := ask(); !errors.Is(err, store.ErrRestored) {
		t.Errorf("behind the log: %v", err)
	}
	for i := range 30 { // until what said so is in another segment
		add(audit.Record{ID: fmt.Sprint("more", i)})
	}
	if sealed, err := filepath.Glob(c.Audit.File + ".0*"); err != nil || len(sealed) == 0 {
		t.Fatalf("nothing was sealed: %v", err)
	}
	if err := ask(); !errors.Is(err, store.ErrRestored) {
		t.Errorf("behind the segments before: %v", err)
	}
}
