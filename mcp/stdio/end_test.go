package stdio

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"deputy/tools"
)

// stopped is a server that was stopped in the middle of a call, and its client.
type stopped struct {
	in      *io.PipeWriter
	answers *bufio.Reader
	release chan struct{} // closed: the call may end
	ended   chan error
}

// stopDuring starts a server and stops it when its one call runs. The call ends when it may, or has to.
func stopDuring(t *testing.T, patience time.Duration) *stopped {
	t.Helper()
	running := make(chan struct{})
	in, input := io.Pipe()
	answers, out := io.Pipe()
	s := &stopped{input, bufio.NewReader(answers), make(chan struct{}), make(chan error, 1)}
	cfg := config(
		&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			close(running)
			select {
			case <-s.release:
				return orders(), nil
			case <-ctx.Done():
				return nil, &tools.Refusal{Code: tools.Timeout, Message: context.Cause(ctx).Error()}
			}
		}},
	)
	cfg.Ending = func() time.Duration { return patience }
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(func() { input.Close(); answers.Close() })
	go func() { s.ended <- Serve(ctx, with(cfg, taylorsKey), in, out) }()
	io.WriteString(input, queryLine(1))
	<-running
	stop()
	return s
}

func (s *stopped) next(t *testing.T) string {
	t.Helper()
	line, err := s.answers.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func (s *stopped) over(t *testing.T) {
	t.Helper()
	if err := <-s.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

// A call that runs may end, and a request that comes meanwhile is told that it comes too late.
func TestStopLetsCallsEnd(t *testing.T) {
	s := stopDuring(t, time.Hour)
	for { // until the server knows that it is stopped
		go io.WriteString(s.in, `{"jsonrpc":"2.0","id":2,"method":"ping"}`+"\n")
		if got := s.next(t); strings.Contains(got, "being stopped") {
			break
		}
	}
	close(s.release)
	for { // pings that are still on their way come before it
		if got := s.next(t); strings.Contains(got, `"audit_id":"a1"`) {
			break
		} else if !strings.Contains(got, `"id":2`) {
			t.Fatalf("the call is answered %s", got)
		}
	}
	s.over(t)
}

// A call that does not end in time is told so.
func TestStopCutsOff(t *testing.T) {
	s := stopDuring(t, time.Millisecond)
	if got := s.next(t); !strings.Contains(got, tools.ErrEnding.Error()) {
		t.Errorf("the call is answered %s", got)
	}
	s.over(t)
}

// Where the client has closed its end, no call is waited for.
func TestStopWithoutClient(t *testing.T) {
	s := stopDuring(t, time.Hour)
	s.in.Close()
	if got := s.next(t); !strings.Contains(got, tools.ErrEnding.Error()) {
		t.Errorf("the call is answered %s", got)
	}
	s.over(t)
}
