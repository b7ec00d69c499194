package audit_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"deputy/audit"
)

// How far the state had come is known as long as the log is, whatever was sealed, deleted or opened anew since.
func TestLogKnowsTheState(t *testing.T) {
	c := audit.Config{Path: filepath.Join(t.TempDir(), "audit.jsonl"), Rotate: 2048}
	log, err := audit.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := log.State(); got != nil {
		t.Errorf("a new log knows %+v", got)
	}
	add := func(id string, sequence int64) {
		t.Helper()
		r := record(id)
		r.Phase = audit.Ended
		if sequence > 0 {
			r.State = &audit.State{Sequence: sequence, Event: fmt.Sprint("event", sequence)}
		}
		if err := log.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	again := func() {
		t.Helper()
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if log, err = audit.Open(c); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { log.Close() })
	add("a", 7)
	add("b", 5) // of another server, which was slower
	add("c", 0)
	want := audit.State{Sequence: 7, Event: "event7"}
	if got := log.State(); got == nil || *got != want {
		t.Errorf("the log knows %+v", got)
	}
	for i := range 20 {
		add(fmt.Sprint("more", i), 0)
	}
	again()
	segments, err := filepath.Glob(c.Path + ".0*")
	if err != nil || len(segments) < 2 {
		t.Fatalf("nothing was sealed: %v, %v", segments, err)
	}
	if got := log.State(); got == nil || *got != want {
		t.Errorf("after %d segments the log knows %+v", len(segments), got)
	}
	add("z", 8)
	again()
	if got := log.State(); got == nil || got.Sequence != 8 {
		t.Errorf("the log knows %+v", got)
	}
}

// A log in which a newer Deputy has written is not gone on with, opened or already open, and its records are not read
// as something else.
func TestNewerRecordsRefused(t *testing.T) {
	c := audit.Config{Path: filepath.Join(t.TempDir(), "audit.jsonl")}
	running, err := audit.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { running.Close() })
	newer, err := audit.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	r := record("new")
	r.V, r.Phase = audit.Version+1, audit.Ended
	if err := newer.Append(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	newer.Close()
	const says = "a newer Deputy wrote it (v 2, and this one knows 1): use that one"
	if err := running.Append(t.Context(), record("old")); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("a server that is running says %v", err)
	}
	if err := running.Healthy(); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("readyz says %v", err)
	}
	running.Close()
	if log, err := audit.Open(c); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("at its start a server says %v", err)
		log.Close()
	}
	var bad error
	for e, err := range audit.Records(c.Path) {
		if bad = errors.Join(bad, err); err == nil {
			t.Errorf("read as %+v", e.Record)
		}
	}
	if bad == nil || !strings.Contains(bad.Error(), says) {
		t.Errorf("a reader says %v", bad)
	}
}
