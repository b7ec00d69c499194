package stdio

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"deputy/identity"
	"deputy/tools"
)

func TestBothGenerationsOfClientsAreServedOverPipes(t *testing.T) {
	for _, tt := range []struct {
		version string
		options []client.ClientOption
	}{
		{mcp.ProtocolVersion20260728, nil},
		//nolint:staticcheck // SA1019: hosts of today still shake hands
		{mcp.ProtocolVersion20251125, []client.ClientOption{client.WithLegacyProtocolOnly()}},
	} {
		t.Run(tt.version, func(t *testing.T) {
			fake := &fakeTools{}
			toServer, fromClient := io.Pipe()
			toClient, fromServer := io.Pipe()
			ended := make(chan error)
			go func() { ended <- Serve(t.Context(), with(config(fake), taylorsKey), toServer, fromServer) }()
			c := client.NewClient(transport.NewIO(toClient, fromClient, io.NopCloser(strings.NewReader(""))), tt.options...)
			initialize(t, c)
			if got := c.ProtocolVersion(); got != tt.version {
				t.Errorf("the client speaks %s", got)
			}
			result := callTool(t, c, "query", map[string]any{"sql": "SELECT 1"})
			if got := structured[tools.QueryResult](t, result); got.AuditID != "a1" {
				t.Errorf("result %+v", got)
			}
			if call := fake.Calls[0]; call.Client != "stdio" || call.Principal.User.Subject != "taylor" {
				t.Errorf("the call is %+v", call)
			}
			fromClient.Close()
			if err := <-ended; err != nil {
				t.Errorf("the server ends with %v", err)
			}
		})
	}
}

// ending tells when a reader has been read to its end.
type ending struct {
	io.Reader
	ended chan struct{}
}

func (e *ending) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if err == io.EOF {
		close(e.ended)
	}
	return n, err
}

func TestEveryPipedCallHasItsAnswer(t *testing.T) {
	s := server.NewMCPServer("plain", "1")
	s.AddTool(mcp.NewTool("query"), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		<-ctx.Done()
		return mcp.NewToolResultText("cancelled"), nil
	})
	// mcp-go alone does not wait for this call, which would never end by itself.
	if err := server.NewStdioServer(s).Listen(t.Context(), strings.NewReader(queryLine(1)), io.Discard); err != nil {
		t.Fatal(err)
	}

	const calls = 200
	var input strings.Builder
	for i := range calls {
		input.WriteString(queryLine(i))
	}
	in := &ending{strings.NewReader(input.String()), make(chan struct{})}
	var begun atomic.Int32
	var out bytes.Buffer
	cfg := config(
		&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			if begun.Add(1) > calls-10 {
				<-in.ended // the last ones are at work when the input ends
			}
			return orders(), ctx.Err()
		}},
	)
	if err := Serve(t.Context(), with(cfg, taylorsKey), in, &out); err != nil {
		t.Fatal(err)
	}
	answers := answersIn(t, &out)
	for i := range calls {
		if got := answers[fmt.Sprint(i)]; strings.Count(got, "\n") != 1 || !strings.Contains(got, `"audit_id":"a1"`) {
			t.Errorf("call %d is answered %q", i, got)
		}
	}
}

func TestTheLastLineNeedsNoEnd(t *testing.T) {
	if answers := piped(t, config(&fakeTools{}), strings.TrimSuffix(queryLine(1), "\n"), taylorsKey); len(answers) != 1 {
		t.Errorf("answers: %v", answers)
	}
}

