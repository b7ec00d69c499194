package httpd

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"
)

// connections bounds how many are open, so that slow clients cannot have all files that the process may open: the audit
// log and the databases need some.
//
// A newcomer is not turned away. One of those makes room that have no request of a proved caller under way: of the
// network that has most of those, the one that has been quiet longest. So a client that opens many loses many, and one
// that opens one is served. The requests of proved callers are bounded elsewhere, to fewer. Those of others are not
// once they have been refused: net/http may still wait for their body, and for their client to read the answer.
type connections struct {
	most int
	log  zerolog.Logger
	loud rate.Sometimes

	mu    sync.Mutex
	open  map[net.Conn]*connection
	quiet map[string]*list.List // of *connection, by network; the longest quiet first
}

type connection struct {
	net.Conn
	network string
	place   *list.Element // nil: a proved caller's request is under way
	held    int           // such requests; several with HTTP/2
}

func newConnections(most int, log zerolog.Logger) *connections {
	return &connections{
		most:  most,
		log:   log,
		loud:  rate.Sometimes{Interval: time.Minute},
		open:  map[net.Conn]*connection{},
		quiet: map[string]*list.List{},
	}
}

// state is what http.Server tells of each connection. A new one it tells before it takes the next.
func (c *connections) state(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.open[conn]
	switch {
	case state == http.StateNew:
		one = &connection{Conn: conn, network: networkOf(conn.RemoteAddr())}
		c.open[conn] = one
		c.hush(one)
		if len(c.open) > c.most {
			c.makeRoom()
		}
	case one == nil: // it has made room
	case state == http.StateActive, state == http.StateIdle:
		if one.held == 0 { // it has just said something
			c.wake(one)
			c.hush(one)
		}
	default:
		c.wake(one)
		delete(c.open, conn)
	}
}

// connectionKey is the one context key of this package: its value is of a connection, not of a call.
type connectionKey struct{}

// held is what the context of a connection's requests has of it.
type held struct {
	hold  func() (release func())
	calls context.Context // it ends when the server cannot wait for calls any longer
}

// context is that of a connection's requests.
func (c *connections) context(ctx context.Context, conn net.Conn, calls context.Context) context.Context {
	return context.WithValue(ctx, connectionKey{}, held{func() (release func()) { return c.hold(conn) }, calls})
}

// holdConnection keeps the connection of a request for as long as the request is under way. It is for proved callers.
func holdConnection(ctx context.Context) (release func()) {
	if of, ok := ctx.Value(connectionKey{}).(held); ok {
		return of.hold()
	}
	return func() {}
}

// callContext is the context of a request for what the request has Deputy do. It ends with the request, and when the
// server cannot wait any longer: the request itself goes on then, so that it can be answered.
func callContext(ctx context.Context) (_ context.Context, end func()) {
	of, ok := ctx.Value(connectionKey{}).(held)
	if !ok {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(of.calls, func() { cancel(context.Cause(of.calls)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

func (c *connections) hold(conn net.Conn) (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.open[conn]
	if one == nil { // it has made room
		return func() {}
	}
	one.held++
	c.wake(one)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if one.held--; one.held == 0 && c.open[conn] == one {
			c.hush(one)
		}
	}
}

// networkOf is as in clientAddress: what is counted together.
func networkOf(address net.Addr) string {
	host := hostname(address.String())
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	return located(ip).network()
}

func (c *connections) hush(one *connection) {
	all := c.quiet[one.network]
	if all == nil {
		all = list.New()
		c.quiet[one.network] = all
	}
	one.place = all.PushBack(one)
}

func (c *connections) wake(one *connection) {
	if one.place == nil {
		return
	}
	all := c.quiet[one.network]
	all.Remove(one.place)
	one.place = nil
	if all.Len() == 0 {
		delete(c.quiet, one.network)
	}
}

// makeRoom is only called when there is a quiet one: the newcomer.
func (c *connections) makeRoom() {
	var most *list.List
	for _, all := range c.quiet {
		if most == nil || all.Len() > most.Len() {
			most = all
		}
	}
	one := most.Front().Value.(*connection)
	c.wake(one)
	delete(c.open, one.Conn)
	if over, ok := one.Conn.(*tls.Conn); ok {
		over.NetConn().Close() // not to say good-bye, for which it would have to wait
	} else {
		one.Conn.Close()
	}
	c.loud.Do(func() {
		c.log.Warn().
			Int("connections", c.most).
			Msg("all connections are in use: those that have been quiet longest are closed")
	})
}
