package underway_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"deputy/audit"
	"deputy/audit/underway"
)

// paper is a log in memory; the intent of a waits until held is closed.
type paper struct {
	held chan struct{}
	came chan string

	mu      sync.Mutex
	written []audit.Record
}

func (p *paper) Append(_ context.Context, r audit.Record) error {
	if p.held != nil && r.ID == "a" && r.Phase == audit.Intent {
		p.came <- r.ID
		<-p.held
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written = append(p.written, r)
	return nil
}

func record(id string, phase audit.Phase) audit.Record {
	return audit.Record{ID: id, Phase: phase, Tool: "query", Time: time.Unix(1_800_000_000, 0)}
}

// Whatever a call has come to, it has one outcome after the end.
func TestCutOff(t *testing.T) {
	log := &paper{}
	calls := underway.New(log, func() time.Time { return time.Unix(1_800_000_003, 0) })
	for _, id := range []string{"analysed", "running", "ended", "asking"} {
		calls.Begin(record(id, ""))
	}
	asking := record("asking", audit.Intent)
	asking.Request = &audit.Request{ID: "q1"}
	for _, r := range []audit.Record{record("running", audit.Intent), record("ended", audit.Ended), asking} {
		if err := calls.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := calls.CutOff(t.Context()); n != 3 || err != nil {
		t.Errorf("%d calls are cut off, %v", n, err)
	}
	outcomes := map[string]audit.Outcome{}
	for _, r := range log.written {
		if r.Phase != audit.Ended {
			continue
		}
		if _, twice := outcomes[r.ID]; twice {
			t.Errorf("%s has two outcomes", r.ID)
		}
		if outcomes[r.ID] = r.Outcome; r.Outcome == audit.Cancelled && r.Duration != 3*time.Second {
			t.Errorf("%s took %s", r.ID, r.Duration)
		}
	}
	for id, want := range map[string]audit.Outcome{
		"analysed": audit.Cancelled, "running": audit.Cancelled, "ended": "",
		"asking": audit.Unknown, // its step may have been taken
	} {
		if got, there := outcomes[id]; got != want || !there {
			t.Errorf("%s ends as %q (%v), not %q", id, got, there, want)
		}
	}
	for _, r := range []audit.Record{
		record("running", audit.Ended), record("analysed", audit.Intent), record("new", audit.Intent),
	} {
		if err := calls.Append(t.Context(), r); !errors.Is(err, underway.ErrCut) {
			t.Errorf("after the end, %s is taken: %v", r.ID, err)
		}
	}
	calls.Begin(record("late", ""))
	if n, err := calls.CutOff(t.Context()); n != 0 || err != nil {
		t.Errorf("a second end finds %d calls, %v", n, err)
	}
}

// An intent that is on its way to the disk comes before the outcome, and its statement does not run.
func TestIntentOnItsWay(t *testing.T) {
	log := &paper{held: make(chan struct{}), came: make(chan string)}
	calls := underway.New(log, nil)
	calls.Begin(record("a", ""))
	intended, cut := make(chan error), make(chan struct{})
	go func() { intended <- calls.Append(t.Context(), record("a", audit.Intent)) }()
	<-log.came
	go func() { calls.CutOff(t.Context()); close(cut) }()
	for { // until the end has begun
		if calls.Append(t.Context(), record("b", audit.Intent)) != nil {
			break
		}
	}
	close(log.held)
	if err := <-intended; !errors.Is(err, underway.ErrCut) {
		t.Errorf("the statement may run: %v", err)
	}
	<-cut
	var phases []audit.Phase
	for _, r := range log.written {
		if r.ID == "a" {
			phases = append(phases, r.Phase)
		}
	}
	if !slices.Equal(phases, []audit.Phase{audit.Intent, audit.Ended}) {
		t.Errorf("the log has %q of the call", phases)
	}
}
