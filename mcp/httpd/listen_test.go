package httpd

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/tools"
)

// listen serves until the returned function is called, which gives what Serve returned.
func listen(t *testing.T, s *Server) (url string, stop func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	return "http://" + listener.Addr().String(), func() error { cancel(); return <-ended }
}

func post(t *testing.T, url string) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+endpoint, strings.NewReader(queryBody))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer token-taylor")
	return r
}

func TestRunningCallsEndBeforeTheServerDoes(t *testing.T) {
	running, release := make(chan struct{}), make(chan struct{})
	handler, err := New(
		config(&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			close(running)
			<-release
			return orders(), ctx.Err()
		}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	url, stop := listen(t, &Server{Handler: handler, Logger: zerolog.Nop(), Ending: ending(End{Calls: time.Hour})})
	answer := send(t, post(t, url))
	<-running
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	for { // until it takes no more calls
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	close(release)
	if got := <-answer; !strings.Contains(got, `"audit_id":"a1"`) {
		t.Errorf("the running call is answered %s", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func TestCallsThatDoNotEndAreCutOff(t *testing.T) {
	running, ended := make(chan struct{}), make(chan struct{})
	handler, err := New(
		config(&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			close(running)
			<-ctx.Done()
			close(ended)
			return nil, ctx.Err()
		}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	url, stop := listen(t, &Server{Handler: handler, Logger: zerolog.Nop(), Ending: ending(End{Calls: time.Nanosecond})})
	send(t, post(t, url))
	<-running
	stop()
	<-ended
}

// What is closed after the server, such as the audit log, is still there for calls that were cut off.
func TestCutOffCallsAreAwaited(t *testing.T) {
	running := make(chan struct{})
	var recorded atomic.Bool
	handler, err := New(
		config(&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			close(running)
			<-ctx.Done()
			time.Sleep(50 * time.Millisecond)
			recorded.Store(true)
			return nil, ctx.Err()
		}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	url, stop := listen(t, &Server{Handler: handler, Logger: zerolog.Nop(), Ending: ending(End{Calls: time.Nanosecond})})
	send(t, post(t, url))
	<-running
	stop()
	if !recorded.Load() {
		t.Error("the server has ended, and a call that it cut off has not")
	}
}

func TestAStatementMayTakeLongerThanItsRequestDid(t *testing.T) {
	const readTimeout = time.Second // a request arrives in that, however busy the machine
	handler, err := New(
		config(&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			select {
			case <-ctx.Done():
				return nil, errors.New("cancelled")
			case <-time.After(readTimeout + readTimeout/5):
				return orders(), nil
			}
		}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	url, stop := listen(t, &Server{Handler: handler, Logger: zerolog.Nop(), ReadTimeout: readTimeout})
	defer stop()
	if got := <-send(t, post(t, url)); !strings.Contains(got, `"audit_id":"a1"`) {
		t.Errorf("the call is answered %s", got)
	}
}

func TestARequestThatNeverArrivesIsGivenUp(t *testing.T) {
	handler, err := New(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	url, stop := listen(t, &Server{Handler: handler, Logger: zerolog.Nop(), ReadTimeout: time.Second})
	defer stop()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(
		conn,
		"POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-taylor\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	)
	answer, _ := io.ReadAll(conn) // without the timeout: never
	if !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
		t.Errorf("it is answered %q", answer)
	}
}
