package httpd

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/tools"
)

const head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-mallory\r\nContent-Type: application/json\r\n"

// counted knows how many of its connections have been open at once.
type counted struct {
	net.Listener
	mu        sync.Mutex
	now, most int
}

func (c *counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now++
		c.most = max(c.most, c.now)
		conn = &countedConn{Conn: conn, closed: sync.OnceFunc(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.now--
		})}
	}
	return conn, err
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error { defer c.closed(); return c.Conn.Close() }

// No time-out helps here: the slow clients are all there when the next one comes, from the same address and as the same
// caller.
func TestAThousandSlowClientsDoNotStopTheNextOne(t *testing.T) {
	long := strings.Repeat("x", 4<<20) // more than sockets hold
	cfg := config(
		&fakeTools{OnQuery: func(_ context.Context, _ tools.Call, args tools.QueryArgs) (*tools.QueryResult, error) {
			r := orders()
			if args.SQL == "long" {
				r.Rows = [][]any{{long, ""}}
			}
			return r, nil
		}},
	)
	cfg.Limits = func() Limits { return Limits{Calls: 32, CallerCalls: 8} }
	handler, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := &counted{Listener: plain}
	const connections = 200
	server := &Server{
		Handler: handler, Logger: zerolog.Nop(), Connections: connections,
		HeaderTimeout: time.Hour, ReadTimeout: time.Hour, IdleTimeout: time.Hour,
	}
	go server.Serve(t.Context(), listener)

	body := strings.Replace(queryBody, "SELECT 1", "long", 1)
	for i := range 1000 {
		conn, err := net.Dial("tcp", plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		switch {
		case i%50 == 0: // does not read its answer, but for its beginning
			fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
			expectBegun(t, conn)
		case i%3 == 0: // says nothing
		case i%3 == 1: // is slow with the head
			io.WriteString(conn, head[:50+i%20])
		case i%3 == 2: // is slow with the body
			io.WriteString(conn, head+"Content-Length: 1000000\r\n\r\n{")
		}
	}
	r, err := http.NewRequestWithContext(
		t.Context(),
		http.MethodPost,
		"http://"+plain.Addr().String()+endpoint,
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
	listener.mu.Lock()
	defer listener.mu.Unlock()
	if listener.most > connections+1 { // the newcomer is there for a moment
		t.Errorf("%d connections were open at once", listener.most)
	}
}

func expectBegun(t *testing.T, conn net.Conn) {
	t.Helper()
	begins := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, begins); err != nil || string(begins) != "HTTP/1.1 200" {
		t.Fatalf("the answer begins with %q, %v", begins, err)
	}
}

func TestOfSlowBodiesTheOldestMakesRoom(t *testing.T) {
	cfg := config(&fakeTools{})
	cfg.Limits = func() Limits { return Limits{CallerCalls: 1} }
	server := serve(t, cfg)
	var answers [2]<-chan string
	for i := range answers {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, head+"Content-Length: 1000\r\n\r\n{")
		answer := make(chan string, 1)
		answers[i] = answer
		go func() {
			all, _ := io.ReadAll(conn)
			answer <- string(all)
		}()
	}
	var got string
	select { // whichever of the two came first
	case got = <-answers[0]:
	case got = <-answers[1]:
	}
	if !strings.HasPrefix(got, "HTTP/1.1 408 ") || !strings.Contains(got, "Connection: close") {
		t.Errorf("the slow one is answered %q", got)
	}
}

func TestAnAnswerThatIsNotReadTakesNoPlaceFromCalls(t *testing.T) {
	long := strings.Repeat("x", 4<<20)
	cfg := config(&fakeTools{OnQuery: func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error) {
		r := orders()
		r.Rows = [][]any{{long, ""}}
		return r, nil
	}})
	cfg.Limits = func() Limits { return Limits{Calls: 1, CallerCalls: 1} }
	cfg.WriteTimeout = time.Hour
	server := serve(t, cfg)
	for range 3 {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := request(t, server, queryBody, as("mallory")).Write(conn); err != nil {
			t.Fatal(err)
		}
		expectBegun(t, conn)
	}
	if response, _ := do(t, request(t, server, queryBody, as("mallory"))); response.StatusCode != http.StatusOK {
		t.Errorf("the next call is answered %d", response.StatusCode)
	}
}

func TestWhatHTTPMayTakeIsBounded(t *testing.T) {
	handler, err := New(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, sent string
		server     Server
		want       string // how the answer begins
	}{
		{"a head that never ends", head[:60], Server{HeaderTimeout: 20 * time.Millisecond, ReadTimeout: time.Hour}, ""},
		{"nothing at all", "", Server{HeaderTimeout: 20 * time.Millisecond, ReadTimeout: time.Hour}, ""},
		{"a body that never ends", head + "Content-Length: 100\r\n\r\n{", Server{ReadTimeout: time.Second}, "HTTP/1.1 408 "},
		{"nothing after the first request", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", Server{IdleTimeout: 20 * time.Millisecond}, "HTTP/1.1 200 "},
		{"a head that is too large", head + "X: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", Server{}, "HTTP/1.1 431 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.server.Handler = handler
			url, stop := listen(t, &tt.server)
			defer stop()
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go io.WriteString(conn, tt.sent)
			answer, _ := io.ReadAll(conn) // without the bound: for ever
			if !strings.HasPrefix(string(answer), tt.want) || tt.want == "" && len(answer) > 0 {
				t.Errorf("it is answered %q", answer)
			}
		})
	}
}

// deadlines remembers that there were some.
type deadlines struct {
	http.ResponseWriter
	set int
}

func (d *deadlines) SetWriteDeadline(time.Time) error { d.set++; return nil }

func TestWhatIsWrittenBeforeTheAnswerHasADeadlineToo(t *testing.T) {
	// of a stream of HTTP/2, a deadline that passes is the end, answered or not
	for protocol, want := range map[int]int{1: 1, 2: 0} {
		d := &deadlines{ResponseWriter: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodPost, endpoint, nil)
		r.ProtoMajor = protocol
		writeDeadline(time.Hour, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(d, r)
		if d.set != want {
			t.Errorf("with HTTP/%d there are %d deadlines before the answer", protocol, d.set)
		}
	}
}

func TestThoseWhoWaitedAreForgotten(t *testing.T) {
	// With room for one of each kind, a second one is answered only where the first has left.
	cfg := config(&fakeTools{})
	cfg.Limits = func() Limits { return Limits{Calls: 1, CallerCalls: 1} }
	s, err := newServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var outlives *call
	room := func() bool {
		leave, e := s.limits.Enter(principal("taylor"))
		if e == nil {
			leave()
		}
		return e == nil
	}
	handler := chain(func(_ http.ResponseWriter, _ *http.Request, c *call) {
		outlives = c
		if room() {
			t.Error("while the tool runs, its place is free")
		}
		c.Ended()
		if !room() {
			t.Error("when it has ended, its place is not free")
		}
	}, s.body, s.byPlace)
	for range 2 {
		r := httptest.NewRequest(http.MethodPost, endpoint, strings.NewReader("{}"))
		c := &call{proved: true, principal: principal("taylor"), request: r.Context()}
		c.Generation = cfg.Generations.Now()
		w := httptest.NewRecorder()
		if handler(w, r, c); w.Code != http.StatusOK {
			t.Errorf("answer %d %s", w.Code, w.Body)
		}
		if outlives.Ended(); !room() { // a tool that outlives its request
			t.Error("after the request its place is not free")
		}
	}
}
