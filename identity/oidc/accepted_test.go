package oidc_test

import (
	"context"
	"reflect"
	"testing"

	"deputy/identity"
	"deputy/internal/testkit/issuer"
)

// TestWhoATokenNames is the list of good tokens and the principals they give.
func TestWhoATokenNames(t *testing.T) {
	w := newWorld(t)
	claim := func(name string, value any) string { return w.issuer.Token(with(map[string]any{name: value})) }
	rows := []struct {
		name, token string
		agent, user string // no user: autonomous
	}{
		{"client_id is the agent", w.issuer.Token(taylor()), "marketing", "taylor"},
		{
			"azp without client_id",
			w.issuer.Token(with(map[string]any{"client_id": nil, "azp": "marketing-client"})),
			"marketing",
			"taylor",
		},
		{
			"appid without the others",
			w.issuer.Token(with(map[string]any{"client_id": nil, "appid": "marketing-client"})),
			"marketing",
			"taylor",
		},
		{"client_id before azp", claim("azp", "somebody"), "marketing", "taylor"},
		{
			"the actor before client_id",
			w.issuer.Token(issuer.Claims{Subject: "taylor", ClientID: "chat-host", Actor: "marketing-client"}),
			"marketing",
			"taylor",
		},
		{
			"the outermost actor of several",
			claim("act", map[string]any{"sub": "reporter-client", "act": map[string]any{"sub": "scanner-client"}}),
			"reporter",
			"taylor",
		},
		{
			"an actor that names our issuer",
			claim("act", map[string]any{"sub": "reporter-client", "iss": w.issuer.URL()}),
			"reporter",
			"taylor",
		},
		{"another client id of the same agent", claim("client_id", "reporter-batch"), "reporter", "taylor"},
		{"audience as an array of one", claim("aud", []string{audience}), "marketing", "taylor"},
		{"typ in capitals", w.issuer.Forge(issuer.Forgery{Type: "AT+JWT"}, taylor()), "marketing", "taylor"},
		{"typ in full", w.issuer.Forge(issuer.Forgery{Type: "application/at+jwt"}, taylor()), "marketing", "taylor"},
		{"no kid", w.issuer.Forge(issuer.Forgery{KeyID: "-"}, taylor()), "marketing", "taylor"},
		{"nbf within the leeway", claim("nbf", noon.Unix()+59), "marketing", "taylor"},
		{"iat within the leeway", claim("iat", noon.Unix()+59), "marketing", "taylor"},
		{"no iat", claim("iat", nil), "marketing", "taylor"},
		{"a fraction of a second", claim("exp", float64(noon.Unix())+1.5), "marketing", "taylor"},
		{"Keycloak's word for an access token", claim("typ", "Bearer"), "marketing", "taylor"},
		{"idtyp of a human", claim("idtyp", "user"), "marketing", "taylor"},
		{"Sub beside sub", claim("Sub", "robin"), "marketing", "taylor"},
		{
			"an agent alone: sub is its client id",
			w.issuer.Token(issuer.Claims{Subject: "scanner-client", ClientID: "scanner-client"}),
			"scanner",
			"",
		},
		{
			"an agent alone: Auth0's sub",
			w.issuer.Token(issuer.Claims{Subject: "scanner-client@clients", ClientID: "scanner-client"}),
			"scanner",
			"",
		},
		{
			"an agent alone: idtyp",
			w.issuer.Token(issuer.Claims{Subject: "0f9a", ClientID: "scanner-client", Extra: map[string]any{"idtyp": "app"}}),
			"scanner",
			"",
		},
		{
			"an agent alone: sub is another of its client ids",
			w.issuer.Token(issuer.Claims{Subject: "reporter-batch", ClientID: "reporter-client"}),
			"reporter",
			"",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p, err := w.bearer(row.token, "192.0.2.1")
			if err != nil {
				t.Fatal(err)
			}
			assertParties(t, p, row.agent, row.user)
		})
	}
}

func assertParties(t *testing.T, p identity.Principal, agent, user string) {
	t.Helper()
	if p.Agent.ID != agent {
		t.Errorf("the agent is %q: got %q", agent, p.Agent.ID)
	}
	switch {
	case user == "" && p.User != nil:
		t.Errorf("no human is there: got %+v", p.User)
	case user != "" && (p.User == nil || p.User.ID != user):
		t.Errorf("the user is %q: got %+v", user, p.User)
	}
}

