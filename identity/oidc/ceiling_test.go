package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/testkit/issuer"
)

// allowed is what a principal may do: the first letters of query, describe, request and approve.
func allowed(p identity.Principal) (out string) {
	for _, s := range []identity.Scope{
		identity.ScopeQuery, identity.ScopeDescribe, identity.ScopeRequest, identity.ScopeApprove,
	} {
		if p.Allows(s) {
			out += string(s[0])
		}
	}
	return out
}

func TestScopesAreCeilingsByTheIssuersRule(t *testing.T) {
	worlds := map[identity.ScopeRule]*world{}
	for _, rule := range []identity.ScopeRule{"", identity.ScopesWhenPresent, identity.ScopesRequired, identity.ScopesIgnored} {
		worlds[rule] = newWorld(t, func(c *identity.Config) { c.Issuers[0].Scopes = rule })
	}
	const refused = "refused"
	for _, tt := range []struct {
		name                       string
		claims                     map[string]any
		present, required, ignored string
	}{
		{"none", map[string]any{}, "qdr", "", "qdr"},
		{"an empty one", map[string]any{"scope": ""}, "", "", "qdr"},
		{"an empty array", map[string]any{"scp": []string{}}, "", "", "qdr"},
		{"others only", map[string]any{"scope": "openid profile"}, "", "", "qdr"},
		{"one", map[string]any{"scope": "query"}, "q", "q", "qdr"},
		{"an array", map[string]any{"scp": []string{"describe", "openid"}}, "d", "d", "qdr"},
		{"a string scp", map[string]any{"scp": "query request"}, "qr", "qr", "qdr"},
		{"approve in so many words", map[string]any{"scope": "approve"}, "a", "a", "qdra"},
		{"other case", map[string]any{"scope": "Query QUERY"}, "", "", "qdr"},
		{"two words in one entry of an array", map[string]any{"scp": []string{"query approve"}}, "", "", "qdr"},
		{"a tab is no space", map[string]any{"scope": "query\tdescribe"}, "", "", "qdr"},
		{"scope before scp", map[string]any{"scope": "query", "scp": "approve"}, "q", "q", "qdr"},
		{"a number", map[string]any{"scope": 7}, refused, refused, refused},
		{"an object", map[string]any{"scope": map[string]any{"query": true}}, refused, refused, refused},
		{"an array with a number", map[string]any{"scp": []any{"query", 7}}, refused, refused, refused},
		{"scp is malformed beside a good scope", map[string]any{"scope": "query", "scp": 7}, refused, refused, refused},
	} {
		for rule, want := range map[identity.ScopeRule]string{"": tt.present, identity.ScopesWhenPresent: tt.present, identity.ScopesRequired: tt.required, identity.ScopesIgnored: tt.ignored} {
			w := worlds[rule]
			p, err := w.bearer(w.issuer.Token(with(tt.claims)), "")
			got := allowed(p)
			if err != nil {
				got = refused
			}
			if got != want {
				t.Errorf("%s, %q: it is allowed %q, not %q (%v)", tt.name, rule, got, want, err)
			}
		}
	}
	w := worlds[identity.ScopesRequired]
	if p, err := w.Authenticate(context.Background(), identity.Credentials{AgentKey: reporterKey}); err != nil ||
		allowed(p) != "qdr" {
		t.Errorf("a key alone has no ceiling, and never approves: %q, %v", allowed(p), err)
	}
	relayed := w.issuer.Token(
		issuer.Claims{Subject: "taylor", ClientID: "reporter-client", Extra: map[string]any{"scope": "describe"}},
	)
	both := identity.Credentials{AgentKey: reporterKey, UserToken: relayed}
	if p, err := w.Authenticate(context.Background(), both); err != nil || allowed(p) != "d" {
		t.Errorf("the ceiling of a relayed token holds for the agent that brings it: %q, %v", allowed(p), err)
	}
}

// acts nests actors, outermost first.
func acts(subs ...string) map[string]any {
	if len(subs) == 0 {
		return nil
	}
	act := map[string]any{"sub": subs[0]}
	if inner := acts(subs[1:]...); inner != nil {
		act["act"] = inner
	}
	return act
}

