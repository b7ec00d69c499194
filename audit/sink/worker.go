package sink

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// work is the one goroutine that uses the sink.
func (l *lane) work() {
	defer close(l.done)
	retry, alone := firstRetry, 0
	for {
		items, closed := l.head(alone > 0)
		if len(items) == 0 {
			if closed {
				return
			}
			select {
			case <-l.wake:
			case <-l.life.Done():
				return
			}
			continue
		}
		err := l.deliver(items)
		switch rejected := (*Rejected)(nil); {
		case err == nil:
			retry, alone = firstRetry, max(0, alone-1)
			l.taken(items)
		case errors.As(err, &rejected) && len(items) > 1: // one after the other, to find which
			alone = len(items)
		case rejected != nil:
			alone = max(0, alone-1)
			l.rejected(items[0], err)
		default:
			if l.failed(err); closed { // what waits was given its last chance
				return
			}
			select {
			case <-time.After(retry):
			case <-l.closing:
			}
			retry = min(2*retry, lastRetry)
		}
	}
}

// head is what is delivered next. It stays in the queue until it is taken.
func (l *lane) head(alone bool) (items []*item, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.queue), batch)
	if alone {
		n = min(n, 1)
	}
	return append(items, l.queue[:n]...), l.closed
}

func (l *lane) deliver(items []*item) error {
	ctx, cancel := context.WithTimeout(l.life, l.Patience)
	defer cancel()
	messages := make([]Message, len(items))
	for i, item := range items {
		messages[i] = item.Message
	}
	l.mu.Lock()
	l.since = time.Now()
	l.mu.Unlock()
	err := l.Sink.Deliver(ctx, messages)
	l.mu.Lock()
	l.since = time.Time{}
	l.mu.Unlock()
	return err
}

// taken says so to whoever waits, and to the operator if it was not always so.
func (l *lane) taken(items []*item) {
	l.mu.Lock()
	l.shift(items)
	recovered, gap := l.failure != nil, l.gap
	l.failure = nil
	if len(l.queue) >= l.Queue/2 || l.bytes >= most/2 { // there may be more to drop: it is said once there is room
		gap.records = 0
	} else {
		l.gap.records = 0
	}
	l.mu.Unlock()
	for _, i := range items {
		i.tell(nil)
	}
	if gap.records > 0 {
		l.report(
			l.named(
				fmt.Errorf(
					"a gap: %d records from %s to %s were dropped; the log has them",
					gap.records,
					gap.first.UTC().Format(time.RFC3339),
					gap.last.UTC().Format(time.RFC3339),
				),
			),
		)
	}
	if recovered {
		l.report(l.named(errors.New("it takes records again")))
	}
}

// rejected gives one message up, so that it does not hold up all others. Its own call is not answered.
func (l *lane) rejected(i *item, err error) {
	err = l.named(fmt.Errorf("it does not take the record %s: %w", i.Record.ID, err))
	l.mu.Lock()
	l.shift([]*item{i})
	l.dropped++
	l.mu.Unlock()
	i.tell(err)
	l.report(err)
}

// failed keeps the messages, and tells those who wait that they need not.
func (l *lane) failed(err error) {
	err = l.named(err)
	l.mu.Lock()
	known := l.failure != nil
	l.failure = err
	all := append([]*item{}, l.queue...)
	l.mu.Unlock()
	for _, i := range all {
		i.tell(err)
	}
	if !known {
		l.report(err)
	}
}

// tell answers whoever waits, once.
func (i *item) tell(err error) {
	if i.taken == nil {
		return
	}
	select {
	case i.taken <- err:
	default:
	}
}
