package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"text/tabwriter"
	"time"

	"deputy/audit"
	"deputy/audit/checkpoint"
	"deputy/audit/index"
)

// measureReading prints what it takes to read an audit log of many records: two for each call, and a checkpoint after
// each batch.
func measureReading(records int) error {
	dir, err := os.MkdirTemp("", "deputy-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "audit.jsonl")
	key, err := writeMany(path, records/2)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "time\tallocated\theap after\tfound\t ")
	line := func(what string, work func() (int, error)) error {
		debug.FreeOSMemory()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		found, err := work()
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		fmt.Fprintf(
			out,
			"%s\t%d MB\t%d MB\t%d\t %s\n",
			short(took),
			(after.TotalAlloc-before.TotalAlloc)>>20,
			after.HeapInuse>>20,
			found,
			what,
		)
		out.Flush()
		return err
	}
	var x *index.Index
	open := func(rebuild bool) func() (int, error) {
		return func() (n int, err error) {
			if x != nil {
				x.Close()
			}
			x, err = index.Open(index.Config{Log: path, Rebuild: rebuild})
			return 0, err
		}
	}
	list := func(f index.Filter, limit int) func() (int, error) {
		return func() (n int, err error) {
			for _, err := range x.Find(f, limit) {
				if err != nil {
					return n, err
				}
				n++
			}
			return n, nil
		}
	}
	report := func(f index.Filter, c index.Column) func() (int, error) {
		return func() (int, error) {
			r, err := x.Report(f, c)
			if err != nil {
				return 0, err
			}
			return len(r.Persons) + len(r.Agents) + len(r.Tables) + len(r.Clear), nil
		}
	}
	for _, step := range []struct {
		what string
		work func() (int, error)
	}{
		{"build the index", open(true)},
		{"open the index, nothing new", open(false)},
		{
			"list: one user, one table, refused",
			list(index.Filter{User: "user7@example.com", Table: "sales.t11", Outcome: audit.Denied}, 0),
		},
		{"list: who saw one column in the clear, the last 100", list(index.Filter{InClear: "sales.t11.name"}, 100)},
		{"list: the last 100", list(index.Filter{}, 100)},
		{"list: everything", list(index.Filter{}, 0)},
		{"report: by person, agent and table, tagged columns in the clear", report(index.Filter{}, "")},
		{"report: one person, every column in the clear", report(index.Filter{User: "user7@example.com"}, "*")},
		{"show: find one call and prove it", func() (int, error) {
			id := oneCall(records / 4)[0].ID
			c, _, err := x.Call(id)
			if err != nil {
				return 0, err
			}
			text, err := audit.Prove(path, c.ID, key.Verifier())
			if err != nil {
				return 0, err
			}
			proven, err := audit.CheckProof(text, key.Verifier())
			if err != nil {
				return 0, err
			}
			return len(proven.Records), nil
		}},
		{"verify", func() (int, error) {
			r, err := audit.Verify(audit.VerifyConfig{Path: path, Verifier: key.Verifier()})
			if err == nil && r.Problem != nil {
				err = r.Problem
			}
			return int(r.Records), err
		}},
		{"read all records without an index", func() (n int, err error) {
			for _, err := range audit.Records(path) {
				if err != nil {
					return n, err
				}
				n++
			}
			return n, nil
		}},
	} {
		if err := line(step.what, step.work); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	x.Close()
	size := int64(0)
	if info, err := os.Stat(index.Path(path)); err == nil {
		size = info.Size()
	}
	fmt.Printf("the index has %d MB\n", size>>20)
	return nil
}

// writeMany makes a log of many calls through 512 goroutines, as a busy server would.
func writeMany(path string, calls int) (*checkpoint.Key, error) {
	key, err := checkpoint.NewKey("bench")
	if err != nil {
		return nil, err
	}
	log, err := audit.Open(audit.Config{Path: path, Key: key})
	if err != nil {
		return nil, err
	}
	began := time.Now()
	numbers, failed := make(chan int), make(chan error, 1)
	var all sync.WaitGroup
	for range 512 {
		all.Go(func() {
			for n := range numbers {
				for _, r := range oneCall(n) {
					if err := log.Append(context.Background(), r); err != nil {
						select {
						case failed <- err:
						default:
						}
					}
				}
			}
		})
	}
	for n := range calls {
		numbers <- n
	}
	close(numbers)
	all.Wait()
	if err := log.Close(); err != nil {
		return nil, err
	}
	view, err := audit.NewView(path)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	fmt.Printf(
		"%d records of %d calls, %d MB, written in %s, %d cores\n",
		2*calls,
		calls,
		view.Size()>>20,
		short(time.Since(began)),
		runtime.GOMAXPROCS(0),
	)
	select {
	case err := <-failed:
		return nil, err
	default:
		return key, nil
	}
}

// oneCall is what a call with one or two tables leaves.
func oneCall(n int) []audit.Record {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 40 * time.Second)
	rec := audit.Record{
		ID: fmt.Sprintf(
			"%012d%014x",
			n,
			r.Uint64()>>8,
		), Phase: audit.Intent, Time: at, Tool: "query", Mode: "autonomous", Client: "10.0.0.7", Platform: "warehouse",
		Agent: audit.Party{
			ID:     fmt.Sprintf("agent%d", r.IntN(8)),
			Groups: []string{"Agents"},
		}, PolicyVersion: fmt.Sprintf("%016x", n/100_000),
	}
	if r.IntN(5) > 0 {
		id := fmt.Sprintf("user%d@example.com", r.IntN(300))
		rec.Mode, rec.User = "on_behalf_of", &audit.Party{
			ID:     id,
			Issuer: "https://id.example.com",
			Name:   id,
			Groups: []string{"Sales", "EMEA"},
		}
	}
	for range 1 + r.IntN(2) {
		name := fmt.Sprintf("sales.t%d", r.IntN(60))
		t := audit.Table{
			Name:    name,
			Via:     "user",
			Columns: []string{"id", "name", "region"},
			Grants:  []string{"sales reads sales"},
			Filters: []string{"own region"},
		}
		if r.IntN(4) > 0 {
			t.Masked = []audit.MaskedColumn{{Column: "name", Mask: "hash", Policy: "hide personal data"}}
		} else {
			t.Clear = []audit.ClearColumn{{Column: "name", Tags: []string{"PII.Name"}}}
		}
		rec.Tables = append(rec.Tables, t)
	}
	rec.SQL = fmt.Sprintf("SELECT id, name, region FROM %s WHERE id > %d ORDER BY id LIMIT 50", rec.Tables[0].Name, n)
	end := rec
	rec.Role = &audit.Role{Name: "deputy_" + rec.ID}
	end.Phase, end.Outcome, end.Rows, end.Duration = audit.Ended, audit.Answered, r.IntN(50), 3*time.Millisecond
	end.Role = &audit.Role{Name: "deputy_" + rec.ID, Vended: at, Revoked: at.Add(2 * time.Millisecond)}
	if r.IntN(20) == 0 {
		end.Outcome, end.Code, end.Rows, end.Role = audit.Denied, "not_permitted", 0, nil
	}
	return []audit.Record{rec, end}
}
