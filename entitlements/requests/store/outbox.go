package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Outbox gives each webhook every event, in order, once or more and never out of order. One server at a time sends to a
// webhook: it has the lease. The way of a sender, for each webhook that is Due, by itself:
//
//	lease, ok, err := outbox.Lease(ctx, name, server, now, term)  // not ok: somebody else sends, or it is not time yet
//	for {
//		event, attempts, ok, err := outbox.Next(ctx, lease, now)  // not ok: it has everything; sets the lease's end anew
//		…send with a deadline before lease.Until()…
//		delivered: outbox.Done(ctx, lease, event)                 // also for an event that the webhook is not to be told of
//		failed:    outbox.Failed(ctx, lease, event, retry)        // ends the lease; nobody tries before retry
//	}
//	outbox.Release(ctx, lease)
//
// A server that dies keeps its lease until it ends, and sends the event again that it had not said Done of. Clocks of
// several servers may differ by less than the term minus the time that sending may take.
type Outbox struct{ s *State }

// Outbox is the state's.
func (s *State) Outbox() Outbox { return Outbox{s} }

// ErrLeaseLost says that the lease had ended and somebody else may have it. What was sent may be sent again.
var ErrLeaseLost = errors.New("the lease of the webhook has ended")

// Lease is the right to send to one webhook.
type Lease struct {
	Webhook string
	token   string
	term    time.Duration
	until   time.Time
}

// Until is when the lease ends, unless Next is called again.
func (l *Lease) Until() time.Time { return l.until }

// cursor is how far a webhook is.
type cursor struct {
	Next     int64  `db:"next"`
	Attempts int    `db:"attempts"`
	Retry    int64  `db:"retry"`
	Lease    string `db:"lease"`
	Until    int64  `db:"until"`
}

// free reports whether somebody may send now.
func (c cursor) free(now time.Time) bool {
	return (c.Lease == "" || c.Until <= nanos(now)) && c.Retry <= nanos(now)
}

// Due are those of the webhooks, by name, that a lease could be had of now and that have something to be sent or are
// new. It only reads, so that asking often costs little.
func (o Outbox) Due(ctx context.Context, webhooks []string, now time.Time) (due []string, err error) {
	var last int64
	if err := o.s.db.GetContext(ctx, &last, o.s.text(`SELECT sequence FROM deputy_state.counter WHERE one = 1`)); err != nil {
		return nil, plain(err)
	}
	for _, name := range webhooks {
		var c cursor
		err := o.s.db.GetContext(
			ctx,
			&c,
			o.s.text(`SELECT next, attempts, retry, lease, until FROM deputy_state.webhooks WHERE name = ?`),
			name,
		)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, plain(err)
		}
		if err != nil || c.Next <= last && c.free(now) {
			due = append(due, name)
		}
	}
	return due, nil
}

// Lease takes the right to send to a webhook for so long. A webhook that was never heard of begins with the events from
// now on; one that comes back goes on where it was. Owner says to people which server it is. Not ok: somebody has the
// lease, or the next try is later.
func (o Outbox) Lease(
	ctx context.Context,
	webhook, owner string,
	now time.Time,
	term time.Duration,
) (l *Lease, ok bool, err error) {
	if webhook == "" || term <= 0 {
		return nil, false, errors.New("a lease needs a webhook's name and a term")
	}
	l = &Lease{webhook, rand.Text(), term, now.Add(term)}
	err = o.s.write(ctx, func(t *transaction) error {
		var c cursor
		err := t.get(
			&c,
			`SELECT next, attempts, retry, lease, until FROM deputy_state.webhooks WHERE name = ?`+t.locked(),
			webhook,
		)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = t.exec(`INSERT INTO deputy_state.webhooks (name, next) VALUES (?, ?)`, webhook, t.sequence+1)
		}
		if err != nil {
			return err
		}
		if !c.free(now) {
			return nil
		}
		_, err = t.exec(
			`UPDATE deputy_state.webhooks SET lease = ?, owner = ?, until = ? WHERE name = ?`,
			l.token,
			owner,
			nanos(l.until),
			webhook,
		)
		ok = err == nil
		return err
	})
	if err != nil || !ok {
		return nil, false, err
	}
	return l, true, nil
}

