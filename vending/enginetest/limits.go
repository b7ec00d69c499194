package enginetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"deputy/vending"
	"deputy/vending/enginetest/attack"
	"deputy/vending/enginetest/trial"
)

func testLimits(t *testing.T, s trial.Suite) {
	regions := s.Grant(t, "regions")
	read := func(change func(*vending.Lease)) vending.Result {
		l := trial.Lease(`SELECT region FROM sales.regions ORDER BY region`, regions)
		change(&l)
		return s.Run(t, l)
	}
	all := 0
	for _, row := range read(func(*vending.Lease) {}).Rows {
		all += vending.Size(row[0])
	}
	for _, test := range []struct {
		name      string
		change    func(*vending.Lease)
		rows      int
		truncated bool
	}{
		{"as many rows as there are", func(l *vending.Lease) { l.MaxRows = 3 }, 3, false},
		{"fewer rows than there are", func(l *vending.Lease) { l.MaxRows = 2 }, 2, true},
		{"as many bytes as there are", func(l *vending.Lease) { l.MaxBytes = all }, 3, false},
		{"fewer bytes than there are", func(l *vending.Lease) { l.MaxBytes = all - 1 }, 2, true},
	} {
		if result := read(test.change); len(result.Rows) != test.rows || result.Truncated != test.truncated {
			t.Errorf("%s: %d rows, truncated %v", test.name, len(result.Rows), result.Truncated)
		}
	}
	if result := read(func(l *vending.Lease) { l.MaxRows = 0 }); len(result.Rows) > 0 || len(result.Columns) != 1 {
		t.Errorf("no rows were wanted, but there are %d, of %d columns", len(result.Rows), len(result.Columns))
	}
}

func testInterruption(t *testing.T, s trial.Suite) {
	before := s.Outside(t)
	check := func(t *testing.T, result vending.Result, err error, code vending.Code) {
		t.Helper()
		trial.Refused(t, attack.Endless, err, code)
		if result.Role.Vended.IsZero() || result.Role.Revoked.IsZero() || len(result.Rows) > 0 {
			t.Errorf("the role of an interrupted statement was not vended and revoked, or it gave rows: %+v", result)
		}
		s.LeavesNothing(t, before)
	}
	t.Run("a statement that takes too long", func(t *testing.T) {
		l := trial.Lease(attack.Endless)
		l.Timeout = 200 * time.Millisecond
		result, err := s.Engine.Run(t.Context(), l)
		check(t, result, err, vending.Timeout)
	})
	t.Run("a caller who goes away", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		type answer struct {
			result vending.Result
			err    error
		}
		done := make(chan answer, 1)
		go func() {
			result, err := s.Engine.Run(ctx, trial.Lease(attack.Endless))
			done <- answer{result, err}
		}()
		s.AwaitRunning(t)
		cancel()
		a := <-done
		check(t, a.result, a.err, vending.Cancelled)
	})
	t.Run("a caller who is gone already", func(t *testing.T) {
		_, err := s.Engine.Run(cancelled(t.Context()), trial.Lease(`SELECT 1`))
		trial.Refused(t, "a call that was cancelled before it began", err, vending.Cancelled)
		s.LeavesNothing(t, before)
	})
}

// A caller may leave at any moment: what was begun ends as cancelled, and nothing says that the platform is down.
func testGoneCaller(t *testing.T, s trial.Suite) {
	before := s.Outside(t)
	for name, call := range map[string]func(context.Context) error{
		"Analyze": func(ctx context.Context) error {
			_, err := s.Engine.Analyze(ctx, fmt.Sprintf("SELECT %d", time.Now().UnixNano()))
			return err
		},
		"Catalog":  func(ctx context.Context) error { _, err := s.Engine.Catalog(ctx); return err },
		"Check":    func(ctx context.Context) error { _, err := s.Engine.Check(ctx); return err },
		"Standing": func(ctx context.Context) error { _, err := s.Engine.Standing(ctx); return err },
		"Run": func(ctx context.Context) error {
			_, err := s.Engine.Run(ctx, trial.Lease(`SELECT 1`))
			return err
		},
	} {
		for after := range 40 {
			ctx, cancel := context.WithCancel(t.Context())
			leaves := time.AfterFunc(time.Duration(after*after)*3*time.Microsecond, cancel)
			if err := call(ctx); err != nil {
				trial.Refused(t, name+" of a caller who leaves", err, vending.Cancelled)
			}
			leaves.Stop()
			cancel()
		}
	}
	s.LeavesNothing(t, before)
}

func cancelled(parent context.Context) context.Context {
	ctx, cancel := context.WithCancel(parent)
	cancel()
	return ctx
}
