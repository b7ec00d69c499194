package throwaway_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"deputy/internal/testkit/throwaway"
)

// A frozen server says nothing to whoever is connected, a thawed one answers, and a halted one has what was committed.
func TestTrouble(t *testing.T) {
	c, err := throwaway.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	db, err := c.Open(throwaway.Superuser, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE kept AS SELECT 7 AS n`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	c.Freeze()
	go func() { answered <- db.PingContext(ctx) }()
	select {
	case err := <-answered:
		t.Fatalf("a frozen server answers: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	c.Thaw()
	if err := <-answered; err != nil {
		t.Fatalf("a thawed server does not answer: %v", err)
	}
	cancel()
	c.Halt()
	if err := db.Ping(); err == nil {
		t.Fatal("a halted server answers")
	}
	var n int
	err = c.Launch(t.Context())
	if err = errors.Join(err, db.QueryRow(`SELECT n FROM kept`).Scan(&n)); err != nil || n != 7 {
		t.Fatalf("the server that was launched again has %d: %v", n, err)
	}
}
