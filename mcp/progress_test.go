package mcp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	protocol "github.com/mark3labs/mcp-go/mcp"

	"deputy/tools"
)

// slow is a tool that runs until it is let go, and a clock that the test turns.
type slow struct {
	running, release chan struct{}
	seconds          chan time.Time
	ended            chan struct{} // tickers that were stopped
}

func newSlow() *slow {
	return &slow{make(chan struct{}, 10), make(chan struct{}), make(chan time.Time), make(chan struct{}, 10)}
}

func (s *slow) config(t *testing.T) Config {
	cfg := config(
		&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			s.running <- struct{}{}
			select {
			case <-s.release:
			case <-ctx.Done():
			}
			return orders(), ctx.Err()
		}},
	)
	cfg.Every = func(d time.Duration) (<-chan time.Time, func()) {
		if d != time.Second {
			t.Errorf("progress is told every %v, want a second", d)
		}
		return s.seconds, func() { s.ended <- struct{}{} }
	}
	return cfg
}

// withToken asks for progress by a name.
func withToken(token string) string {
	return strings.Replace(queryBody, `"params":{`, `"params":{"_meta":{"progressToken":`+token+`},`, 1)
}

func progressLine(token string, n int) string {
	return fmt.Sprintf(
		`{"jsonrpc":"2.0","method":"notifications/progress","params":{"message":"running","progress":%d,"progressToken":%s}}`,
		n,
		token,
	)
}

// nextEvent reads the next event of a stream; "": there is none.
func nextEvent(t *testing.T, lines *bufio.Reader) string {
	t.Helper()
	var data string
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return data
		}
		if err != nil {
			t.Fatal(err)
		}
		switch line = strings.TrimSuffix(line, "\n"); {
		case line == "":
			return data
		case strings.HasPrefix(line, "data: "):
			data += strings.TrimPrefix(line, "data: ")
		case line != "event: message":
			t.Fatalf("a stream has the line %q", line)
		}
	}
}

func TestACallOfSecondsSaysThatItRuns(t *testing.T) {
	for _, revision := range revisions[1:] {
		for _, token := range []string{`"p-1"`, `7`} {
			t.Run(revision+" "+token, func(t *testing.T) {
				s := newSlow()
				web := serve(t, s.config(t))
				body := withToken(token)
				if revision == protocol.ProtocolVersion20260728 {
					body = modern(body)
				}
				go func() {
					<-s.running
					s.seconds <- time.Time{}
					s.seconds <- time.Time{}
					close(s.release)
				}()
				response, err := http.DefaultClient.Do(
					request(t, web, body, inRevision(revision, "tools/call", "query")),
				)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				if media := response.Header.Get("Content-Type"); media != "text/event-stream" ||
					response.Header.Get("Mcp-Session-Id") != "" ||
					response.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("the response has the headers %v", response.Header)
				}
				lines := bufio.NewReader(response.Body)
				for n := 1; n <= 2; n++ {
					if got := nextEvent(t, lines); got != progressLine(token, n) {
						t.Errorf("event %d is %s", n, got)
					}
				}
				if got := nextEvent(
					t,
					lines,
				); !strings.Contains(got, `"audit_id":"a1"`) ||
					!strings.Contains(got, `"id":1`) {
					t.Errorf("the answer is %s", got)
				}
				if got := nextEvent(t, lines); got != "" {
					t.Errorf("after the answer there is %s", got)
				}
				<-s.ended
			})
		}
	}
}

