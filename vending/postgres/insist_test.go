package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lib/pq"
)

// As if the one request of lib/pq had come between two messages, and had been forgotten: the statement's own context
// never ends.
func TestACancellationThatTheDatabaseForgetsIsRepeated(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	holder, err := open(t, "postgres", database).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if _, err := holder.ExecContext(t.Context(), `SELECT pg_advisory_lock(1)`); err != nil {
		t.Fatal(err)
	}
	wait := func(session string) <-chan error {
		db := open(t, "deputy_runner", database)
		db.SetMaxOpenConns(1)
		if _, err := db.Exec(`SELECT set_config('application_name', $1, false)`, session); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := db.Exec(`SELECT pg_advisory_lock(1)`)
			ended <- err
		}()
		awaitActivity(t, database, session, 1)
		return ended
	}
	ours, another := wait("deputy_insist0001"), wait("deputy_insist0002")
	ctx, cancel := context.WithCancel(context.Background())
	settled := e.Insist(ctx, "deputy_insist0001")
	select {
	case err := <-ours:
		t.Fatalf("it ended before it was cancelled: %v", err)
	default:
	}
	cancel()
	var known *pq.Error
	if err := <-ours; !errors.As(err, &known) || known.Code != "57014" {
		t.Errorf("it ended with %v", err)
	}
	settled()
	if _, err := holder.ExecContext(t.Context(), `SELECT pg_advisory_unlock(1)`); err != nil {
		t.Fatal(err)
	}
	if err := <-another; err != nil {
		t.Errorf("another call's statement ended with %v", err)
	}
}
