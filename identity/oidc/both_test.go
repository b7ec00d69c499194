package oidc_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/testkit/issuer"
)

// waits makes the pair of a world and of what a configuration that waits says otherwise.
func (w *world) waits(t *testing.T, change func(*identity.Config, []identity.AgentConfig)) identity.Both {
	t.Helper()
	config := identity.Config{Issuers: []identity.IssuerConfig{{URL: w.issuer.URL(), Audience: audience}}}
	introspecting(&config)
	all := agents()
	change(&config, all)
	registry, err := identity.NewRegistry(all)
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := w.Beside(config, registry, oidc.Options{Now: w.clock.Now, Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	return w.Both(waiting)
}

// Who calls has to be accepted by both, and is known to each as that one has it.
func TestBothAccept(t *testing.T) {
	w := newWorld(t, introspecting)
	var asked atomic.Int64
	unknown := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.NotFound(out, nil)
	}))
	t.Cleanup(unknown.Close)
	token := w.issuer.Token(taylor())
	opaque := w.issuer.Opaque(
		issuer.Claims{Subject: "taylor", ClientID: "marketing-client", Groups: []string{"Marketing"}},
	)
	bearer, key := identity.Credentials{Bearer: token}, identity.Credentials{AgentKey: reporterKey}
	for _, tt := range []struct {
		name        string
		change      func(*identity.Config, []identity.AgentConfig)
		credentials identity.Credentials
		want        identity.Code // empty: accepted
	}{
		{"nothing", func(*identity.Config, []identity.AgentConfig) {}, bearer, ""},
		{"nothing, by key", func(*identity.Config, []identity.AgentConfig) {}, key, ""},
		{"nothing, opaque", func(*identity.Config, []identity.AgentConfig) {}, identity.Credentials{Bearer: opaque}, ""},
		{"the client", func(_ *identity.Config, a []identity.AgentConfig) { a[0].ClientIDs = []string{"another"} }, bearer, identity.InsufficientAccess},
		{"the agent", func(_ *identity.Config, a []identity.AgentConfig) { a[0].Disabled = true }, bearer, identity.InsufficientAccess},
		{"the key", func(_ *identity.Config, a []identity.AgentConfig) { a[2].KeySHA256 = nil }, key, identity.InvalidToken},
		{"the mode", func(_ *identity.Config, a []identity.AgentConfig) { a[2].Modes = nil }, key, identity.InsufficientAccess},
		{"whom it acts for", func(_ *identity.Config, a []identity.AgentConfig) { a[0].ActsFor = []string{"user:robin"} }, bearer, identity.InsufficientAccess},
		{"the user", func(c *identity.Config, _ []identity.AgentConfig) {
			c.Users = []identity.UserConfig{{ID: "taylor", Disabled: true}}
		}, bearer, identity.InsufficientAccess},
		{"the issuer", func(c *identity.Config, _ []identity.AgentConfig) { c.Issuers[0].URL = unknown.URL }, bearer, identity.InvalidToken},
		{"the audience", func(c *identity.Config, _ []identity.AgentConfig) { c.Issuers[0].Audience = "another" }, bearer, identity.InvalidToken},
		{"the algorithms", func(c *identity.Config, _ []identity.AgentConfig) { c.Issuers[0].Algorithms = []string{"EdDSA"} }, bearer, identity.InvalidToken},
		{"that tokens need no key", func(c *identity.Config, _ []identity.AgentConfig) { c.Issuers[0].DPoP = identity.DPoPRequired }, bearer, identity.InvalidToken},
		{"where opaque tokens are asked about", func(c *identity.Config, _ []identity.AgentConfig) {
			c.Issuers[0].Introspection.URL = unknown.URL
		}, identity.Credentials{Bearer: opaque}, identity.Unavailable},
	} {
		p, err := w.waits(t, tt.change).Authenticate(t.Context(), tt.credentials)
		if code(err) != tt.want || (err == nil) != (tt.want == "") {
			t.Errorf("%s is taken out: %v", tt.name, err)
		}
		if err == nil && (p.Waiting == nil || p.Waiting.Agent.ID != p.Agent.ID) {
			t.Errorf("%s is taken out: the waiting principal is %+v", tt.name, p.Waiting)
		}
	}
	if asked.Load() > 0 {
		t.Errorf("an issuer that only the waiting configuration names is asked %d times", asked.Load())
	}
}

// Groups stay apart; ceilings and limits are the lower ones.
func TestBothPrincipals(t *testing.T) {
	w := newWorld(t)
	both := w.waits(t, func(c *identity.Config, a []identity.AgentConfig) {
		c.Issuers[0].Claims.Groups = "roles"
		a[0].Groups, a[0].Limits = []string{"Bots"}, identity.AgentLimits{PerMinute: 5}
		c.Issuers[0].Scopes = identity.ScopesRequired
	})
	p, err := both.Authenticate(
		t.Context(),
		identity.Credentials{Bearer: w.issuer.Token(with(map[string]any{"roles": []string{"Legal"}}))},
	)
	if err != nil {
		t.Fatal(err)
	}
	q := p.Waiting
	if !slices.Equal(p.User.Groups, []string{"Marketing"}) || !slices.Equal(q.User.Groups, []string{"Legal"}) ||
		!p.Agent.In("Agents") ||
		q.Agent.In("Agents") {
		t.Errorf(
			"the groups are %v, %v of the agent and %v, %v",
			p.User.Groups,
			p.Agent.Groups,
			q.User.Groups,
			q.Agent.Groups,
		)
	}
	if p.Agent.Limits.PerMinute != 5 {
		t.Errorf("the limits are %+v", p.Agent.Limits)
	}
	if p.Allows(identity.ScopeQuery) {
		t.Error("a token without scopes may query, where one configuration requires them")
	}
}