func TestTheChainOfActorsIsKnownWholeAndItsOutermostIsJudged(t *testing.T) {
	w := newWorld(t)
	long := []string{"marketing-client", "h2", "h3", "h4", "h5", "h6", "h7", "h8"}
	inner := func(members map[string]any) map[string]any {
		return map[string]any{"sub": "marketing-client", "act": members}
	}
	for _, tt := range []struct {
		name   string
		act    any
		actors []string
		code   identity.Code
	}{
		{"none", nil, nil, ""},
		{"one", acts("marketing-client"), []string{"marketing-client"}, ""},
		{"several", acts("marketing-client", "gateway", "scanner-client"), []string{"marketing-client", "gateway", "scanner-client"}, ""},
		{"eight", acts(long...), long, ""},
		{"nine", acts(append(long, "h9")...), nil, identity.InvalidToken},
		{"fourteen", acts(append(long, "a", "b", "c", "d", "e", "f")...), nil, identity.InvalidToken},
		{"the outermost is not registered", acts("stranger", "marketing-client"), nil, identity.InsufficientAccess},
		{"an inner one has no sub", inner(map[string]any{"client_id": "x"}), nil, identity.InvalidToken},
		{"an inner one is empty", inner(map[string]any{"sub": ""}), nil, identity.InvalidToken},
		{"an inner one is a line long", inner(map[string]any{"sub": "a\nb"}), nil, identity.InvalidToken},
		{"an inner one is a string", map[string]any{"sub": "marketing-client", "act": "x"}, nil, identity.InvalidToken},
		{"an inner one names its client badly", inner(map[string]any{"sub": "x", "azp": 7}), nil, identity.InvalidToken},
		{"an inner one is of another issuer", inner(map[string]any{"sub": "x", "iss": "https://other.example"}), []string{"marketing-client", "https://other.example x"}, ""},
		{"an inner one's issuer is no text", inner(map[string]any{"sub": "x", "iss": 7}), nil, identity.InvalidToken},
		{"the outermost is of another issuer", map[string]any{"sub": "marketing-client", "iss": "https://other.example"}, nil, identity.InvalidToken},
		{"the outermost names a client badly", map[string]any{"sub": "marketing-client", "client_id": []string{"x"}}, nil, identity.InvalidToken},
	} {
		p, err := w.bearer(
			w.issuer.Token(with(map[string]any{"act": tt.act, "may_act": map[string]any{"sub": "reporter-client"}})),
			"",
		)
		if code(err) != tt.code || !reflect.DeepEqual(p.Actors, tt.actors) {
			t.Errorf("%s: the chain is %q (%v)", tt.name, p.Actors, err)
		}
		if err == nil {
			assertParties(t, p, "marketing", "taylor")
		}
	}
	relayed := w.issuer.Token(issuer.Claims{Subject: "taylor", ClientID: "chat-host", Actor: "stranger"})
	if _, err := w.Authenticate(context.Background(), identity.Credentials{AgentKey: helperKey, UserToken: relayed}); code(
		err,
	) != identity.InsufficientAccess {
		t.Errorf("nor is one that is not registered taken because an agent relays its token: %v", err)
	}
	if _, err := w.bearer(w.issuer.Token(with(map[string]any{"may_act": acts("reporter-client"), "client_id": "stranger"})), ""); code(
		err,
	) != identity.InsufficientAccess {
		t.Errorf("who may act does not act: %v", err)
	}
}

