package sink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"deputy/audit"
)

const (
	queued   = 10_000   // messages that wait at most, and
	most     = 64 << 20 // bytes of their texts: statements may be long
	patience = 10 * time.Second
	batch    = 100 // messages in one delivery

	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// lane is the way to one sink. What cannot be delivered stays at the head of the queue and is tried again, so that
// nothing is lost while there is room, and nothing comes before what was before it.
type lane struct {
	Config
	report  func(error)
	wake    chan struct{} // holds one token while there may be something to deliver
	closing chan struct{} // closed when no more will come
	done    chan struct{}
	life    context.Context
	stop    context.CancelFunc

	mu      sync.Mutex
	queue   []*item
	bytes   int       // of the queue's texts
	since   time.Time // when the delivery under way began; zero: none is
	failure error     // of the last delivery; nil: it was taken
	closed  bool
	dropped int // since the start
	gap     gap
}

// item is one message in the queue, and perhaps somebody who waits for it to be taken.
type item struct {
	Message
	taken chan error // holds one; nil: nobody waits
}

// gap is what was dropped since the sink last took something.
type gap struct {
	records     int
	first, last time.Time
}

func newLane(c Config, report func(error)) *lane {
	if c.Queue <= 0 {
		c.Queue = queued
	}
	if c.Patience <= 0 {
		c.Patience = patience
	}
	l := &lane{
		Config:  c,
		report:  report,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	l.life, l.stop = context.WithCancel(context.Background())
	go l.work()
	return l
}

// enqueue puts a record at the end of the queue. Whoever wants to wait is given the function that does.
func (l *lane) enqueue(r audit.Record, waits bool) (wait func() error) {
	text, err := l.Format(r)
	if err != nil {
		err = fmt.Errorf("%s: the record cannot be put into its format: %w", l.Name, err)
		l.report(err)
		return func() error { return err }
	}
	i := &item{Message: Message{r, text}}
	l.mu.Lock()
	defer l.mu.Unlock()
	down := l.down()
	if waits && down == nil {
		i.taken = make(chan error, 1)
	}
	switch {
	case l.closed:
		down = audit.ErrClosed
	case len(l.queue) >= l.Queue, l.bytes+len(text) > most && len(l.queue) > 0:
		l.drop(i)
		down = errors.Join(down, l.named(errors.New("too many records wait for it")))
	default:
		l.queue, l.bytes = append(l.queue, i), l.bytes+len(text)
		l.signal()
	}
	if down != nil || i.taken == nil {
		return func() error { return down } // only who wants to wait will ask
	}
	return func() error { return l.await(i) }
}

func (l *lane) await(i *item) error {
	timer := time.NewTimer(l.Patience)
	defer timer.Stop()
	select {
	case err := <-i.taken:
		return err
	case <-timer.C:
		return l.slow()
	}
}

// drop counts what there is no room for. l.mu is held.
func (l *lane) drop(i *item) {
	if l.gap.records == 0 {
		l.gap.first = i.Record.Time
		go l.report(l.named(errors.New("too many records wait for it: those that come now are dropped")))
	}
	l.gap.records++
	l.gap.last = i.Record.Time
	l.dropped++
}

// ready returns nil unless the sink is known not to take anything.
func (l *lane) ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.down()
}

// shift takes the first messages out of the queue. l.mu is held.
func (l *lane) shift(items []*item) {
	l.queue = l.queue[len(items):]
	for _, i := range items {
		l.bytes -= len(i.Text)
	}
}

// down is ready with l.mu held.
func (l *lane) down() error {
	if l.failure == nil && !l.since.IsZero() && time.Since(l.since) >= l.Patience {
		return l.slow()
	}
	return l.failure
}

func (l *lane) slow() error { return l.named(fmt.Errorf("it has not answered for %s", l.Patience)) }

func (l *lane) named(err error) error { return fmt.Errorf("%s: %w", l.Name, err) }

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (l *lane) status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Status{l.Name, l.Required, len(l.queue), l.dropped, l.down()}
}

func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	close(l.closing)
	l.signal()
}

// end waits for the worker, and not for ever.
func (l *lane) end() error {
	timer := time.NewTimer(l.Patience)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C:
	}
	l.stop()
	l.mu.Lock()
	left := len(l.queue)
	l.mu.Unlock()
	select {
	case <-l.done: // nobody uses the sink any more
		if err := l.Sink.Close(); err != nil {
			return err
		}
	case <-time.After(time.Second):
	}
	if left > 0 {
		return fmt.Errorf("%d records were not delivered before the end", left)
	}
	return nil
}
