package mcp

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"
)

// connections bounds how many are open, so that slow clients cannot have all files that the process may open: the audit log and the
// databases need some.
//
// A newcomer is not turned away. One of those makes room that have no request under way, be it that none has come yet or that the last
// one is answered: of the network that has most of those, the one that has been quiet longest. So who opens many loses many, and who
// opens one is served. Requests that are under way are bounded elsewhere, to fewer.
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
	place   *list.Element // nil: a request is under way
}

func newConnections(most int, log zerolog.Logger) *connections {
	return &connections{most: most, log: log, loud: rate.Sometimes{Interval: time.Minute}, open: map[net.Conn]*connection{}, quiet: map[string]*list.List{}}
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
	case state == http.StateActive:
		c.wake(one)
	case state == http.StateIdle:
		c.wake(one)
		c.hush(one)
	default:
		c.wake(one)
		delete(c.open, conn)
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
		c.log.Warn().Int("connections", c.most).Msg("all connections are in use: those that have been quiet longest are closed")
	})
}
