package oidc_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/testkit/issuer"
)

const audience = "https://deputy.example/mcp"

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// clock stands still until it is told to move.
type clock struct{ nanoseconds atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanoseconds.Store(noon.UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.nanoseconds.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.nanoseconds.Add(int64(d)) }

// Keys of the agents, made once from fixed bytes: they only have to differ.
var (
	helperKey, helperHash     = identity.NewKey(bytes.NewReader(bytes.Repeat([]byte{1}, 32)))
	reporterKey, reporterHash = identity.NewKey(bytes.NewReader(bytes.Repeat([]byte{2}, 32)))
	strangerKey, _            = identity.NewKey(bytes.NewReader(bytes.Repeat([]byte{3}, 32)))
)

// agents are one of each kind.
func agents() []identity.AgentConfig {
	both := []identity.Mode{identity.OnBehalfOf, identity.Autonomous}
	return []identity.AgentConfig{
		{Name: "marketing", ClientIDs: []string{"marketing-client"}, Groups: []string{"Agents"}},
		{Name: "scanner", ClientIDs: []string{"scanner-client"}, Modes: []identity.Mode{identity.Autonomous}},
		{
			Name:      "reporter",
			ClientIDs: []string{"reporter-client", "reporter-batch"},
			KeySHA256: []string{reporterHash},
			Modes:     both,
		},
		{Name: "helper", KeySHA256: []string{helperHash}, Groups: []string{"Agents"}},
	}
}

type world struct {
	*oidc.Authenticator
	issuer *issuer.Issuer
	clock  *clock
}

// newWorld starts an issuer and an authenticator that trusts it. The configuration can be changed before.
func newWorld(t *testing.T, change ...func(*identity.Config)) *world {
	t.Helper()
	w := &world{clock: newClock()}
	w.issuer = startIssuer(t, w.clock)
	config := identity.Config{Issuers: []identity.IssuerConfig{{URL: w.issuer.URL(), Audience: audience}}}
	for _, c := range change {
		c(&config)
	}
	w.Authenticator = newAuthenticator(t, config, w.clock)
	return w
}

func startIssuer(t *testing.T, c *clock) *issuer.Issuer {
	t.Helper()
	iss, err := issuer.Start(issuer.Config{Audience: audience, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { iss.Close() })
	return iss
}

func newAuthenticator(t *testing.T, config identity.Config, c *clock) *oidc.Authenticator {
	t.Helper()
	registry, err := identity.NewRegistry(agents())
	if err != nil {
		t.Fatal(err)
	}
	a, err := oidc.New(context.Background(), config, registry, oidc.Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// taylor is an ordinary token: Taylor asks through the marketing agent.
func taylor() issuer.Claims {
	return issuer.Claims{Subject: "taylor", ClientID: "marketing-client", Name: "Taylor", Groups: []string{"Marketing"}}
}

// with is taylor's token with claims changed; nil takes one out.
func with(extra map[string]any) issuer.Claims {
	c := taylor()
	c.Extra = extra
	return c
}

func (w *world) bearer(token, address string) (identity.Principal, error) {
	return w.Authenticate(context.Background(), identity.Credentials{Bearer: token, ClientAddress: address})
}

func code(err error) identity.Code {
	var refused *identity.AuthError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}
