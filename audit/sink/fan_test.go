package sink_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deputy/audit"
	"deputy/audit/sink"
)

// collector is a sink that takes messages, or fails, or hangs, as it is told.
type collector struct {
	mu    sync.Mutex
	taken []string // "id phase outcome"
	fails error
	hangs chan struct{}            // not nil: until it is closed, whatever the context says
	wants func(audit.Record) error // nil: all
}

func (c *collector) Deliver(ctx context.Context, messages []sink.Message) error {
	c.mu.Lock()
	hangs := c.hangs
	c.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fails != nil {
		return c.fails
	}
	for _, m := range messages {
		if c.wants != nil && c.wants(m.Record) != nil {
			return &sink.Rejected{Err: c.wants(m.Record)}
		}
	}
	for _, m := range messages {
		c.taken = append(c.taken, strings.TrimSpace(fmt.Sprint(m.Record.ID, " ", m.Record.Phase, " ", m.Record.Outcome)))
	}
	return nil
}

func (c *collector) Close() error { return nil }

func (c *collector) set(change func(*collector)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *collector) has() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.taken)
}

// file stands in for the log.
type file struct{ collector }

func (f *file) Append(ctx context.Context, r audit.Record) error {
	return f.Deliver(ctx, []sink.Message{{Record: r}})
}

func (f *file) Healthy() error { return nil }

type said struct {
	mu   sync.Mutex
	text []string
}

func (s *said) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, err.Error())
}

func (s *said) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.text, "\n")
}

func intent(id string) audit.Record {
	return audit.Record{ID: id, Phase: audit.Intent, Tool: "query", Agent: audit.Party{ID: "marketing"}, SQL: "SELECT 1"}
}

func outcome(id string) audit.Record {
	r := intent(id)
	r.Phase, r.Outcome, r.Rows = audit.Ended, audit.Answered, 3
	return r
}

// behind makes a fan of one sink, in a bubble where time passes only while everybody waits.
func behind(t *testing.T, required bool, queue int, c *collector) (*sink.Fan, *file, *said) {
	t.Helper()
	log, heard := &file{}, &said{}
	fan := sink.New(
		[]sink.Config{{Name: "audit.sinks[0] (test)", Sink: c, Format: audit.Native, Required: required, Queue: queue}},
		heard.report,
	)
	fan.Behind(log)
	return fan, log, heard
}

func TestARequiredSinkHasTheRecordBeforeAppendReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{}
		fan, log, _ := behind(t, true, 0, c)
		defer fan.Close()
		if err := fan.Append(t.Context(), intent("a")); err != nil || len(c.has()) != 1 || len(log.has()) != 1 {
			t.Errorf("after Append (%v) the sink has %q and the log %q", err, c.has(), log.has())
		}
	})
}

func TestARequiredSinkThatIsDownRefusesAndRecoversByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{}
		fan, log, heard := behind(t, true, 0, c)
		defer fan.Close()
		if err := fan.Append(t.Context(), intent("a")); err != nil {
			t.Fatal(err)
		}
		c.set(func(c *collector) { c.fails = errors.New("connection refused") })
		if err := fan.Append(t.Context(), outcome("a")); err == nil {
			t.Error("the outcome was taken for recorded while a required sink is down")
		}
		if err := fan.Append(t.Context(), intent("b")); err == nil || slices.Contains(log.has(), "b intent") {
			t.Errorf("with the sink known to be down, a call begins (%v) or leaves an intent: %q", err, log.has())
		}
		if err := fan.Healthy(); err == nil || !strings.Contains(err.Error(), "audit.sinks[0] (test): connection refused") {
			t.Errorf("readyz says %v", err)
		}
		c.set(func(c *collector) { c.fails = nil })
		time.Sleep(10 * time.Second)
		if err := fan.Healthy(); err != nil {
			t.Errorf("it does not recover by itself: %v", err)
		}
		if err := fan.Append(t.Context(), intent("c")); err != nil {
			t.Error(err)
		}
		want := []string{"a intent", "a outcome answered", "a outcome failed", "c intent"}
		if !slices.Equal(c.has(), want) || !slices.Equal(log.has(), want) {
			t.Errorf(
				"in the end the sink has %q and the log %q: the last outcome of a call that was not answered says so",
				c.has(),
				log.has(),
			)
		}
		if n := strings.Count(heard.all(), "connection refused"); n != 1 {
			t.Errorf("the operator is told %d times:\n%s", n, heard.all())
		}
	})
}

func TestARequiredSinkThatHangsIsGivenUpAndRecoversByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		c := &collector{hangs: hangs}
		fan, _, _ := behind(t, true, 0, c)
		defer fan.Close()
		start := time.Now()
		if err := fan.Append(t.Context(), intent("a")); err == nil || time.Since(start) != 10*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		if start = time.Now(); fan.Append(t.Context(), intent("b")) == nil || time.Since(start) != 0 {
			t.Error("the next caller waits for it as well")
		}
		if fan.Healthy() == nil {
			t.Error("readyz does not know")
		}
		time.Sleep(time.Minute)
		c.set(func(c *collector) { c.hangs = nil })
		close(hangs)
		time.Sleep(time.Second)
		if err := fan.Append(t.Context(), intent("c")); err != nil ||
			!slices.Equal(c.has(), []string{"a intent", "c intent"}) {
			t.Errorf("it does not recover: %v, %q", err, c.has())
		}
	})
}

