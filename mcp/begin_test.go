package mcp_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"deputy/identity"
	"deputy/mcp"
	"deputy/mcp/stdio"
	"deputy/tools"
)

// marking is a configuration that changes with every call: what it is asked has to come from where the call began.
type marking struct {
	mu    sync.Mutex
	calls map[context.Context]*marked
	open  int
	asked []string
}

// marked is one generation of it.
type marked struct {
	fakeAuthenticator
	of     *marking
	number int
}

func (m *marking) Begin(ctx context.Context) (mcp.Generation, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, again := m.calls[ctx]
	if !again {
		g = &marked{of: m, number: len(m.calls) + 1}
		m.calls[ctx] = g
	}
	m.open++
	return g, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.open--
	}
}

func (m *marking) Now() mcp.Generation { panic("no limit is reached here") }

func (g *marked) note(what string) {
	g.of.mu.Lock()
	defer g.of.mu.Unlock()
	g.of.asked = append(g.of.asked, fmt.Sprintf("%s in %d", what, g.number))
}

func (g *marked) Authenticator() mcp.Authenticator { return g }

func (g *marked) Authenticate(ctx context.Context, c identity.Credentials) (identity.Principal, error) {
	g.note("who")
	return g.fakeAuthenticator.Authenticate(ctx, c)
}

func (g *marked) Tools() mcp.Tools {
	return &fakeTools{OnQuery: func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error) {
		g.note("what")
		return orders(), nil
	}}
}

func TestACallIsAnsweredFromWhereItBegan(t *testing.T) {
	for transport, send := range map[string]func(*testing.T, Config){
		"HTTP": func(t *testing.T, cfg Config) {
			server := serve(t, cfg)
			for range 2 {
				do(t, request(t, server, queryBody))
			}
		},
		"stdio": func(t *testing.T, cfg Config) {
			for range 2 {
				in := strings.NewReader(queryBody + "\n")
				if err := stdio.Serve(t.Context(), overPipes(cfg, taylorsKey), in, &syncBuffer{}); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		m := &marking{calls: map[context.Context]*marked{}}
		cfg := config(&fakeTools{})
		cfg.Generations = m
		send(t, cfg)
		if got := strings.Join(m.asked, ", "); got != "who in 1, what in 1, who in 2, what in 2" {
			t.Errorf("over %s two calls ask %s", transport, got)
		}
		if m.open != 0 {
			t.Errorf("over %s %d of the calls have not ended", transport, m.open)
		}
	}
}

// changing are generations of which each begins only one call.
type changing struct {
	tools mcp.Tools
	who   func(generation int64) mcp.Authenticator
	begun atomic.Int64
}

func (c *changing) Begin(context.Context) (mcp.Generation, func()) {
	return mcp.Fixed(c.tools, c.who(c.begun.Add(1))).Now(), func() {}
}

func (c *changing) Now() mcp.Generation { return mcp.Fixed(c.tools, c.who(c.begun.Load())).Now() }

// The second time it is asked, the configuration has changed, and the caller is not known any more.
func TestACallerIsProvedAnewWhenTheConfigurationChangedWhileTheBodyCame(t *testing.T) {
	fake := &fakeTools{}
	cfg := config(fake)
	cfg.Generations = &changing{tools: fake, who: func(n int64) mcp.Authenticator { return onlyFirst(n) }}
	response, body := do(t, request(t, serve(t, cfg), queryBody))
	if response.StatusCode != 401 || len(fake.Callers()) != 0 {
		t.Errorf("a caller who was taken out meanwhile gets %d %s", response.StatusCode, body)
	}
}

// onlyFirst knows every caller in the first generation, and none in others.
type onlyFirst int64

func (o onlyFirst) Authenticate(ctx context.Context, c identity.Credentials) (identity.Principal, error) {
	if o != 1 {
		return identity.Principal{}, &identity.AuthError{
			Code:    identity.InvalidToken,
			Message: "the agent key is not known here",
		}
	}
	return fakeAuthenticator{}.Authenticate(ctx, c)
}
