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
	config Config

	mu    sync.Mutex
	wire  *wire // the last one dialled while connecting
	ready bool  // the connection is there: what is dialled from now on carries a cancellation
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
		return newCancellation(c, until)
	}
	w := newWire(c, d.config)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wire = w; d.over {
		w.Close()
	}
	return w, nil
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

func newCancellation(c net.Conn, until time.Time) (net.Conn, error) {
	if err := c.SetDeadline(until); err != nil {
		c.Close()
		return nil, err
	}
	return cancellation{c}, nil
}

// SetDeadline leaves the deadline as it is.
func (cancellation) SetDeadline(time.Time) error { return nil }