// registered is a world with these agents.
func registered(t *testing.T, change func(*identity.Config), agents ...identity.AgentConfig) *world {
	t.Helper()
	w := newWorld(t, change)
	registry, err := identity.NewRegistry(agents)
	if err != nil {
		t.Fatal(err)
	}
	config := identity.Config{Issuers: []identity.IssuerConfig{{URL: w.issuer.URL(), Audience: audience}}}
	change(&config)
	options := oidc.Options{Now: w.clock.Now}
	if w.Authenticator, err = oidc.New(context.Background(), config, registry, options); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAKeyIsGoodUntilItExpires(t *testing.T) {
	both := []identity.Mode{identity.OnBehalfOf, identity.Autonomous}
	w := registered(
		t,
		func(*identity.Config) {},
		identity.AgentConfig{Name: "reporter", Modes: both, Keys: []identity.KeyConfig{
			{SHA256: reporterHash, Expires: identity.Expiry{Time: noon.Add(time.Hour)}, Label: "old"},
			{SHA256: helperHash, Expires: identity.Expiry{Time: noon.Add(48 * time.Hour)}, Label: "new"},
		}},
	)
	use := func(key string) (identity.Principal, error) {
		return w.Authenticate(context.Background(), identity.Credentials{Bearer: key})
	}
	for _, key := range []string{reporterKey, helperKey} {
		if p, err := use(key); err != nil || p.Agent.ID != "reporter" {
			t.Errorf("each key of several leads to the agent: %v", err)
		}
	}
	if p, _ := use(reporterKey); p.Credential != "key "+reporterHash[:8] {
		t.Errorf("the record says %q", p.Credential)
	}
	w.clock.Advance(time.Hour - 1)
	if _, err := use(reporterKey); err != nil {
		t.Errorf("the moment before: %v", err)
	}
	w.clock.Advance(1)
	_, err := use(reporterKey)
	var refused *identity.AuthError
	if !errors.As(err, &refused) || refused.Code != identity.InvalidToken || refused.Who == nil ||
		refused.Who.Agent.ID != "reporter" ||
		refused.Who.Credential != "key "+reporterHash[:8] {
		t.Errorf("the moment itself: %+v", refused)
	}
	token := w.issuer.Token(issuer.Claims{Subject: "taylor", ClientID: "chat-host"})
	if _, err := w.Authenticate(context.Background(), identity.Credentials{AgentKey: reporterKey, UserToken: token}); code(
		err,
	) != identity.InvalidToken {
		t.Errorf("with a human's token: %v", err)
	}
	if _, err := use(helperKey); err != nil {
		t.Errorf("the key that replaces it: %v", err)
	}
	for text, want := range map[string]time.Time{"2027-02-23": time.Date(2027, 2, 23, 0, 0, 0, 0, time.UTC), "2027-02-23T10:00:00+02:00": time.Date(2027, 2, 23, 8, 0, 0, 0, time.UTC)} {
		var e identity.Expiry
		if err := e.UnmarshalText([]byte(text)); err != nil || !e.Equal(want) || e.Location() != time.UTC {
			t.Errorf("%s is %v (%v)", text, e, err)
		}
	}
	for _, text := range []string{"", "90d", "2027-02-30", "tomorrow", "0001-01-01", "2027-02-23 10:00"} {
		if err := new(identity.Expiry).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a time", text)
		}
	}
}