// TestCredentials is the list of what may come together.
func TestCredentials(t *testing.T) {
	w := newWorld(t)
	token := w.issuer.Token(taylor())
	of := func(client string) string {
		return w.issuer.Token(issuer.Claims{Subject: "taylor", ClientID: client})
	}
	const missing, no, forbidden = identity.Missing, identity.InvalidToken, identity.InsufficientAccess
	rows := []struct {
		name        string
		given       identity.Credentials
		agent, user string
		refused     identity.Code
	}{
		{"nothing", identity.Credentials{}, "", "", missing},
		{"a user's token without an agent", identity.Credentials{UserToken: token}, "", "", missing},
		{"a key as bearer, alone", identity.Credentials{Bearer: reporterKey}, "reporter", "", ""},
		{"a key in its own place, alone", identity.Credentials{AgentKey: reporterKey}, "reporter", "", ""},
		{"a key alone, and the agent may not act alone", identity.Credentials{Bearer: helperKey}, "", "", forbidden},
		{"an unknown key", identity.Credentials{Bearer: strangerKey}, "", "", no},
		{"an unknown key with a good token", identity.Credentials{Bearer: strangerKey, UserToken: token}, "", "", no},
		{"a key with a letter more", identity.Credentials{Bearer: reporterKey + "A"}, "", "", no},
		{
			"a key without its prefix, in the key's place",
			identity.Credentials{AgentKey: reporterKey[len("deputy_ak_"):]},
			"",
			"",
			no,
		},
		{"a hash is not a key", identity.Credentials{AgentKey: "deputy_ak_" + reporterHash}, "", "", no},
		{
			"a key and a user's token",
			identity.Credentials{Bearer: reporterKey, UserToken: of("reporter-client")},
			"reporter",
			"taylor",
			"",
		},
		{
			"a key and a user's token of the agent's other client",
			identity.Credentials{Bearer: reporterKey, UserToken: of("reporter-batch")},
			"reporter",
			"taylor",
			"",
		},
		{
			"a key and a user's token of another agent",
			identity.Credentials{Bearer: reporterKey, UserToken: token},
			"",
			"",
			forbidden,
		},
		{
			"a key and a user's token of an unregistered client",
			identity.Credentials{Bearer: reporterKey, UserToken: of("chat-host")},
			"",
			"",
			forbidden,
		},
		{
			"a key and a user's token of no client",
			identity.Credentials{Bearer: reporterKey, UserToken: of("")},
			"",
			"",
			forbidden,
		},
		{
			"an agent without client ids and a token of any client",
			identity.Credentials{Bearer: helperKey, UserToken: of("chat-host")},
			"helper",
			"taylor",
			"",
		},
		{
			"an agent without client ids and a token of no client",
			identity.Credentials{AgentKey: helperKey, UserToken: of("")},
			"helper",
			"taylor",
			"",
		},
		{
			"an agent without client ids and a token of another agent",
			identity.Credentials{Bearer: helperKey, UserToken: token},
			"",
			"",
			forbidden,
		},
		{
			"a key and a token without a human",
			identity.Credentials{
				Bearer:    reporterKey,
				UserToken: w.issuer.Token(issuer.Claims{Subject: "reporter-client", ClientID: "reporter-client"}),
			},
			"",
			"",
			forbidden,
		},
		{
			"a key and an application's token",
			identity.Credentials{
				Bearer:    helperKey,
				UserToken: w.issuer.Token(issuer.Claims{Subject: "chat-host", ClientID: "chat-host"}),
			},
			"",
			"",
			forbidden,
		},
		{"a key and a bad token", identity.Credentials{Bearer: reporterKey, UserToken: "x"}, "", "", no},
		{"a key and a key", identity.Credentials{Bearer: reporterKey, UserToken: reporterKey}, "", "", no},
		{"two keys", identity.Credentials{Bearer: reporterKey, AgentKey: reporterKey}, "", "", no},
		{"a key and a token as bearer", identity.Credentials{Bearer: token, AgentKey: helperKey}, "", "", no},
		{"two tokens", identity.Credentials{Bearer: token, UserToken: token}, "", "", no},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p, err := w.Authenticate(context.Background(), row.given)
			if got := code(err); got != row.refused {
				t.Fatalf("the refusal is %q: got %v", row.refused, err)
			}
			assertParties(t, p, row.agent, row.user)
			assertNothingOf(t, row.given.Bearer+"."+row.given.AgentKey+"."+row.given.UserToken, err)
		})
	}
}

