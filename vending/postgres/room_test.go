package postgres_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"deputy/internal/budget"
	"deputy/vending"
)

// counted is a context whose call has an account of a budget.
func counted(t *testing.T, size int64) (context.Context, *budget.Budget) {
	t.Helper()
	b := budget.New(size)
	a := b.Account("ann")
	t.Cleanup(a.Close)
	return budget.With(t.Context(), a), b
}

func long(sql string) vending.Lease {
	return vending.Lease{ID: "room00000001", SQL: sql, MaxRows: 1000, MaxBytes: 1 << 20, Timeout: time.Minute}
}

func coded(err error) vending.Code {
	var known *vending.Error
	errors.As(err, &known)
	if known == nil {
		return ""
	}
	return known.Code
}

// A value of 60 MB is refused by the length of its row, and so is an error that quotes it: neither is allocated.
func TestHugeRowIsNotAllocated(t *testing.T) {
	e := newEngine(t, newDatabase(t, "CREATE SCHEMA s"), "s")
	if _, err := e.Run(t.Context(), long(`SELECT 1`)); err != nil {
		t.Fatal(err)
	}
	for sql, message := range map[string]string{
		`SELECT repeat('x', 60000000)`: vending.ErrRowTooLarge.Message,
		`SELECT repeat('x', 60000000)::int`: "a value does not fit: " +
			"a text is not of the type that it is compared with or cast to",
	} {
		ctx, b := counted(t, 100<<20)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := e.Run(ctx, long(sql))
		runtime.ReadMemStats(&after)
		if known := new(vending.Error); coded(err) != vending.InvalidSQL || !errors.As(err, &known) ||
			known.Message != message {
			t.Errorf("%s: %v", sql, err)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 30e6 {
			t.Errorf("%s: %d bytes were allocated", sql, allocated)
		}
		if f := b.Figures(); f.Most > 1<<20 || f.Used != 0 {
			t.Errorf("%s: the budget has given %+v", sql, f)
		}
	}
	result, err := e.Run(t.Context(), long(`SELECT CASE n WHEN 3 THEN repeat('x', 60000000) ELSE 'y' END
		FROM generate_series(1, 5) AS n`))
	if err != nil || len(result.Rows) != 2 || !result.Truncated {
		t.Errorf("before a huge row there are %d, truncated %v: %v", len(result.Rows), result.Truncated, err)
	}
	if _, err := e.Run(t.Context(), long(`SELECT 1`)); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// An answer holds what it takes: little from the start, all that it may once it is more, and in the end what it is.
func TestAnswerHoldsMemory(t *testing.T) {
	e := newEngine(t, newDatabase(t, "CREATE SCHEMA s"), "s")
	const whole = 1 << 20 * vending.AnswerCost
	for sql, want := range map[string]struct{ most, kept int64 }{
		`SELECT 1`: {32 << 10 * vending.AnswerCost, 100},
		`SELECT repeat('x', 1000) FROM generate_series(1, 100)`:  {whole, 1100e3},
		`SELECT repeat('x', 100000) FROM generate_series(1, 2)`:  {whole, 2100e3},
		`SELECT repeat('x', 1000) FROM generate_series(1, 1000)`: {whole, whole},
	} {
		ctx, b := counted(t, 100<<20)
		if _, err := e.Run(ctx, long(sql)); err != nil {
			t.Fatal(err)
		}
		if f := b.Figures(); f.Most != want.most || f.Used == 0 || f.Used > want.kept {
			t.Errorf("%s: %+v, and not %+v", sql, f, want)
		}
	}
}

// Who would exceed the memory of all waits, and is told that it is busy when its time is over.
func TestAnswerWaitsForMemory(t *testing.T) {
	e := newEngine(t, newDatabase(t, "CREATE SCHEMA s"), "s")
	ctx, b := counted(t, 11<<20)
	other := b.Account("bob")
	defer other.Close()
	if err := other.Raise(ctx, 9<<20); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	rows := long(`SELECT repeat('x', 1000) FROM generate_series(1, 100)`)
	if _, err := e.Run(ctx, rows); coded(err) != vending.TooBusy {
		t.Errorf("with the memory in use: %v", err)
	}
	if _, err := e.Run(t.Context(), rows); err != nil {
		t.Errorf("a call that has no account: %v", err)
	}
}

// The tree of a statement is weighed before it is read: 13 KB of SQL make more than a megabyte of it.
func TestAnalysisHoldsMemory(t *testing.T) {
	e := newEngine(t, newDatabase(t, "CREATE SCHEMA s; CREATE TABLE s.t(id int)"), "s")
	sql := "SELECT 1" + strings.Repeat(", id+id+id", 1300) + " FROM s.t"
	ctx, b := counted(t, 200<<20)
	if _, err := e.Analyze(ctx, sql); err != nil {
		t.Fatal(err)
	}
	if f := b.Figures(); f.Most < 5<<20 || f.Used != 0 {
		t.Errorf("an analysis holds %+v", f)
	}
	ctx, b = counted(t, 8<<20)
	if _, err := e.Analyze(ctx, sql+" WHERE true"); coded(err) != vending.InvalidSQL {
		t.Errorf("with a budget that has no room for the tree: %v", err)
	}
	if f := b.Figures(); f.Most != 0 {
		t.Errorf("it was given %+v", f)
	}
	if _, err := e.Analyze(t.Context(), "SELECT id FROM s.t"); err != nil {
		t.Errorf("after that: %v", err)
	}
}