func TestABestEffortSinkThatIsDownLosesNothingBelowItsBoundAndSaysTheGapAbove(t *testing.T) {
	for name, c := range map[string]struct{ records, want, gap int }{"below": {40, 40, 0}, "at": {50, 50, 0}, "above": {57, 50, 7}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				down := &collector{fails: errors.New("connection refused")}
				fan, log, heard := behind(t, false, 50, down)
				for i := range c.records {
					start := time.Now()
					if err := fan.Append(t.Context(), outcome(fmt.Sprint("r", i))); err != nil || time.Since(start) != 0 {
						t.Fatalf("a call is held up by a best-effort sink: %v after %s", err, time.Since(start))
					}
				}
				if err := fan.Healthy(); err != nil {
					t.Errorf("readyz is for required sinks: %v", err)
				}
				time.Sleep(time.Minute)
				down.set(func(c *collector) { c.fails = nil })
				time.Sleep(10 * time.Second)
				if len(down.has()) != c.want || len(log.has()) != c.records || down.has()[0] != "r0 outcome answered" {
					t.Errorf("of %d records the sink has %d, the log %d", c.records, len(down.has()), len(log.has()))
				}
				if gap := fmt.Sprintf("a gap: %d records", c.gap); strings.Contains(heard.all(), "a gap: ") != (c.gap > 0) ||
					c.gap > 0 && !strings.Contains(heard.all(), gap) {
					t.Errorf("%s is not said, or something else:\n%s", gap, heard.all())
				}
				if s := fan.Status()[0]; s.Dropped != c.gap || s.Waiting != 0 || s.Failure != nil {
					t.Errorf("its status is %+v", s)
				}
				if err := fan.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestLongStatementsDoNotTakeTheServersMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{fails: errors.New("connection refused")}
		fan, _, heard := behind(t, false, 0, c)
		long := outcome("long")
		long.SQL = strings.Repeat("x", 1<<20)
		for range 200 {
			fan.Append(t.Context(), long)
		}
		if s := fan.Status()[0]; s.Waiting > 64 || s.Waiting < 60 || s.Dropped != 200-s.Waiting {
			t.Errorf("of 200 statements of 1 MiB %d wait in memory, %d are dropped", s.Waiting, s.Dropped)
		}
		c.set(func(c *collector) { c.fails = nil })
		time.Sleep(10 * time.Second)
		if err := fan.Close(); err != nil || !strings.Contains(heard.all(), "a gap: 13") {
			t.Errorf("%v; the operator hears %s", err, heard.all())
		}
	})
}

func TestARecordThatASinkWillNeverTakeDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{fails: errors.New("not yet"), wants: func(r audit.Record) error {
			if r.ID == "r7" {
				return errors.New("malformed")
			}
			return nil
		}}
		fan, _, heard := behind(t, false, 0, c)
		defer fan.Close()
		for i := range 20 {
			fan.Append(t.Context(), outcome(fmt.Sprint("r", i)))
		}
		c.set(func(c *collector) { c.fails = nil })
		time.Sleep(10 * time.Second)
		if len(c.has()) != 19 || !strings.Contains(heard.all(), "it does not take the record r7: malformed") {
			t.Errorf("19 of 20 can be taken, and %d were; the operator hears %s", len(c.has()), heard.all())
		}
	})
}

func TestARequiredSinkThatRejectsOneRecordRefusesThatCallAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{wants: func(r audit.Record) error {
			if r.SQL == "too large" {
				return errors.New("malformed")
			}
			return nil
		}}
		fan, _, _ := behind(t, true, 0, c)
		defer fan.Close()
		large := intent("a")
		large.SQL = "too large"
		if fan.Append(t.Context(), large) == nil {
			t.Error("a call begins without its intent in a required sink")
		}
		if err := errors.Join(fan.Healthy(), fan.Append(t.Context(), intent("b"))); err != nil {
			t.Errorf("one caller can close the server to all: %v", err)
		}
	})
}

func TestWhatWaitsIsDeliveredBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{}
		fan, _, _ := behind(t, false, 0, c)
		for i := range 250 {
			fan.Append(t.Context(), outcome(fmt.Sprint("r", i)))
		}
		if err := fan.Close(); err != nil || len(c.has()) != 250 {
			t.Errorf("at the end the sink has %d of 250 (%v)", len(c.has()), err)
		}
	})
}

func TestASinkThatHangsDoesNotHoldUpTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		c := &collector{hangs: hangs}
		fan, _, _ := behind(t, false, 0, c)
		fan.Append(t.Context(), outcome("a"))
		if err := fan.Close(); err == nil || !strings.Contains(err.Error(), "1 records were not delivered") {
			t.Errorf("the end says %v", err)
		}
		close(hangs)
	})
}

func TestSeveralSinksThatHangDoNotHoldUpTheEndForLongerThanOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		var configs []sink.Config
		for i := range 5 {
			configs = append(
				configs,
				sink.Config{Name: fmt.Sprint("sink ", i), Sink: &collector{hangs: hangs}, Format: audit.Native},
			)
		}
		f := sink.New(configs, func(error) {})
		f.Behind(&file{})
		if err := f.Append(t.Context(), audit.Record{ID: "a", Outcome: audit.Answered}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if f.Close() == nil {
			t.Error("what five sinks did not take is not said")
		}
		if took := time.Since(began); took > 15*time.Second { // the bubble's clock
			t.Errorf("five sinks that hang hold up the end for %s", took)
		}
		close(hangs)
	})
}