func TestCredentialsAreVerifiedWithEveryCall(t *testing.T) {
	var asked atomic.Int32
	expiring := func() (identity.Credentials, error) {
		if asked.Add(1) > 1 {
			return identity.Credentials{AgentKey: "revoked"}, nil
		}
		return taylorsKey()
	}
	in, client := io.Pipe()
	server, out := io.Pipe()
	fake := &fakeTools{}
	go Serve(t.Context(), with(config(fake), expiring), in, out)
	lines := bufio.NewReader(server)
	for _, want := range []string{`"audit_id":"a1"`, "the token has expired"} {
		io.WriteString(client, queryLine(1))
		if got, _ := lines.ReadString('\n'); !strings.Contains(got, want) {
			t.Errorf("answer %s, want %s", got, want)
		}
	}
	if away := fake.TurnedAway(); len(away) != 1 || away[0] != "stdio: invalid_token" {
		t.Errorf("for the record there is %q", away)
	}
}

func TestWithoutCredentialsToolsSayWhatToDo(t *testing.T) {
	for name, credentials := range map[string]func() (identity.Credentials, error){
		"none": func() (identity.Credentials, error) { return identity.Credentials{}, nil },
		"bad":  func() (identity.Credentials, error) { return identity.Credentials{AgentKey: "nonsense"}, nil },
		"unreadable": func() (identity.Credentials, error) {
			return identity.Credentials{}, errors.New("open /home/x/token: EACCES")
		},
		"issuer not there": func() (identity.Credentials, error) { return identity.Credentials{AgentKey: "issuer-down"}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			fake := &fakeTools{}
			answers := piped(t, config(fake), `{"jsonrpc":"2.0","id":0,"method":"tools/list"}`+"\n"+queryLine(1), credentials)
			if !strings.Contains(answers["0"], "describe_table") {
				t.Errorf("the tools cannot be listed: %s", answers["0"])
			}
			got := answers["1"]
			want := []string{`"isError":true`, `"code":"not_permitted"`, "DEPUTY_AGENT_KEY", "DEPUTY_USER_TOKEN_FILE"}
			if name == "issuer not there" {
				want = []string{`"code":"unavailable"`, "Try again later."}
			}
			for _, w := range want {
				if !strings.Contains(got, w) {
					t.Errorf("%s is not in %s", w, got)
				}
			}
			if strings.Contains(got, "EACCES") || strings.Contains(got, "nonsense") || len(fake.Callers()) > 0 {
				t.Errorf("called by %v, answer %s", fake.Callers(), got)
			}
		})
	}
}

func TestBadLinesAreAnsweredAndTheNextIsRead(t *testing.T) {
	cfg := config(&fakeTools{})
	input := strings.Repeat(
		"x",
		5<<20,
	) + "\nnot JSON\n\n[]\n" + `{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}` + "\n" + queryLine(
		8,
	)
	answers := piped(t, cfg, input, taylorsKey)
	if got := answers["null"]; strings.Count(got, "\n") != 3 || !strings.Contains(got, "the message is too long") ||
		!strings.Contains(got, "the message is not JSON") ||
		!strings.Contains(got, "batches") {
		t.Errorf("bad lines are answered %s", got)
	}
	if !strings.Contains(answers["7"], `"error"`) || !strings.Contains(answers["8"], `"audit_id":"a1"`) {
		t.Errorf("answers: %v", answers)
	}
}

func TestALineWithoutEndIsNotKept(t *testing.T) {
	endless := &zeros{}
	line := readLine(bufio.NewReader(io.LimitReader(endless, 64<<20)), 1<<20)
	if !line.tooLong || cap(line.text) > 0 || line.err != io.EOF {
		t.Errorf("64 MB: too long %v, %d bytes kept, error %v", line.tooLong, cap(line.text), line.err)
	}
}

