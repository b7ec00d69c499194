package index_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"deputy/audit"
	"deputy/audit/index"
)

var began = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// file is a log on the disk.
type file struct {
	path   string
	rotate int64
	keep   time.Duration
	now    time.Time
}

func newFile(t testing.TB) *file {
	return &file{path: filepath.Join(t.TempDir(), "audit.jsonl"), now: began}
}

// write appends records. Those of a kind that follow each other are appended at once, so that some share a batch.
func (f *file) write(t testing.TB, records ...audit.Record) {
	t.Helper()
	now := f.now
	log, err := audit.Open(
		audit.Config{Path: f.path, Rotate: f.rotate, Keep: f.keep, Now: func() time.Time { return now }},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var all sync.WaitGroup
	for i, r := range records {
		if i > 0 && r.Phase != records[i-1].Phase {
			all.Wait()
		}
		all.Go(func() {
			if err := log.Append(context.Background(), r); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func call(id string) []audit.Record {
	r := audit.Record{
		ID:     id,
		Phase:  audit.Intent,
		Time:   began,
		Tool:   "query",
		Agent:  audit.Party{ID: "bot"},
		SQL:    "SELECT 1",
		Tables: []audit.Table{{Name: "sales.orders", Columns: []string{"lastname"}}},
	}
	end := r
	end.Phase, end.Outcome = audit.Ended, audit.Answered
	return []audit.Record{r, end}
}

func calls(from, to int) (out []audit.Record) {
	for i := from; i < to; i += 3 {
		var ends []audit.Record
		for j := i; j < min(i+3, to); j++ {
			c := call(fmt.Sprintf("c%03d", j))
			out, ends = append(out, c[0]), append(ends, c[1])
		}
		out = append(out, ends...)
	}
	return out
}

// opened is the index of the log, and what it said.
func (f *file) opened(t testing.TB) (*index.Index, []string) {
	t.Helper()
	var said []string
	x, err := index.Open(index.Config{Log: f.path, Report: func(text string) { said = append(said, text) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x, said
}

func ids(t testing.TB, x *index.Index, f index.Filter, limit int) (out []string) {
	t.Helper()
	for c, err := range x.Find(f, limit) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c.ID)
	}
	return out
}

// same makes sure that the index has the calls of the log, and each as the log has it.
func (f *file) same(t testing.TB, said string) *index.Index {
	t.Helper()
	x, reports := f.opened(t)
	if got := strings.Join(reports, "; "); got != said {
		t.Errorf("opening the index said %q, not %q", got, said)
	}
	want, err := audit.Calls(audit.Records(f.path))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range want {
		list = append(list, c.ID)
		got, found, err := x.Call(c.ID)
		if err != nil || !found || fmt.Sprint(got.Record) != fmt.Sprint(c.Record) || got.Line() != c.Line() ||
			got.Ending() != c.Ending() {
			t.Errorf("the index has of %s\n%+v\nand the log\n%+v (%v)", c.ID, got, c, err)
		}
	}
	if got := ids(t, x, index.Filter{}, 0); !slices.Equal(got, list) {
		t.Errorf("the index has the calls %v, and the log %v", got, list)
	}
	if r, err := x.Report(index.Filter{}, ""); err != nil || r.Calls != int64(len(list)) {
		t.Errorf("the report counts %+v (%v), and the log has %d calls", r, err, len(list))
	}
	return x
}

func TestTheIndexGoesOnWhereItEndedOverRotations(t *testing.T) {
	f := newFile(t)
	f.rotate = 4000
	for i := range 6 {
		f.write(t, calls(10*i, 10*i+10)...)
		f.same(t, "")
	}
	if segments, _ := filepath.Glob(f.path + ".0*"); len(segments) < 3 {
		t.Errorf("%d segments were sealed", len(segments))
	}
	if info, err := os.Stat(index.Path(f.path)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the index has the mode %v (%v)", info.Mode(), err)
	}
}

// A log that is followed is one log, however often it is sealed and begun anew.
func TestEachCallThatEndsIsToldOfOnceOverRotations(t *testing.T) {
	f := newFile(t)
	f.rotate = 4000
	f.write(t, calls(0, 10)...)
	x, _ := f.opened(t)
	told := map[string]int{}
	for i := 1; i < 6; i++ {
		line, err := x.End()
		if err != nil {
			t.Fatal(err)
		}
		f.write(t, calls(10*i, 10*i+10)...)
		if err := x.Refresh(); err != nil {
			t.Fatal(err)
		}
		for c, err := range x.Ended(index.Filter{}, line) {
			if told[c.ID]++; err != nil || told[c.ID] > 1 {
				t.Errorf("%s is told of %d times (%v)", c.ID, told[c.ID], err)
			}
		}
	}
	if len(told) != 50 {
		t.Errorf("of 50 calls %d were told of", len(told))
	}
}

// Several auditors at once: one looks at a list and takes his time, another reads on, and a third begins anew.
func TestSeveralProcessesShareOneIndex(t *testing.T) {
	f := newFile(t)
	f.rotate = 4000
	f.write(t, calls(0, 10)...)
	slow, _ := f.opened(t)
	seen := 0
	for _, err := range slow.Find(index.Filter{}, 0) {
		if seen++; err != nil {
			t.Fatal(err)
		}
		if seen == 5 {
			f.write(t, calls(10, 30)...)
			f.same(t, "")
		}
	}
	if got := ids(t, slow, index.Filter{}, 0); seen != 10 || len(got) != 30 {
		t.Errorf("the first saw %d calls, and then %d", seen, len(got))
	}
	anew, err := index.Open(index.Config{Log: f.path, Rebuild: true})
	if err != nil {
		t.Fatal(err)
	}
	defer anew.Close()
	f.write(t, calls(30, 40)...)
	for _, x := range []*index.Index{slow, anew} {
		if err := x.Refresh(); err != nil {
			t.Fatal(err)
		}
		if got := ids(t, x, index.Filter{}, 0); len(got) != 40 {
			t.Errorf("of 40 calls there are %d", len(got))
		}
	}
	f.same(t, "")
}

// Whoever reads while a call is being answered, and again when it has ended.
func TestACallIsBegunUntilItsOutcomeIsThere(t *testing.T) {
	f := newFile(t)
	c := call("a")
	log, err := audit.Open(audit.Config{Path: f.path})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.Append(t.Context(), c[0]); err != nil {
		t.Fatal(err)
	}
	x := f.same(t, "")
	if got, _, _ := x.Call("a"); got.Ending() != audit.Begun || !got.Seen() {
		t.Errorf("a call without an outcome is %+v", got)
	}
	line, err := x.End()
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), c[1]); err != nil {
		t.Fatal(err)
	}
	if err := x.Refresh(); err != nil {
		t.Fatal(err)
	}
	ended := 0
	for got, err := range x.Ended(index.Filter{}, line) {
		if ended++; err != nil || got.Ending() != audit.Answered {
			t.Errorf("a call that ended is %+v (%v)", got, err)
		}
	}
	if ended != 1 {
		t.Errorf("%d calls ended", ended)
	}
	f.same(t, "")
}

func TestACallThatADeadServerLeftHasWhatItsIntentSays(t *testing.T) {
	f := newFile(t)
	f.write(t, call("a")[0])
	f.write(t, call("b")...)
	x := f.same(t, "")
	for c, err := range x.Find(index.Filter{InClear: "sales.orders.lastname", Outcome: audit.Unknown}, 0) {
		if err != nil || c.ID != "a" || c.SQL != "SELECT 1" {
			t.Errorf("%+v (%v)", c, err)
		}
	}
	if got := ids(t, x, index.Filter{InClear: "sales.orders.lastname"}, 0); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("those who can have seen the column are %v", got)
	}
	if r, err := x.Report(index.Filter{}, "*"); err != nil || len(r.Clear) != 1 || r.Clear[0].Calls != 2 ||
		r.Clear[0].Unknown != 1 {
		t.Errorf("the report says %+v (%v)", r, err)
	}
}
