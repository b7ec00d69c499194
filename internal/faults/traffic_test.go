package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"deputy/mcp/client"
	"deputy/tools"
)

// sample is one call as its client saw it.
type sample struct {
	platform string
	began    time.Time
	took     time.Duration
	id       string // of the record; empty: no answer came
	rows     int
	code     tools.Code // of a refusal
	broken   error      // what came instead of an answer
	answered bool
	wrong    string // what an answer showed that it must not
}

// traffic is what clients do all the time: four for each platform, with a break between two calls.
type traffic struct {
	c      *company
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu      sync.Mutex
	samples []sample
}

const usual = "SELECT id, name, region FROM s.orders WHERE id > 0 ORDER BY id"

func (c *company) traffic() *traffic {
	ctx, cancel := context.WithCancel(context.Background())
	t := &traffic{c: c, cancel: cancel}
	for _, platform := range []string{"shop", "app", "lake"} {
		for range 4 {
			t.all.Go(func() { t.calls(ctx, platform) })
		}
	}
	return t
}

func (t *traffic) calls(ctx context.Context, platform string) {
	var connected *client.Client
	for ctx.Err() == nil {
		began := time.Now()
		var err error
		if connected == nil {
			connected, err = t.c.connect(ctx, "taylor", "chat")
		}
		s := sample{platform: platform, began: began, broken: err}
		if err == nil {
			s = ask(ctx, connected, platform, usual)
		}
		if s.broken != nil && connected != nil {
			connected.Close()
			connected = nil
		}
		if ctx.Err() == nil || s.answered {
			t.mu.Lock()
			t.samples = append(t.samples, s)
			t.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(20+rand.IntN(40)) * time.Millisecond):
		}
	}
	if connected != nil {
		connected.Close()
	}
}

// ask is one call.
func ask(ctx context.Context, c *client.Client, platform, sql string) sample {
	s := sample{platform: platform, began: time.Now()}
	result, err := c.Query(ctx, map[string]any{"platform": platform, "sql": sql})
	s.took = time.Since(s.began)
	var refusal *tools.Refusal
	switch {
	case err == nil:
		s.answered, s.id, s.rows = true, result.AuditID, result.RowCount
		if sql == usual {
			s.wrong = wrong(result)
		}
	case errors.As(err, &refusal):
		s.id, s.code = refusal.AuditID, refusal.Code
	default:
		s.broken = err
	}
	return s
}

// wrong says what the usual answer shows that it must not: two rows of the EU, the names masked.
func wrong(r *tools.QueryResult) string {
	if r.RowCount != 2 {
		return "not two rows"
	}
	for _, row := range r.Rows {
		if len(row) != 3 || row[1] != "REDACTED" || row[2] != "EU" {
			return "a row that is not to be seen"
		}
	}
	return ""
}

// since are the calls that began after a moment and before another, on a platform or on all.
func (t *traffic) since(from, to time.Time, platforms ...string) (out []sample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.samples {
		if !s.began.Before(from) && s.began.Before(to) &&
			(len(platforms) == 0 || slices.Contains(platforms, s.platform)) {
			out = append(out, s)
		}
	}
	return out
}

// good returns how long it takes from now on until three calls in a row are answered on each platform.
func (t *traffic) good(patience time.Duration) (time.Duration, error) {
	from := time.Now()
	for time.Since(from) < patience {
		latest, all := time.Time{}, true
		for _, platform := range []string{"shop", "app", "lake"} {
			row := 0
			for _, s := range t.since(from, time.Now(), platform) {
				row++
				if !s.answered {
					row = 0
				}
				if row == 3 && s.began.After(latest) {
					latest = s.began
				}
			}
			all = all && row >= 3
		}
		if all {
			return latest.Sub(from), nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return patience, errors.New("it is not good again")
}

func (t *traffic) stop() []sample {
	t.cancel()
	t.all.Wait()
	return t.samples
}

// percentile99 of the answered calls' times.
func percentile99(samples []sample) time.Duration {
	var times []time.Duration
	for _, s := range samples {
		if s.answered {
			times = append(times, s.took)
		}
	}
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)*99/100]
}

// again is traffic that goes on, with what there was before.
func (t *traffic) again() *traffic {
	next := t.c.traffic()
	next.mu.Lock()
	defer next.mu.Unlock()
	next.samples = append(slices.Clone(t.samples), next.samples...)
	return next
}

// many lets n more callers call again and again until the test ends. What becomes of their calls is in the table, and
// is not traffic.
func (s *scene) many(n int, call func(context.Context) sample) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var mu sync.Mutex
	var samples []sample
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				limited, stop := context.WithTimeout(context.Background(), time.Minute)
				one := call(limited)
				stop()
				mu.Lock()
				samples = append(samples, one)
				mu.Unlock()
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	s.ending = append(s.ending, func() {
		cancel()
		all.Wait()
		s.note("the others' %d calls: %s", len(samples), counts(samples))
	})
}
