package mcp

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"deputy/identity"
	"deputy/tools"
)

type markKey struct{}

// marking is a configuration that changes with every call: what it is asked has to come from where the call began.
type marking struct {
	fakeAuthenticator
	begun, ended atomic.Int64

	mu    sync.Mutex
	asked []string
}

func (m *marking) begin(ctx context.Context) (context.Context, func()) {
	if ctx.Value(markKey{}) != nil {
		return ctx, func() {}
	}
	return context.WithValue(ctx, markKey{}, m.begun.Add(1)), func() { m.ended.Add(1) }
}

func (m *marking) note(ctx context.Context, what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, fmt.Sprintf("%s in %v", what, ctx.Value(markKey{})))
}

func (m *marking) Authenticate(ctx context.Context, c identity.Credentials) (identity.Principal, error) {
	m.note(ctx, "who")
	return m.fakeAuthenticator.Authenticate(ctx, c)
}

func (m *marking) config() Config {
	cfg := config(
		&fakeTools{query: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			m.note(ctx, "what")
			return orders(), nil
		}},
	)
	cfg.Authenticator, cfg.Begin = m, m.begin
	return cfg
}

func TestACallIsAnsweredFromWhereItBegan(t *testing.T) {
	for transport, send := range map[string]func(*testing.T, *marking){
		"HTTP": func(t *testing.T, m *marking) {
			server := serve(t, m.config())
			for range 2 {
				do(t, request(t, server, queryBody))
			}
		},
		"stdio": func(t *testing.T, m *marking) {
			for range 2 {
				in := strings.NewReader(queryBody + "\n")
				key := func() (identity.Credentials, error) { return identity.Credentials{AgentKey: "token-taylor"}, nil }
				if err := ServeStdio(t.Context(), m.config(), in, &syncBuffer{}, key); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		m := &marking{}
		send(t, m)
		if got := strings.Join(m.asked, ", "); got != "who in 1, what in 1, who in 2, what in 2" {
			t.Errorf("over %s two calls ask %s", transport, got)
		}
		if m.ended.Load() != 2 {
			t.Errorf("over %s %d of 2 calls have ended", transport, m.ended.Load())
		}
	}
}

// The second time it is asked, the configuration has changed, and the caller is nobody any more.
func TestACallerIsProvedAnewWhenTheConfigurationChangedWhileTheBodyCame(t *testing.T) {
	var begun atomic.Int64
	fake := &fakeTools{}
	cfg := config(fake)
	cfg.Begin = func(ctx context.Context) (context.Context, func()) {
		return context.WithValue(ctx, markKey{}, begun.Add(1)), func() {}
	}
	cfg.Authenticator = onlyIn(1)
	response, body := do(t, request(t, serve(t, cfg), queryBody))
	if response.StatusCode != 401 || len(fake.callers()) != 0 {
		t.Errorf("a caller who was taken out meanwhile gets %d %s", response.StatusCode, body)
	}
}

// onlyIn knows everybody in one configuration, and nobody in others.
type onlyIn int64

func (o onlyIn) Authenticate(ctx context.Context, c identity.Credentials) (identity.Principal, error) {
	if ctx.Value(markKey{}) != int64(o) {
		return identity.Principal{}, &identity.AuthError{
			Code:    identity.InvalidToken,
			Message: "the agent key is not known here",
		}
	}
	return fakeAuthenticator{}.Authenticate(ctx, c)
}
