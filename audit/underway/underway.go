// Package underway knows the calls that have begun and have no outcome on the record, so that a server that has to end
// before they do can put each of them there: none is found as unknown by the next start, and one that was still being
// analysed, which has no intent, is on the record as well.
package underway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"deputy/audit"
)

// Why is the reason on the record of a call that was cut off.
const Why = "the server was stopped before the call had ended: nothing was answered"

// ErrCut is the error of a record of a call that was cut off, or that wants to go on after all others were.
var ErrCut = errors.New("the server is being stopped, and the call is on the record as cut off")

// Recorder makes a record durable.
type Recorder interface {
	Append(context.Context, audit.Record) error
}

// Calls is a Recorder that keeps count of the calls whose records pass through it. All methods may be called
// concurrently.
type Calls struct {
	log Recorder
	now func() time.Time

	mu      sync.Mutex
	open    map[string]audit.Record // what is known of each call, by its id
	writing sync.WaitGroup          // the records on their way to the log
	cut     bool                    // CutOff was called: nothing begins any more
}

// New is over a log. A nil clock is time.Now.
func New(log Recorder, now func() time.Time) *Calls {
	if now == nil {
		now = time.Now
	}
	return &Calls{log: log, now: now, open: map[string]audit.Record{}}
}

// Begin notes what is known of a call before it does anything. The call must come to an outcome with Append.
func (c *Calls) Begin(r audit.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.cut {
		c.open[r.ID] = r
	}
}

// Append makes the record durable. An intent says more of its call; an outcome ends it, unless the call was cut off:
// then it has its outcome, and the error is ErrCut, so that nothing is answered.
func (c *Calls) Append(ctx context.Context, r audit.Record) error {
	if err := c.take(r); err != nil {
		return err
	}
	defer c.writing.Done()
	if err := c.log.Append(ctx, r); err != nil {
		return err
	}
	if r.Phase == audit.Intent && c.isCut() {
		return ErrCut // the statement must not run
	}
	return nil
}

// take lets a record pass to the log, as one that is being written.
func (c *Calls) take(r audit.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, open := c.open[r.ID]
	switch {
	case c.cut && (r.Phase == audit.Intent || !open):
		return ErrCut
	case r.Phase == audit.Intent:
		c.open[r.ID] = r
	default:
		delete(c.open, r.ID)
	}
	c.writing.Add(1)
	return nil
}

func (c *Calls) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

// CutOff writes the outcome of every call that has none, and returns how many those were. No call begins after it, and
// no record is on its way to the log any more when it returns.
func (c *Calls) CutOff(ctx context.Context) (calls int, err error) {
	c.mu.Lock()
	c.cut = true
	left := c.open
	c.open = nil
	c.mu.Unlock()
	c.writing.Wait() // an outcome never comes before its intent
	var all sync.WaitGroup
	failures := make(chan error, len(left))
	for _, r := range left { // side by side: they share the log's syncs
		all.Go(func() { failures <- c.log.Append(ctx, c.cancelled(r)) })
	}
	all.Wait()
	close(failures)
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	if err != nil {
		err = fmt.Errorf("recording the calls that were cut off: %w", err)
	}
	return len(left), err
}

// cancelled is the outcome of a call that was cut off. A step of an access request may have been taken by then.
func (c *Calls) cancelled(r audit.Record) audit.Record {
	r.Outcome, r.Code = audit.Cancelled, "cancelled"
	if r.Phase == audit.Intent && r.Request != nil {
		r.Outcome = audit.Unknown
	}
	r.Phase = audit.Ended
	r.Rows, r.Truncated, r.Duration = 0, false, c.now().Sub(r.Time)
	r.Reasons = append(slices.Clone(r.Reasons), Why)
	return r
}