func TestAnAgentIsHeldToItsRegistration(t *testing.T) {
	second := startIssuer(t, newClock())
	both := []identity.Mode{identity.OnBehalfOf, identity.Autonomous}
	agent := func(change func(*identity.AgentConfig)) identity.AgentConfig {
		a := identity.AgentConfig{
			Name:      "bot",
			ClientIDs: []string{"bot-client"},
			KeySHA256: []string{reporterHash},
			Modes:     both,
		}
		change(&a)
		return a
	}
	claims := issuer.Claims{
		Subject:  "taylor",
		ClientID: "bot-client",
		Groups:   []string{"Marketing"},
		Extra:    map[string]any{"region": "EU"},
	}
	for _, tt := range []struct {
		name   string
		change func(*identity.AgentConfig)
		human  string // empty: it may; else what is said
		alone  string
	}{
		{"nothing said", func(*identity.AgentConfig) {}, "", ""},
		{"disabled", func(a *identity.AgentConfig) { a.Disabled = true }, "agent bot is disabled", "agent bot is disabled"},
		{"for this user", func(a *identity.AgentConfig) { a.ActsFor = []string{"user:staff/taylor"} }, "", ""},
		{"for another user", func(a *identity.AgentConfig) { a.ActsFor = []string{"user:taylor"} }, "agent bot may not act for this human", ""},
		{"for a group of the token", func(a *identity.AgentConfig) { a.ActsFor = []string{"group:Sales", "group:Marketing"} }, "", ""},
		{"for a group of the configuration", func(a *identity.AgentConfig) { a.ActsFor = []string{"group:Berlin"} }, "", ""},
		{"for all users", func(a *identity.AgentConfig) { a.ActsFor = []string{"group:" + identity.AllUsers} }, "", ""},
		{"for no user, by the group of agents", func(a *identity.AgentConfig) { a.ActsFor = []string{"group:" + identity.AllAgents} }, "agent bot may not act for this human", ""},
		{"for another group", func(a *identity.AgentConfig) { a.ActsFor = []string{"group:marketing"} }, "agent bot may not act for this human", ""},
		{"for its own group, which is not the human's", func(a *identity.AgentConfig) { a.Groups, a.ActsFor = []string{"Agents"}, []string{"group:Agents"} }, "agent bot may not act for this human", ""},
		{"for an attribute", func(a *identity.AgentConfig) { a.ActsFor = []string{"attribute:region=EU"} }, "", ""},
		{"for another value", func(a *identity.AgentConfig) { a.ActsFor = []string{"attribute:region=E"} }, "agent bot may not act for this human", ""},
		{"of this issuer, by name", func(a *identity.AgentConfig) { a.Issuers = []string{"staff"} }, "", ""},
		{"of another issuer", func(a *identity.AgentConfig) { a.Issuers = []string{"partners"} }, "agent bot may not bring tokens of this issuer", "agent bot may not bring tokens of this issuer"},
		{"of another issuer, by URL", func(a *identity.AgentConfig) { a.Issuers = []string{second.URL()} }, "agent bot may not bring tokens of this issuer", "agent bot may not bring tokens of this issuer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := registered(t, func(c *identity.Config) {
				c.Issuers[0].Name = "staff"
				c.Issuers[0].Claims.Attributes = map[string]string{"region": "region"}
				c.Issuers = append(c.Issuers, identity.IssuerConfig{Name: "partners", URL: second.URL(), Audience: audience})
				c.Users = []identity.UserConfig{{ID: "staff/taylor", Groups: []string{"Berlin"}}}
			}, agent(tt.change))
			said := func(c identity.Credentials) string {
				p, err := w.Authenticate(context.Background(), c)
				var refused *identity.AuthError
				if errors.As(err, &refused) {
					if refused.Code != identity.InsufficientAccess || refused.Who == nil || refused.Who.Agent.ID != "bot" ||
						p.Agent.ID != "" {
						t.Errorf("the refusal is %+v", refused)
					}
					return refused.Message
				}
				return ""
			}
			token := w.issuer.Token(claims)
			for name, c := range map[string]identity.Credentials{"by token": {Bearer: token}, "by key": {AgentKey: reporterKey, UserToken: token}} {
				if got := said(c); got != tt.human {
					t.Errorf("for a human, %s: %q", name, got)
				}
			}
			if got := said(identity.Credentials{Bearer: w.issuer.Token(issuer.Claims{Subject: "bot-client", ClientID: "bot-client"})}); got != tt.alone {
				t.Errorf("alone, by token: %q", got)
			}
			if got := said(identity.Credentials{AgentKey: reporterKey}); (got != "") != (tt.name == "disabled") {
				t.Errorf("alone, by key, which no issuer has a part in: %q", got)
			}
		})
	}
}

func TestAUserWhoIsDisabledIsRefusedWhoeverActsForThem(t *testing.T) {
	w := newWorld(t, func(c *identity.Config) {
		c.Users = []identity.UserConfig{{ID: "taylor", Disabled: true}, {ID: "robin"}}
	})
	for name, c := range map[string]identity.Credentials{
		"by token": {Bearer: w.issuer.Token(taylor())},
		"by key":   {AgentKey: helperKey, UserToken: w.issuer.Token(issuer.Claims{Subject: "taylor"})},
	} {
		_, err := w.Authenticate(context.Background(), c)
		var refused *identity.AuthError
		if !errors.As(err, &refused) || refused.Code != identity.InsufficientAccess || refused.Who == nil ||
			refused.Who.User.ID != "taylor" {
			t.Errorf("%s: %+v", name, refused)
		}
	}
	if _, err := w.bearer(w.issuer.Token(with(map[string]any{"sub": "robin"})), ""); err != nil {
		t.Errorf("another user: %v", err)
	}
}

