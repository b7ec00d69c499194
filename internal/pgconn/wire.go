package pgconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// ErrSilent says that the database took a request and sent nothing more: it is frozen, or the network swallows what is
// sent. The error that wraps it says for how long.
var ErrSilent = errors.New("the database is silent")

// silentAfter is how long nothing may have arrived before a database is called silent. One whose call was given up
// sooner had no time to answer.
const silentAfter = 400 * time.Millisecond

// wire is what lib/pq reads from and writes to. Once it is cut it stays cut, and every read and write says why.
type wire struct {
	net.Conn          // speaks TLS, where the host does
	raw      net.Conn // is what was dialled
	meter    meter

	mu   sync.Mutex
	last time.Time // when something was sent or arrived
	why  error     // why it was cut, nil while it is not
}

func newWire(c net.Conn, config Config) *wire {
	return &wire{Conn: c, raw: c, meter: meter{limit: config.MaxAnswer}, last: time.Now()}
}

func (w *wire) Read(p []byte) (int, error) {
	for {
		// TLS may hold the rest of a record, in the middle of the message that the wire was cut for
		if why := w.ended(); why != nil {
			return 0, why
		}
		n, err := w.Conn.Read(p)
		if n == 0 {
			return 0, w.reason(err)
		}
		w.touch()
		pass, full := w.meter.read(p[:n])
		if full != nil {
			w.cut(full)
		}
		switch {
		case pass > 0:
			return pass, nil // the next read says what has ended it
		case full != nil:
			return 0, full
		case err != nil:
			return 0, w.reason(err)
		}
	}
}

func (w *wire) Write(p []byte) (int, error) {
	w.touch()
	w.meter.wrote()
	n, err := w.Conn.Write(p)
	return n, w.reason(err)
}

func (w *wire) touch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
}

// idle is how long nothing has been sent and nothing has arrived.
func (w *wire) idle() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.last)
}

// cut closes the connection under whatever step waits for it, which returns with why.
func (w *wire) cut(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.why == nil {
		w.why = why
		w.raw.Close() // without the last words of TLS, which would be waited for
	}
}

// ended returns why the wire was cut, nil while it is not.
func (w *wire) ended() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.why
}

// reason puts what the wire was cut for in the place of an error that only says that it was.
func (w *wire) reason(err error) error {
	if why := w.ended(); err != nil && why != nil {
		return why
	}
	return err
}

// giveUp cuts the wire because a context has ended, whose error is the cause.
func (w *wire) giveUp(cause error) {
	if quiet := w.idle(); quiet >= silentAfter {
		cause = fmt.Errorf("%w: nothing has arrived for %v: %w", ErrSilent, quiet.Round(time.Millisecond), cause)
	}
	w.cut(cause)
}

// leash ties a wire to the context of one step.
type leash struct {
	stop   func() bool
	cancel context.CancelFunc // of a deadline that the step was given, nil without one

	mu    sync.Mutex
	over  bool // the step has returned
	grace *time.Timer
}

// follow cuts the wire when ctx has ended and grace has passed, unless the step has returned by then.
func (w *wire) follow(ctx context.Context, grace time.Duration) *leash {
	l := &leash{}
	l.stop = context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.over {
			l.grace = time.AfterFunc(grace, func() { w.giveUp(ctx.Err()) })
		}
	})
	return l
}

// release is called when the step has returned.
func (l *leash) release() {
	l.stop()
	if l.cancel != nil {
		l.cancel()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.grace != nil {
		l.grace.Stop()
	}
}
