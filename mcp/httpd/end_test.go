package httpd

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/tools"
)

func ending(e End) func() End { return func() End { return e } }

// A call that is cut off is told so: its client does not see its connection end.
func TestCutOffCallsAreAnswered(t *testing.T) {
	running := make(chan struct{})
	cfg := config(
		&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			close(running)
			<-ctx.Done()
			return nil, &tools.Refusal{Code: tools.Timeout, Message: context.Cause(ctx).Error()}
		}},
	)
	handler, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	url, stop := listen(t, &Server{
		Handler: handler, Logger: zerolog.Nop(),
		Ending: ending(End{Calls: time.Millisecond, Settle: time.Minute}),
	})
	answer := send(t, post(t, url))
	<-running
	if err := stop(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if got := <-answer; !strings.Contains(got, tools.ErrEnding.Error()) {
		t.Errorf("the call is answered %s", got)
	}
}

// While balancers find out that a server ends, it says that it is not ready, and answers calls.
func TestDrain(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	cfg := config(&fakeTools{})
	cfg.Stopping = ctx.Done()
	handler, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	const drain = 200 * time.Millisecond
	seen, over := make(chan struct{}), make(chan time.Time)
	url, stop := listen(t, &Server{Handler: handler, Logger: zerolog.Nop(), Ending: func() End {
		<-seen
		return End{Drain: drain}
	}})
	ready := func() (int, bool) {
		answer, err := http.Get(url + readyPath)
		if err != nil {
			t.Fatalf("the port was closed before /readyz failed: %v", err)
		}
		defer answer.Body.Close()
		io.Copy(io.Discard, answer.Body)
		return answer.StatusCode, answer.Close
	}
	if status, closes := ready(); status != http.StatusOK || closes {
		t.Errorf("before, it answers %d, and closes the connection: %v", status, closes)
	}
	end()
	go func() { stop(); over <- time.Now() }()
	for status, closes := ready(); status != http.StatusServiceUnavailable || !closes; status, closes = ready() {
		time.Sleep(time.Millisecond)
	}
	if got := <-send(t, post(t, url)); !strings.Contains(got, `"audit_id":"a1"`) {
		t.Errorf("a call that comes meanwhile is answered %s", got)
	}
	began := time.Now()
	close(seen)
	if took := (<-over).Sub(began); took < drain {
		t.Errorf("the port was closed after %s, though a balancer asks", took)
	}
}

// Where no balancer asks, the port is closed at once.
func TestNoDrainWithoutBalancer(t *testing.T) {
	handler, err := New(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	_, stop := listen(t, &Server{Handler: handler, Logger: zerolog.Nop(), Ending: ending(End{Drain: time.Hour})})
	if err := stop(); err != nil {
		t.Error(err)
	}
}
