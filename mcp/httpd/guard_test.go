package httpd

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"deputy/tools"
)

func TestRequestsThatNoProperClientSendsAreRefused(t *testing.T) {
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	method := func(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }
	contentType := func(s string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", s) }
	}
	both := func(a, b func(*http.Request)) func(*http.Request) { return func(r *http.Request) { a(r); b(r) } }
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"as it should be", func(*http.Request) {}, 200},
		{"DNS rebinding", host("evil.example"), 403},
		{"DNS rebinding with the page's origin", both(host("evil.example"), header("Origin", "http://evil.example")), 403},
		{"DNS rebinding by a name that begins well", host("localhost.evil.example:80"), 403},
		{"localhost by name", host("localhost:8080"), 200},
		{"loopback, version 6", host("[::1]:8080"), 200},
		{"the public name, kept by a proxy", host("deputy.example.com"), 200},
		{"another site, by Sec-Fetch-Site", header("Sec-Fetch-Site", "cross-site"), 403},
		{"another site, by Origin", header("Origin", "https://evil.example"), 403},
		{"another site that claims to be none", both(header("Sec-Fetch-Site", "none"), header("Origin", "https://evil.example")), 403},
		{"origin null", header("Origin", "null"), 403},
		{"our own origin first, another second", both(header("Origin", "https://deputy.example.com"), header("Origin", "https://evil.example")), 403},
		{"the public origin", header("Origin", "https://deputy.example.com"), 200},
		{"GET", method(http.MethodGet), 405},
		{"DELETE", method(http.MethodDelete), 405},
		{"OPTIONS, with which browsers ask for leave", method(http.MethodOptions), 405},
		{"a form", contentType("application/x-www-form-urlencoded"), 415},
		{"text, which browsers send unasked", contentType("text/plain"), 415},
		{"no type", contentType(""), 415},
		{"two types", header("Content-Type", "text/plain"), 415},
		{"JSON with a charset", contentType("application/json; charset=utf-8"), 200},
		{"a query", func(r *http.Request) { r.URL.RawQuery = "x=1" }, 400},
		{"a session of old", header("Mcp-Session-Id", "x"), 200},
		{"a revision that never was", header("Mcp-Protocol-Version", "1999-01-01"), 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fake := &fakeTools{}
			response, body := do(t, request(t, serve(t, config(fake)), queryBody, tt.change))
			if response.StatusCode != tt.status {
				t.Errorf("answer %d %s, want %d", response.StatusCode, body, tt.status)
			}
			if called := len(fake.Callers()) > len(fake.Refusals()); called != (tt.status == 200) {
				t.Errorf("the tool was called: %v", called)
			}
			if response.StatusCode == 405 && response.Header.Get("Allow") != http.MethodPost {
				t.Errorf("Allow is %q", response.Header.Get("Allow"))
			}
			if allowed := response.Header.Get("Access-Control-Allow-Origin"); allowed != "" {
				t.Errorf("scripts of %q may read the answer", allowed)
			}
		})
	}
}

func TestTheHostIsOnlyHeldAgainstLoopback(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "http://deputy.internal/mcp", nil)
	r = r.WithContext(
		context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 80}),
	)
	w := httptest.NewRecorder()
	s, err := newServer(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	if !s.fromHost(w, r) {
		t.Errorf("a request inside the cluster is answered %d", w.Code)
	}
}

// zeros is a body without end that counts what is read of it.
type zeros struct{ read int64 }

func (z *zeros) Read(p []byte) (int, error) {
	z.read += int64(len(p))
	return len(p), nil
}

func TestALargeBodyIsNotRead(t *testing.T) {
	server := serve(t, config(&fakeTools{}))

	r := request(t, server, strings.Repeat(" ", 50<<20))
	if response, body := do(t, r); response.StatusCode != http.StatusRequestEntityTooLarge ||
		strings.Contains(body, "jsonrpc") {
		t.Errorf("50 MB with its length: answer %d %s", response.StatusCode, body)
	}

	endless := &zeros{}
	w := httptest.NewRecorder()
	reached := false
	s, err := newServer(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	s.body(func(http.ResponseWriter, *http.Request, *call) { reached = true })(
		w, httptest.NewRequest(http.MethodPost, endpoint, io.NopCloser(endless)), &call{})
	if w.Code != http.StatusRequestEntityTooLarge || reached || endless.read > 4<<20 {
		t.Errorf("endless: answer %d, passed on %v, %d bytes read", w.Code, reached, endless.read)
	}

	fits := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":{"sql":"` + strings.Repeat(
		"x",
		1<<20-200,
	) + `"}}}`
	if response, _ := do(t, request(t, server, fits)); response.StatusCode != http.StatusOK {
		t.Errorf("almost 1 MiB: answer %d", response.StatusCode)
	}
}

func TestNoBodyIsReadForNobody(t *testing.T) {
	handler, err := New(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	body := &zeros{}
	r := httptest.NewRequest(http.MethodPost, endpoint, io.NopCloser(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || body.read > 0 {
		t.Errorf("answer %d after %d bytes", w.Code, body.read)
	}
}

func TestAClientThatDoesNotReadItsAnswerIsGivenUp(t *testing.T) {
	cfg := config(&fakeTools{OnQuery: func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error) {
		r := orders()
		r.Rows = [][]any{{strings.Repeat("x", 16<<20), ""}} // more than sockets hold
		return r, nil
	}})
	cfg.WriteTimeout = time.Millisecond
	handler, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := request(t, server, queryBody).Write(conn); err != nil {
		t.Fatal(err)
	}
	<-ended // without the deadline: never
}
