package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deputy/audit"
)

// Ten thousand logs: a hundred checks of a hundred each (under the race detector, of ten each). Every one lives through
// batches, rotations, restarts, crashes, failed writes and retention, in any order. Verify accepts it; then one line or
// byte is changed, and Verify names the place.
func TestVerifyAcceptsEveryHonestLogAndNamesThePlaceOfEveryChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		for n := range uint64(perCheck) {
			r := rand.New(rand.NewPCG(seed, n))
			m := life(t, r)
			honest(t, m, seed, n)
			changed, what := mutate(r, m)
			if what == nil {
				continue
			}
			report, err := audit.Verify(audit.VerifyConfig{Path: base, Folder: changed, Verifier: key.Verifier()})
			switch {
			case err != nil:
				t.Fatalf("seed %d, log %d: after %v: %v", seed, n, what, err)
			case report.Problem == nil:
				t.Fatalf("seed %d, log %d: verify accepts a log after %v", seed, n, what)
			case !what.names(report.Problem):
				t.Fatalf("seed %d, log %d: after %v verify says: %v", seed, n, what, report.Problem)
			}
		}
	})
}

type failer interface{ Fatalf(string, ...any) }

func honest(t failer, m *memory, seed, n uint64) {
	report, err := audit.Verify(audit.VerifyConfig{Path: base, Folder: m, Verifier: key.Verifier()})
	if err != nil || report.Problem != nil {
		t.Fatalf("seed %d, log %d: verify complains about an honest log: %v %v", seed, n, err, report)
	}
}

// life makes an honest log.
func life(t failer, r *rand.Rand) *memory {
	m := newMemory()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	config := audit.Config{Path: base, Key: key, Now: func() time.Time { return now }}
	if r.IntN(2) == 0 {
		config.Rotate = 500 + r.Int64N(6000)
	}
	if r.IntN(3) == 0 {
		config.Keep = 100 * 24 * time.Hour
	}
	start := func() *audit.Log {
		config.Folder = m
		log, err := audit.Open(config)
		if err != nil {
			t.Fatalf("an honest log is not opened: %v", err)
		}
		return log
	}
	if r.IntN(8) == 0 { // a log from before there were signatures
		m.files[base] = &disk{text: []byte("{\"id\":\"old\"}\n{\"id\":\"older\"}\n{\"id\":\"to"[:20+r.IntN(18)])}
	}
	log := start()
	for op := range 1 + r.IntN(8) {
		m.mu.Lock()
		active := m.files[base]
		m.mu.Unlock()
		switch r.IntN(9) {
		case 0:
			log.Close()
			log = start()
		case 1, 2:
			if r.IntN(2) == 0 {
				active.failSync = syscall.EIO
			} else {
				share := r.Float64()
				active.fail = func(b []byte) (int, error) { return int(share * float64(len(b))), syscall.ENOSPC }
			}
			calls(log, r, op)
			if r.IntN(2) == 0 {
				old := log
				m = m.crash(r)
				log = start()
				old.Close()
			} else {
				active.fail, active.failSync = nil, nil
			}
		case 3:
			now = now.Add(time.Duration(r.IntN(60)) * 24 * time.Hour)
		default:
			calls(log, r, op)
		}
	}
	if err := log.Append(context.Background(), record("last")); err != nil {
		t.Fatalf("the log does not recover: %v", err)
	}
	if err := log.Close(); err != nil {
		t.Fatalf("closing: %v", err)
	}
	return m
}

// calls appends the records of a few calls at once.
func calls(log *audit.Log, r *rand.Rand, op int) {
	var all sync.WaitGroup
	for i := range 1 + r.IntN(3) {
		whole := r.IntN(4) > 0
		all.Go(func() {
			rec := record(fmt.Sprintf("c%d-%d", op, i))
			rec.Phase, rec.Outcome = audit.Intent, ""
			if log.Append(context.Background(), rec) == nil && whole {
				rec.Phase, rec.Outcome = audit.Ended, audit.Answered
				log.Append(context.Background(), rec)
			}
		})
	}
	all.Wait()
}

// change is one thing that was done to a log, at a line from 1.
type change struct {
	how, file string
	line      int
	text      string
}

func (c *change) String() string { return fmt.Sprintf("%s at %s:%d %q", c.how, c.file, c.line, c.text) }

func (c *change) names(p *audit.Problem) bool {
	near := 0
	if c.how == "truncate" || c.how == "delete" { // what is gone is named by the line before or after
		near = 1
	}
	return p.File == c.file && p.Line >= c.line-near && p.Line <= c.line
}

func mutate(r *rand.Rand, m *memory) (*memory, *change) {
	m = m.clone()
	names, _ := m.Names()
	slices.Sort(names)
	c := &change{file: names[r.IntN(len(names))]}
	d := m.files[c.file]
	lines := bytes.SplitAfter(d.text, []byte("\n"))
	lines = lines[:len(lines)-1]
	i := r.IntN(len(lines))
	switch r.IntN(5) {
	case 0:
		at := r.IntN(len(d.text))
		c.how, c.line = "flip", 1+bytes.Count(d.text[:at], []byte("\n"))
		c.text = fmt.Sprint(at, " ", string(d.text[at]))
		d.text[at] ^= 1 << r.IntN(8)
		return m, c
	case 1:
		at := r.IntN(len(d.text))
		c.how, c.line = "truncate", 1+bytes.Count(d.text[:at], []byte("\n"))
		d.text = d.text[:at]
		return m, c
	case 2:
		if i > 0 && bytes.Equal(lines[i-1], lines[i]) || i+1 < len(lines) && bytes.Equal(lines[i+1], lines[i]) {
			return nil, nil // of two that are alike, nobody can say which is gone
		}
		c.how, c.line = "delete", i+1
		lines = slices.Delete(lines, i, i+1)
	case 3:
		c.how = "insert"
		i = r.IntN(len(lines) + 1)
		forged := [][]byte{[]byte("\n"), []byte("{\"id\":\"forged\"}\n"), bytes.Clone(lines[r.IntN(len(lines))])}[r.IntN(3)]
		c.line, c.text = i+1, string(forged)
		if i > 0 && bytes.Equal(lines[i-1], forged) || i < len(lines) && bytes.Equal(lines[i], forged) {
			return nil, nil // beside its like, nobody can say which of them is new
		}
		lines = slices.Insert(lines, i, forged)
	case 4:
		j := r.IntN(len(lines))
		i, j = min(i, j), max(i, j)
		if bytes.Equal(lines[i], lines[j]) {
			return nil, nil
		}
		c.how, c.line, c.text = "swap", i+1, fmt.Sprint("with ", j+1)
		lines[i], lines[j] = lines[j], lines[i]
	}
	d.text = slices.Concat(lines...)
	if c.how == "delete" && strings.TrimSpace(string(d.text)) == "" {
		return nil, nil
	}
	return m, c
}