// Next is the event that the webhook is to have next, and how often telling it has failed. It sets the lease's end
// anew.
func (o Outbox) Next(ctx context.Context, l *Lease, now time.Time) (e Event, attempts int, ok bool, err error) {
	until := now.Add(l.term)
	err = o.s.write(ctx, func(t *transaction) error {
		var c cursor
		err := t.get(
			&c,
			`SELECT next, attempts, retry, lease, until FROM deputy_state.webhooks WHERE name = ? AND lease = ?`+t.locked(),
			l.Webhook,
			l.token,
		)
		if errors.Is(err, sql.ErrNoRows) || err == nil && c.Until <= nanos(now) {
			return ErrLeaseLost // ended: somebody else may think so already
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE deputy_state.webhooks SET until = ? WHERE name = ?`, nanos(until), l.Webhook); err != nil {
			return err
		}
		var w eventRow
		err = t.get(
			&w,
			`SELECT `+eventColumns+` FROM deputy_state.events WHERE sequence >= ? ORDER BY sequence LIMIT 1`,
			c.Next,
		)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		e, err = w.event()
		attempts, ok = c.Attempts, err == nil
		return err
	})
	if err != nil {
		return Event{}, 0, false, err
	}
	l.until = until
	return e, attempts, ok, nil
}

// Done says that the webhook has the event.
func (o Outbox) Done(ctx context.Context, l *Lease, e Event) error {
	return o.change(
		ctx,
		`UPDATE deputy_state.webhooks SET next = ?, attempts = 0, retry = 0 WHERE name = ? AND lease = ? AND next <= ?`,
		e.Sequence+1,
		l.Webhook,
		l.token,
		e.Sequence,
	)
}

// Failed says that the webhook does not have the event, and when somebody may try again. It ends the lease.
func (o Outbox) Failed(ctx context.Context, l *Lease, e Event, retry time.Time) error {
	return o.change(
		ctx,
		`UPDATE deputy_state.webhooks SET attempts = attempts + 1, retry = ?, lease = '', owner = '', until = 0
		WHERE name = ? AND lease = ? AND next <= ?`,
		nanos(retry),
		l.Webhook,
		l.token,
		e.Sequence,
	)
}

// Release ends the lease. One that is lost already needs no release.
func (o Outbox) Release(ctx context.Context, l *Lease) error {
	err := o.change(
		ctx,
		`UPDATE deputy_state.webhooks SET lease = '', owner = '', until = 0 WHERE name = ? AND lease = ?`,
		l.Webhook,
		l.token,
	)
	if errors.Is(err, ErrLeaseLost) {
		return nil
	}
	return err
}

// change changes the one cursor whose lease is ours.
func (o Outbox) change(ctx context.Context, query string, values ...any) error {
	return o.s.write(ctx, func(t *transaction) error {
		n, err := t.exec(query, values...)
		if err == nil && n != 1 {
			err = ErrLeaseLost
		}
		return err
	})
}

// kept is how long an event is kept at least.
const kept = 30 * 24 * time.Hour

// Prune deletes events that are older than thirty days and that all of the webhooks, by name, have. A webhook that is
// not named, because it is gone from the configuration, holds nothing back; its cursor stays.
func (o Outbox) Prune(ctx context.Context, webhooks []string, now time.Time) (pruned int64, err error) {
	err = o.s.write(ctx, func(t *transaction) error {
		var cursors []struct {
			Name string `db:"name"`
			Next int64  `db:"next"`
		}
		t.before()
		if err := t.tx.SelectContext(ctx, &cursors, t.text(`SELECT name, next FROM deputy_state.webhooks`)); err != nil {
			return plain(err)
		}
		passed := t.sequence + 1
		for _, c := range cursors {
			if slices.Contains(webhooks, c.Name) {
				passed = min(passed, c.Next)
			}
		}
		pruned, err = t.exec(
			`DELETE FROM deputy_state.events WHERE sequence < ? AND happened < ?`,
			passed,
			nanos(now.Add(-kept)),
		)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("pruning events: %w", err)
	}
	return pruned, nil
}
