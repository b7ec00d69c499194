package pgconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// keepAlive notices within about half a minute that the other host has gone, on a connection that is idle.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// userTimeout is how long what was sent may stay unacknowledged by the other host.
const userTimeout = 15 * time.Second

// dialer dials for one connection to the database: once for each host that is tried, and later for each cancellation
// of a statement, which goes over a connection of its own.
type dialer struct {
	config  Config
	secrecy func() (*secrecy, error) // is asked once a host has taken the connection

	mu    sync.Mutex
	with  *secrecy // of the connection, and of its cancellations
	wire  *wire    // the last one dialled while connecting
	ready bool     // the connection is there: what is dialled from now on carries a cancellation
	over  bool
}

// Dial implements pq.Dialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout implements pq.Dialer.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext implements pq.DialerContext.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	cancels := d.isReady()
	until := time.Now().Add(d.config.Grace)
	if cancels {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, until)
		defer stop()
	}
	c, err := (&net.Dialer{KeepAliveConfig: keepAlive, Control: control}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if cancels {
		return newCancellation(ctx, c, d.with, until)
	}
	w := newWire(c, d.config)
	d.take(w)
	if err := d.secure(ctx, w); err != nil {
		c.Close()
		return nil, w.reason(err)
	}
	return w, nil
}

// take keeps the wire, so that giving up ends it.
func (d *dialer) take(w *wire) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wire = w; d.over {
		w.Close()
	}
}

// secure has TLS spoken below the meter, which sees what lib/pq sees.
func (d *dialer) secure(ctx context.Context, w *wire) (err error) {
	if d.with, err = d.secrecy(); err != nil {
		return unsecured{err}
	}
	secured, err := d.with.open(ctx, w.raw)
	if err != nil {
		return err
	}
	w.Conn = secured
	w.touch()
	return nil
}

// giveUp ends the attempt to connect. Nothing has been asked for that would have to be cancelled.
func (d *dialer) giveUp(cause error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if d.wire != nil {
		d.wire.giveUp(cause)
	}
}

func (d *dialer) established() *wire {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ready = true
	return d.wire
}

// isTaken reports whether a host has taken the connection.
func (d *dialer) isTaken() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.wire != nil
}

func (d *dialer) isReady() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ready
}

// explain tells a host that took the connection and then said nothing from one that cannot be reached.
func (d *dialer) explain(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var network *net.OpError
	if d.wire != nil && errors.As(err, &network) && network.Timeout() {
		return fmt.Errorf("%w while it is connected to: %w", ErrSilent, err)
	}
	return err
}

// cancellation is the connection that asks the database to cancel a statement. lib/pq waits on it until the database
// closes it; a statement must not wait longer for that than its grace.
type cancellation struct{ net.Conn }

// A cancellation says in whose name it comes, and goes through TLS where its statement did.
func newCancellation(ctx context.Context, c net.Conn, with *secrecy, until time.Time) (net.Conn, error) {
	if err := c.SetDeadline(until); err != nil {
		c.Close()
		return nil, err
	}
	secured, err := with.open(ctx, c)
	if err != nil {
		c.Close()
		return nil, err
	}
	return cancellation{secured}, nil
}

// SetDeadline leaves the deadline as it is.
func (cancellation) SetDeadline(time.Time) error { return nil }
