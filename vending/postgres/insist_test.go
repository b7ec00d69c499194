package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lib/pq"
)

// As if the one request of lib/pq had come between two messages, and had been forgotten: the statement's own context never ends.
func TestACancellationThatTheDatabaseForgetsIsRepeated(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	sleep := func(session string) <-chan error {
		db := open(t, "deputy_runner", database)
		db.SetMaxOpenConns(1)
		if _, err := db.Exec(`SELECT set_config('application_name', $1, false)`, session); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := db.Exec(`SELECT pg_sleep(600)`)
			ended <- err
		}()
		awaitActivity(t, database, session, 1)
		return ended
	}
	ours, others := sleep("deputy_insist0001"), sleep("deputy_insist0002")
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
	select {
	case err := <-others:
		t.Errorf("another call's statement ended: %v", err)
	default:
	}
	execAs(t, "postgres", database, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'deputy_insist0002'`)
	<-others
}