func TestACancellationReachesTheRightCall(t *testing.T) {
	running := make(chan string)
	release := make(chan struct{})
	cfg := config(
		&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, a tools.QueryArgs) (*tools.QueryResult, error) {
			running <- a.SQL
			select {
			case <-release:
				return orders(), nil
			case <-ctx.Done():
				running <- "cancelled: " + a.SQL
				return nil, ctx.Err()
			}
		}},
	)
	in, client := io.Pipe()
	out, server := io.Pipe()
	go func() {
		server.CloseWithError(Serve(t.Context(), with(cfg, taylorsKey), in, server))
	}()
	// The number 1 and the text "1" are different ids; to mcp-go they are the same.
	for _, id := range []string{`1`, `"1"`} {
		io.WriteString(client, strings.Replace(queryLine(id), "SELECT 1", "id "+strings.Trim(id, `"`)+fmt.Sprint(len(id)), 1))
		<-running
	}
	io.WriteString(client, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"1"}}`+"\n")
	if got := <-running; got != "cancelled: id 13" {
		t.Errorf("%s, want the call with the text id", got)
	}
	answers := bufio.NewReader(out)
	io.WriteString(client, queryLine(1)) // an id that is in use
	if got, err := answers.ReadString('\n'); err != nil ||
		!strings.Contains(got, "a request with this id is still running") {
		t.Errorf("a second call with the id of a running one is answered %s, %v", got, err)
	}
	close(release)
	client.Close()
	if got := answersIn(t, answers); len(got) != 1 || !strings.Contains(got["1"], `"audit_id":"a1"`) {
		t.Errorf("answers: %v", got)
	}
}

func TestACancellationRightBehindItsCallFindsIt(t *testing.T) {
	// mcp-go alone registers a call some time after it was read, and loses what comes before.
	cfg := config(
		&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}},
	)
	answers := piped(t, cfg, queryLine(1)+cancelBody+"\n", taylorsKey) // a lost one would hang here
	if len(answers) != 0 {
		t.Errorf("a cancelled request is answered %v", answers)
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAClientThatIsGoneEndsTheServer(t *testing.T) {
	in, client := io.Pipe() // stays open
	go io.WriteString(client, queryLine(1))
	if err := Serve(t.Context(), with(config(&fakeTools{}), taylorsKey), in, closedWriter{}); !errors.Is(
		err,
		io.ErrClosedPipe,
	) {
		t.Errorf("it ends with %v", err)
	}
}

func TestAPanicOverPipesEndsOneCallOnly(t *testing.T) {
	var log syncBuffer
	cfg := config(
		&fakeTools{
			OnQuery: func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error) { panic("hunter2") },
		},
	)
	cfg.Logger = logTo(&log)
	answers := piped(t, cfg, queryLine(1)+`{"jsonrpc":"2.0","id":2,"method":"ping"}`+"\n", taylorsKey)
	if !strings.Contains(answers["1"], `"code":"unavailable"`) || strings.Contains(answers["1"]+log.String(), "hunter2") ||
		answers["2"] == "" {
		t.Errorf("answers %v, log %s", answers, &log)
	}
}

func TestOverStdioALimitIsARefusal(t *testing.T) {
	fake, time := &fakeTools{}, &clock{}
	cfg := config(fake)
	cfg.Now, cfg.Limits = time.now, func() Limits { return Limits{CallerPerMinute: 2} }
	in, out := io.Pipe()
	answers, written := io.Pipe()
	go Serve(t.Context(), with(cfg, taylorsKey), in, written)
	lines := bufio.NewReader(answers)
	next := func() string {
		line, _ := lines.ReadString('\n')
		return line
	}
	for i, want := range []string{`"audit_id":"a1"`, `"audit_id":"a1"`, `"code":"too_busy"`} {
		io.WriteString(out, queryBody+"\n")
		if got := next(); !strings.Contains(got, want) {
			t.Errorf("call %d is answered %s", i+1, got)
		}
	}
	io.WriteString(out, strings.Replace(queryBody, `"sql"`, `"sequel"`, 1)+"\n")
	if got := next(); !strings.Contains(got, `"code":"too_busy"`) || len(fake.Refusals()) != 0 {
		t.Errorf("one that cannot be read is answered %s, and on the record: %q", got, fake.Refusals())
	}
	out.Close()
}