func TestProgressIsToldToThoseOnlyWhoTakeIt(t *testing.T) {
	accept := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Accept"] = []string{value} }
	}
	both := accept("application/json, text/event-stream")
	for _, tt := range []struct {
		name, body string
		change     []func(*http.Request)
		streams    bool
	}{
		{"a token and the header", withToken(`"p"`), []func(*http.Request){both}, true},
		{"in other words", withToken(`"p"`), []func(*http.Request){accept("Text/Event-Stream;q=0.5")}, true},
		{"no token", queryBody, []func(*http.Request){both}, false},
		{"a token that can be none", withToken(`{}`), []func(*http.Request){both}, false},
		{"a token that floats do not have", withToken(`9007199254740993`), []func(*http.Request){both}, true},
		{"no header", withToken(`"p"`), nil, false},
		{"anything at all", withToken(`"p"`), []func(*http.Request){accept("*/*")}, false},
		{"not that", withToken(`"p"`), []func(*http.Request){accept("application/json, text/event-stream;q=0.0")}, false},
		{"the first revision", withToken(`"p"`), []func(*http.Request){both, header(protocol.HeaderProtocolVersion, protocol.ProtocolVersion20241105)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSlow()
			cfg := s.config(t)
			if !tt.streams {
				cfg.Every = func(time.Duration) (<-chan time.Time, func()) {
					t.Error("it is told")
					return nil, func() {}
				}
			}
			web := serve(t, cfg)
			go func() {
				<-s.running
				if tt.streams {
					s.seconds <- time.Time{}
				}
				close(s.release)
			}()
			response, body := do(t, request(t, web, tt.body, tt.change...))
			if got := response.Header.Get("Content-Type") == "text/event-stream"; got != tt.streams ||
				!strings.Contains(body, `"audit_id":"a1"`) {
				t.Errorf("answer %v %s", response.Header, body)
			}
		})
	}
}

func TestACallThatIsAnsweredAtOnceIsNoStream(t *testing.T) {
	response, body := do(
		t,
		request(
			t,
			serve(t, config(&fakeTools{})),
			withToken(`"p"`),
			header("Accept", "application/json, text/event-stream"),
		),
	)
	if response.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(body, `{"jsonrpc"`) {
		t.Errorf("answer %v %s", response.Header, body)
	}
}

func TestAStreamEndsWithItsClientAndSoDoesTheCall(t *testing.T) {
	s := newSlow()
	web := serve(t, s.config(t))
	ctx, hangUp := context.WithCancel(t.Context())
	go func() {
		<-s.running
		s.seconds <- time.Time{}
	}()
	response, err := http.DefaultClient.Do(
		request(t, web, withToken(`1`), header("Accept", "text/event-stream")).WithContext(ctx),
	)
	if err != nil {
		t.Fatal(err)
	}
	if got := nextEvent(t, bufio.NewReader(response.Body)); got != progressLine("1", 1) {
		t.Fatalf("event %s", got)
	}
	hangUp()
	<-s.ended // the call is over: its ticker is stopped
}

func TestProgressIsToldOverPipesInEveryRevision(t *testing.T) {
	for _, body := range []string{withToken(`"p"`), modern(withToken(`"p"`))} {
		s := newSlow()
		fromClient, toClient, wait := piping(t, s.config(t))
		io.WriteString(fromClient, body+"\n")
		<-s.running
		lines := bufio.NewReader(toClient)
		for n := 1; n <= 2; n++ {
			s.seconds <- time.Time{}
			if got, _ := lines.ReadString('\n'); got != progressLine(`"p"`, n)+"\n" {
				t.Errorf("line %d is %s", n, got)
			}
		}
		close(s.release)
		if got, _ := lines.ReadString('\n'); !strings.Contains(got, `"audit_id":"a1"`) {
			t.Errorf("the answer is %s", got)
		}
		fromClient.Close()
		wait()
	}
}

func TestACancelledCallTellsNoMore(t *testing.T) {
	s := newSlow()
	fromClient, toClient, wait := piping(t, s.config(t))
	io.WriteString(fromClient, withToken(`1`)+"\n")
	<-s.running
	io.WriteString(fromClient, cancelBody+"\n")
	<-s.ended
	fromClient.Close()
	if rest, _ := io.ReadAll(toClient); len(rest) > 0 {
		t.Errorf("a cancelled call tells %s", rest)
	}
	wait()
}
