package httpd

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/tools"
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
	c.hold(busy)
	c.state(busy, http.StateIdle) // which does not give it up
	c.hold(again)()
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
		c.hold(l)
		defer c.hold(l)() // another request, with HTTP/2
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
	if got := (&Server{Connections: files, Logger: logTo(&log)}).connections(); got != files/4*3 ||
		!strings.Contains(log.String(), "too few files") {
		t.Errorf("with %d files there may be %d connections, and the log says %s", files, got, log.String())
	}
	if got := (&Server{Connections: 10}).connections(); got != 10 {
		t.Errorf("ten are configured, and there may be %d", got)
	}
}

// Whoever is refused has no limit any more but that of connections. While net/http waits for the body that was
// announced, nobody may be kept out by it.
func TestRequestsThatAreRefusedDoNotStopTheNextOne(t *testing.T) {
	for name, attack := range map[string]string{
		"of nobody's call":     "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
		"of what stands open":  "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n",
		"in chunks, of nobody": "POST /api/requests HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			handler, err := New(config(&fakeTools{}))
			if err != nil {
				t.Fatal(err)
			}
			handled := make(chan struct{}, 1)
			counting := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				handler.ServeHTTP(w, r)
				if r.Header.Get("Authorization") == "" {
					handled <- struct{}{}
				}
			})
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			const connections = 10
			server := &Server{
				Handler: counting, Logger: zerolog.Nop(), Connections: connections,
				HeaderTimeout: time.Hour, ReadTimeout: time.Hour, IdleTimeout: time.Hour,
			}
			go server.Serve(t.Context(), listener)
			for range 2 * connections {
				conn, err := net.Dial("tcp", listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				closed := make(chan struct{})
				go func() {
					defer close(closed)
					_, _ = io.WriteString(conn, attack)
					_, _ = io.Copy(io.Discard, conn)
				}()
				select {
				case <-handled:
				case <-closed: // the newcomer was turned away: so will the next one be
				}
			}
			r, err := http.NewRequestWithContext(
				t.Context(),
				http.MethodPost,
				"http://"+listener.Addr().String()+endpoint,
				strings.NewReader(queryBody),
			)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer token-mallory")
			if response, body := do(t, r); response.StatusCode != http.StatusOK {
				t.Errorf("the next one is answered %d %s", response.StatusCode, body)
			}
		})
	}
}

func TestTheConnectionOfARunningCallMakesNoRoom(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	handler, err := New(
		config(&fakeTools{OnQuery: func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error) {
			close(began)
			<-end
			return orders(), nil
		}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go (&Server{Handler: handler, Logger: zerolog.Nop(), Connections: 1}).Serve(t.Context(), listener)
	dial := func(says string) net.Conn {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_, _ = io.WriteString(conn, says)
		return conn
	}
	running := dial(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(queryBody), queryBody))
	<-began
	for range 3 {
		_, _ = io.Copy(io.Discard, dial("")) // there is no other to make room
	}
	close(end)
	expectBegun(t, running)
}
