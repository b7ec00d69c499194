package oidc_test

import (
	"context"
	"errors"
	"testing"

	"deputy/identity"
	"deputy/internal/testkit/issuer"
)

// A steward's decision is a human's own. Whatever an agent can get hold of is not enough for it.
func TestAPersonActsThemselfOrNotAtAll(t *testing.T) {
	second := startIssuer(t, newClock())
	w := newWorld(t, func(c *identity.Config) {
		c.Issuers[0].Name, c.Issuers[0].StewardClients = "staff", []string{"access-desk"}
		c.Issuers = append(
			c.Issuers,
			identity.IssuerConfig{
				Name:           "partners",
				URL:            second.URL(),
				Audience:       audience,
				StewardClients: []string{"partner-desk"},
			},
		)
		c.Users = []identity.UserConfig{
			{ID: "staff/taylor", Groups: []string{"Stewards"}},
			{ID: "staff/gone", Disabled: true},
		}
	})
	desk := issuer.Claims{Subject: "taylor", ClientID: "access-desk", Extra: map[string]any{"scope": "openid approve"}}
	but := func(change func(*issuer.Claims), extra map[string]any) string {
		c := desk
		c.Extra = map[string]any{"scope": "openid approve"}
		for name, value := range extra {
			c.Extra[name] = value
		}
		change(&c)
		return w.issuer.Token(c)
	}
	same := func(*issuer.Claims) {}
	client := func(id string) func(*issuer.Claims) { return func(c *issuer.Claims) { c.ClientID = id } }
	subject := func(id string) func(*issuer.Claims) { return func(c *issuer.Claims) { c.Subject = id } }
	token := w.issuer.Token(desk)
	const no, forbidden = identity.InvalidToken, identity.InsufficientAccess
	const scope, missing = identity.InsufficientScope, identity.Missing
	for _, tt := range []struct {
		name  string
		given identity.Credentials
		code  identity.Code
	}{
		{"a human at the desk", identity.Credentials{Bearer: token}, ""},
		{"nothing", identity.Credentials{}, missing},
		{"a registered agent's client", identity.Credentials{Bearer: but(client("marketing-client"), nil)}, forbidden},
		{"the desk's client, and a registered agent's beside it", identity.Credentials{Bearer: but(same, map[string]any{"azp": "marketing-client"})}, forbidden},
		{"the desk's client, and a registered agent's where other issuers name it", identity.Credentials{Bearer: but(same, map[string]any{"cid": "marketing-client"})}, forbidden},
		{"a client of nobody", identity.Credentials{Bearer: but(client("chat-host"), nil)}, forbidden},
		{"no client", identity.Credentials{Bearer: but(client(""), nil)}, forbidden},
		{"the desk of another issuer", identity.Credentials{Bearer: but(client("partner-desk"), nil)}, forbidden},
		{"an agent acts", identity.Credentials{Bearer: but(same, map[string]any{"act": acts("marketing-client")})}, forbidden},
		{"the desk itself acts", identity.Credentials{Bearer: but(same, map[string]any{"act": acts("access-desk")})}, forbidden},
		{"the desk's own credentials", identity.Credentials{Bearer: but(subject("access-desk"), nil)}, forbidden},
		{"an agent's client as subject", identity.Credentials{Bearer: but(subject("scanner-client"), nil)}, forbidden},
		{"client credentials", identity.Credentials{Bearer: but(same, map[string]any{"idtyp": "app"})}, forbidden},
		{"an API key", identity.Credentials{Bearer: reporterKey}, forbidden},
		{"an API key in its own place", identity.Credentials{AgentKey: reporterKey}, forbidden},
		{"a relayed token", identity.Credentials{Bearer: reporterKey, UserToken: token}, forbidden},
		{"a relayed token alone", identity.Credentials{UserToken: token}, forbidden},
		{"a token beside a relayed one", identity.Credentials{Bearer: token, UserToken: token}, forbidden},
		{"a token beside an agent's key", identity.Credentials{Bearer: token, AgentKey: reporterKey}, forbidden},
		{"no scopes", identity.Credentials{Bearer: but(same, map[string]any{"scope": nil})}, scope},
		{"the scopes of agents", identity.Credentials{Bearer: but(same, map[string]any{"scope": "query describe request"})}, scope},
		{"a scope like it", identity.Credentials{Bearer: but(same, map[string]any{"scope": "approver Approve"})}, scope},
		{"another audience", identity.Credentials{Bearer: but(same, map[string]any{"aud": "https://other.example"})}, no},
		{"a second audience", identity.Credentials{Bearer: but(same, map[string]any{"aud": []string{audience, "https://other.example"}})}, no},
		{"expired", identity.Credentials{Bearer: but(same, map[string]any{"exp": noon.Unix()})}, no},
		{"signed by somebody else", identity.Credentials{Bearer: second.Token(issuer.Claims{Subject: "taylor", ClientID: "access-desk", Extra: map[string]any{"scope": "approve", "iss": w.issuer.URL()}})}, no},
		{"a disabled user", identity.Credentials{Bearer: but(subject("gone"), nil)}, forbidden},
	} {
		u, err := w.Person(context.Background(), tt.given)
		if code(err) != tt.code {
			t.Errorf("%s: %v", tt.name, err)
		}
		assertNothingOf(t, tt.given.Bearer+"."+tt.given.UserToken, err)
		if err != nil {
			if u.ID != "" {
				t.Errorf("%s: it is refused, and is %+v", tt.name, u)
			}
			continue
		}
		if u.ID != "staff/taylor" || !u.In("Stewards") || u.Issuer != w.issuer.URL() {
			t.Errorf("%s: the person is %+v", tt.name, u)
		}
	}
	_, err := w.Person(context.Background(), identity.Credentials{Bearer: but(client("marketing-client"), nil)})
	var refused *identity.AuthError
	if !errors.As(err, &refused) || refused.Who == nil || refused.Who.User == nil ||
		refused.Who.User.ID != "staff/taylor" {
		t.Errorf("whose token it was is for the record: %+v", refused)
	}
}

// Where scopes are no ceiling, approving still needs its own, in so many words.
func TestApprovingNeedsItsScopeWhateverTheRule(t *testing.T) {
	for _, rule := range []identity.ScopeRule{
		identity.ScopesWhenPresent, identity.ScopesRequired, identity.ScopesIgnored,
	} {
		w := newWorld(t, func(c *identity.Config) {
			c.Issuers[0].Scopes, c.Issuers[0].StewardClients = rule, []string{"access-desk"}
		})
		for scope, want := range map[string]identity.Code{"approve": "", "query": identity.InsufficientScope, "": identity.InsufficientScope} {
			extra := map[string]any{"scope": scope}
			if scope == "" {
				extra = nil
			}
			_, err := w.Person(
				context.Background(),
				identity.Credentials{
					Bearer: w.issuer.Token(issuer.Claims{Subject: "taylor", ClientID: "access-desk", Extra: extra}),
				},
			)
			if code(err) != want {
				t.Errorf("%s, scope %q: %v", rule, scope, err)
			}
		}
	}
}
