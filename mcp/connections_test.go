package mcp

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// wire is a connection that only knows where it comes from and whether it is closed.
type wire struct {
	net.Conn
	from   string
	closed bool
}

func (l *wire) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.ParseIP(l.from), Port: 1}
}
func (l *wire) Close() error { l.closed = true; return nil }

func TestTheQuietestOfTheMostCrowdedNetworkMakesRoom(t *testing.T) {
	c := newConnections(6, zerolog.Nop())
	var all []*wire
	open := func(from string) *wire {
		l := &wire{from: from}
		all = append(all, l)
		c.state(l, http.StateNew)
		return l
	}
	closed := func() (out []string) {
		for i, l := range all {
			if l.closed {
				out = append(out, fmt.Sprintf("%d from %s", i, l.from))
			}
		}
		return out
	}
	expect := func(want ...string) {
		t.Helper()
		if got := closed(); !slices.Equal(got, want) {
			t.Fatalf("closed are %q, want %q", got, want)
		}
	}
	open("203.0.113.1")         // 0: alone there, and quiet longest of all
	busy := open("2001:db8::1") // 1
	open("2001:db8::2")         // 2
	again := open("2001:db8::3")
	open("203.0.113.4")
	c.state(open("203.0.113.5"), http.StateIdle) // 5: as if it were told twice
	c.state(busy, http.StateActive)
	c.state(again, http.StateActive)
	c.state(again, http.StateIdle)
	expect()
	open("203.0.113.6") // 6
	expect("2 from 2001:db8::2")
	open("2001:db8::4") // 7
	expect("2 from 2001:db8::2", "3 from 2001:db8::3")
	c.state(all[2], http.StateClosed) // net/http finds out that it is closed
	c.state(all[3], http.StateClosed)
	c.state(busy, http.StateClosed)
	open("203.0.113.7") // 8, for which there is room
	expect("2 from 2001:db8::2", "3 from 2001:db8::3")
	if len(c.open) != 6 {
		t.Errorf("%d are open", len(c.open))
	}
	for _, l := range all {
		c.state(l, http.StateClosed)
	}
	if len(c.open)+len(c.quiet) != 0 {
		t.Errorf("when all have gone, %d connections and %d networks are remembered", len(c.open), len(c.quiet))
	}
}

func TestWithEveryConnectionBusyTheNewcomerGoes(t *testing.T) {
	var log syncBuffer
	c := newConnections(2, logTo(&log))
	for range 2 {
		l := &wire{from: "203.0.113.1"}
		c.state(l, http.StateNew)
		c.state(l, http.StateActive)
		defer func() {
			if l.closed {
				t.Error("a request that is under way is cut off")
			}
		}()
	}
	for range 100 {
		newcomer := &wire{from: "203.0.113.2"}
		if c.state(newcomer, http.StateNew); !newcomer.closed {
			t.Error("there is a connection too many")
		}
	}
	if n := strings.Count(log.String(), "all connections are in use"); n != 1 {
		t.Errorf("the log says so %d times", n)
	}
}

func TestConnectionsNeverTakeAllFiles(t *testing.T) {
	files, ok := openFiles()
	if !ok {
		t.Skip("what may be open cannot be told here")
	}
	var log syncBuffer
	if got := (&Server{Connections: files, Logger: logTo(&log)}).connections(); got != files/4*3 || !strings.Contains(log.String(), "too few files") {
		t.Errorf("with %d files there may be %d connections, and the log says %s", files, got, log.String())
	}
	if got := (&Server{Connections: 10}).connections(); got != 10 {
		t.Errorf("ten are configured, and there may be %d", got)
	}
}