func TestGroupsAndAttributesAreThoseOfTheTokenAndOfTheConfiguration(t *testing.T) {
	w := newWorld(t, func(c *identity.Config) {
		c.Issuers[0].Claims = identity.ClaimsConfig{
			Groups:     "roles",
			Name:       "display",
			Attributes: map[string]string{"residency": "country", "level": "level", "staff": "staff", "region": "region"},
		}
		c.Users = []identity.UserConfig{{
			ID: "taylor", Groups: []string{"Marketing", "Berlin"},
			Attributes: map[string]identity.Values{"region": {"NORTH"}, "desk": {"4"}},
		}}
	})
	p, err := w.bearer(w.issuer.Token(with(map[string]any{
		"roles": "Marketing", "groups": []string{"Privacy"}, "display": "Tay\x1b[2Jlor\n",
		"country": "EU", "level": 3, "staff": true, "region": []any{"EAST", 7, false},
	})), "")
	if err != nil {
		t.Fatal(err)
	}
	want := identity.User{
		Identity: identity.Identity{
			Kind: identity.KindUser, ID: "taylor",
			Groups: []string{"Marketing", "Berlin"}, // and not Privacy: that claim is not the configured one
			Attributes: map[string][]string{
				"residency": {"EU"}, "level": {"3"}, "staff": {"true"}, "region": {"EAST", "7", "false", "NORTH"}, "desk": {"4"},
			},
		},
		Issuer: w.issuer.URL(), Subject: "taylor", Name: "Tay[2Jlor",
	}
	if !reflect.DeepEqual(*p.User, want) {
		t.Errorf("the user is the union of token and configuration:\n got %+v\nwant %+v", *p.User, want)
	}

	robin, err := w.bearer(w.issuer.Token(with(map[string]any{"sub": "robin"})), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(robin.User.Groups) > 0 || len(robin.User.Attributes) > 0 {
		t.Errorf("what the configuration says of one user is not another's: got %+v", robin.User)
	}
}

func TestUsersOfSeveralIssuersAreToldApart(t *testing.T) {
	second := startIssuer(t, newClock())
	w := newWorld(t, func(c *identity.Config) {
		c.Issuers[0].Name = "staff"
		c.Issuers = append(c.Issuers, identity.IssuerConfig{Name: "partners", URL: second.URL(), Audience: audience})
		c.Users = []identity.UserConfig{{ID: "staff/taylor", Groups: []string{"HQ"}}}
	})
	staff, err := w.bearer(w.issuer.Token(taylor()), "")
	if err != nil {
		t.Fatal(err)
	}
	partner, err := w.bearer(second.Token(taylor()), "")
	if err != nil {
		t.Fatal(err)
	}
	assertParties(t, staff, "marketing", "staff/taylor")
	assertParties(t, partner, "marketing", "partners/taylor")
	if !staff.User.In("HQ") || partner.User.In("HQ") {
		t.Errorf("the same sub at another issuer is another user: got %v and %v", staff.User.Groups, partner.User.Groups)
	}
	mixed := second.Token(with(map[string]any{"iss": w.issuer.URL()}))
	if _, err := w.bearer(mixed, ""); code(err) != identity.InvalidToken {
		t.Errorf("one issuer cannot sign for another: got %v", err)
	}
}

func TestATokenTypeCanBeOptedIn(t *testing.T) {
	w := newWorld(t, func(c *identity.Config) { c.Issuers[0].TokenTypes = []string{"JWT", ""} })
	for typ, want := range map[string]identity.Code{"jwt": "", "-": "", "at+jwt": identity.InvalidToken} {
		if _, err := w.bearer(w.issuer.Forge(issuer.Forgery{Type: typ}, taylor()), ""); code(err) != want {
			t.Errorf("only the configured types are taken: typ %q gave %v", typ, err)
		}
	}
}
