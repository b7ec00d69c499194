package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// insistEvery is how long a statement that was cancelled may go on before it is cancelled once more.
const insistEvery = 100 * time.Millisecond

// insist cancels a statement whose context has ended, again and again until settled is called. lib/pq asks the database
// once, and the database forgets what it is asked between two messages: a statement that begins just then runs on to
// its time limit, though nobody waits for it any more. What is cancelled is whatever runs under the role's name, which
// is the name of its session for as long as the transaction lasts. When settled has returned, nothing is cancelled any
// more.
//
// It asks on a connection of its own, since those of callers may all be waiting for just this.
func insist(ctx context.Context, spare *sqlx.DB, role string) (settled func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
		case <-quit:
			return
		}
		ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		go func() {
			select {
			case <-quit:
				stop()
			case <-ctx.Done():
			}
		}()
		again := time.NewTicker(insistEvery)
		defer again.Stop()
		for {
			select {
			case <-quit:
				return
			case <-again.C:
				_, _ = spare.ExecContext(ctx, `SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity
					WHERE application_name = $1 AND usename = current_user AND state = 'active'`, role) // if it fails, the time limit is left
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}