func TestRegistrationsThatStopTheStart(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*identity.AgentConfig)
		says   string
	}{
		{"a term that is none", func(a *identity.AgentConfig) { a.ActsFor = []string{"gruop:Sales"} }, `agents[0].acts_for[0]: "gruop:Sales" does not say whom it acts for`},
		{"a group without a name", func(a *identity.AgentConfig) { a.ActsFor = []string{"group:"} }, `agents[0].acts_for[0]: "group:" does not say`},
		{"a group with a space", func(a *identity.AgentConfig) { a.ActsFor = []string{"group: Sales"} }, `agents[0].acts_for[0]: "group: Sales" does not say`},
		{"an attribute without a value", func(a *identity.AgentConfig) { a.ActsFor = []string{"attribute:region"} }, `agents[0].acts_for[0]: "attribute:region" does not say`},
		{"an attribute with half a value", func(a *identity.AgentConfig) { a.ActsFor = []string{"attribute:region="} }, `agents[0].acts_for[0]: `},
		{"everyone", func(a *identity.AgentConfig) { a.ActsFor = []string{"everyone"} }, `agents[0].acts_for[0]: `},
		{"nobody", func(a *identity.AgentConfig) { a.ActsFor = []string{} }, `agents[0].acts_for: nobody is in it`},
		{"an agent that acts alone, for somebody", func(a *identity.AgentConfig) {
			a.ActsFor, a.Modes = []string{"group:Sales"}, []identity.Mode{identity.Autonomous}
		}, `agents[0].acts_for: the agent acts for nobody`},
		{"no issuer", func(a *identity.AgentConfig) { a.Issuers = []string{} }, `agents[0].issuers: none is in it`},
		{"an issuer that is not there", func(a *identity.AgentConfig) { a.Issuers = []string{"crop"} }, `agents[0].issuers[0]: "crop" is no issuer's name or URL; did you mean "corp"?`},
		{"a key twice", func(a *identity.AgentConfig) {
			a.Keys, a.KeySHA256 = []identity.KeyConfig{{SHA256: helperHash}}, []string{helperHash}
		}, `agents[0].key_sha256[0]: it is a key of agents[0] already`},
		{"a key's hash that is none", func(a *identity.AgentConfig) { a.Keys = []identity.KeyConfig{{SHA256: "abc"}} }, `agents[0].keys[0].sha256: not the hash of a key`},
		{"a label with a terminal code", func(a *identity.AgentConfig) { a.Keys = []identity.KeyConfig{{SHA256: helperHash, Label: "\x1b[2J"}} }, `agents[0].keys[0].label: it has characters`},
		{"a negative limit", func(a *identity.AgentConfig) { a.Limits = identity.AgentLimits{Calls: -1, PerMinute: -1} }, `agents[0].limits.per_minute: it cannot be negative`},
		{"a client for people", func(a *identity.AgentConfig) { a.ClientIDs = []string{"desk"} }, `identity.issuers[0].steward_clients[0]: "desk" is a client id of agents[0]: people act through clients of their own`},
	} {
		agent := identity.AgentConfig{Name: "bot", ClientIDs: []string{"bot-client"}}
		tt.change(&agent)
		registry, err := identity.NewRegistry([]identity.AgentConfig{agent})
		config := identity.Config{
			Issuers: []identity.IssuerConfig{
				{Name: "corp", URL: "https://id.example.com", Audience: audience, StewardClients: []string{"desk"}},
			},
		}
		if err == nil {
			err = registry.Fits(config)
			if _, starts := oidc.New(context.Background(), config, registry, oidc.Options{}); err != nil &&
				starts == nil {
				t.Errorf("%s: it starts", tt.name)
			}
		}
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: the start stops and says %q: got %v", tt.name, tt.says, err)
		}
	}
}

func TestLimitsAndOwnersAreOnTheAgent(t *testing.T) {
	registry, err := identity.NewRegistry(
		[]identity.AgentConfig{
			{
				Name:      "bot",
				ClientIDs: []string{"c"},
				Owner:     "taylor@example.com",
				Disabled:  true,
				Limits:    identity.AgentLimits{Calls: 4, PerMinute: 60},
			},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	if a := registry.Agents()[0]; a.Owner != "taylor@example.com" || !a.Disabled ||
		a.Limits != (identity.Limits{Concurrent: 4, PerMinute: 60}) {
		t.Errorf("the agent is %s", fmt.Sprintf("%+v", a))
	}
}
