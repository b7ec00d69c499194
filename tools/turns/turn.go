package turns

import (
	"context"
	"errors"
	"time"

	"deputy/vending"
)

// Call is a call that wants to run.
type Call struct {
	Caller string
	// Tables are the names of the tables that the call may be about; nil: it is about none. It is only asked while one
	// of them may be locked.
	Tables func() []string
	// LockTimeout is how long the call waits for a lock in the database, the time it waits for its turn included; zero:
	// it does not wait again.
	LockTimeout time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Turn is the place of a call that runs.
type Turn struct {
	call    Call
	queues  []*Turns
	tables  []string
	known   bool // the tables
	blocked bool // it waits for a lock
	since   time.Time
	held    int // of queues: in how many of them it has a place
}

// Enter waits for a place in each of the queues. The error is a *vending.Error.
func Enter(ctx context.Context, call Call, queues ...*Turns) (*Turn, error) {
	if call.Now == nil {
		call.Now = time.Now
	}
	t := &Turn{call: call, queues: queues}
	atMost := patience
	if queues[0].suspects() && queues[0].isLocked(t.about(), call.Now()) {
		t.blocked, t.since, atMost = true, call.Now(), min(patience, max(call.LockTimeout, time.Millisecond))
	}
	switch err := t.enter(ctx, atMost); {
	case err == nil:
		return t, nil
	case !errors.Is(err, errBusy):
		return nil, &vending.Error{Code: vending.Cancelled, Message: "the call was cancelled", Cause: err}
	case t.blocked:
		return nil, &vending.Error{Code: vending.Locked, Message: vending.LockedMessage, Cause: err}
	default:
		const message = "too many calls are running: try again in a moment"
		return nil, &vending.Error{Code: vending.TooBusy, Message: message, Cause: err}
	}
}

func (t *Turn) enter(ctx context.Context, atMost time.Duration) error {
	until := time.Now().Add(atMost)
	for _, q := range t.queues {
		if err := q.enter(ctx, t.call.Caller, t.blocked, time.Until(until)); err != nil {
			t.Leave()
			return err
		}
		t.held++
	}
	return nil
}

// Leave gives the place to the next one. It may be called again.
func (t *Turn) Leave() {
	for ; t.held > 0; t.held-- {
		t.queues[t.held-1].leave(t.call.Caller, t.blocked)
	}
}

// Waited reports whether the call has waited because of a lock.
func (t *Turn) Waited() bool { return t.blocked }

// Ran notes that the call's statement ran: nothing locks its tables.
func (t *Turn) Ran() {
	if q := t.queues[0]; q.suspects() {
		q.unlock(t.about())
	}
}

func (t *Turn) about() []string {
	if !t.known && t.call.Tables != nil {
		t.tables = t.call.Tables()
	}
	t.known = true
	return t.tables
}

// Try does a step of the call, and once more while a lock keeps it from its tables and the call has time for that. An
// engine waits for a lock only for a moment; between two moments the call gives its place to others. Its error may be
// one of vending.Locked.
func Try[T any](ctx context.Context, turn *Turn, step func(context.Context) (T, error)) (T, error) {
	for {
		began := turn.call.Now()
		result, err := step(ctx)
		var known *vending.Error
		if !errors.As(err, &known) || known.Code != vending.Locked {
			return result, err
		}
		if turn.since.IsZero() {
			turn.since = began
		}
		left := turn.call.LockTimeout - turn.call.Now().Sub(turn.since)
		turn.queues[0].lock(turn.about(), turn.call.Now())
		if left <= 0 {
			return result, err
		}
		turn.Leave()
		turn.blocked = true
		if turn.enter(ctx, left) != nil {
			return result, err
		}
	}
}
