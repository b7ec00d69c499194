package oidc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/testkit/issuer"
)

// provider is a product, and an access token as it signs them: of a human who asks through the client of the agent
// marketing.
type provider struct {
	name, typ string // of the token's header; "-": it has none
	kind      identity.IssuerKind
	claims    string // without iss, aud, exp and iat
	user      string // the id
	scopes    []identity.Scope
	limited   bool
}

// The claims are those of the products' documentation, shortened by what is there for their own use.
var providers = []provider{
	{
		"RFC 9068",
		"at+jwt",
		identity.Generic,
		`{"sub":"5ba552d67","client_id":"marketing-client","jti":"dbe39bf3a3ba4238a513f51d6e1691c4",
		"auth_time":1639528912,"scope":"openid profile query describe"}`,
		"5ba552d67",
		[]identity.Scope{"query", "describe"},
		true,
	},
	{
		"Entra v2",
		"JWT",
		identity.Entra,
		`{"aio":"AXQAi/8IAAAA","azp":"marketing-client","azpacr":"1","name":"Taylor Lindqvist","oid":"690222be-ff1a-4d56-abd1-7e4f7d38e474",
		"preferred_username":"taylor@contoso.example","rh":"I","scp":"query describe","sub":"HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
		"tid":"72f988bf-86f1-41af-91ab-2d7cd011db47","uti":"fqiBqXLPj0eQa82S-IYFAA","ver":"2.0"}`,
		"72f988bf-86f1-41af-91ab-2d7cd011db47:690222be-ff1a-4d56-abd1-7e4f7d38e474",
		[]identity.Scope{"query", "describe"},
		true,
	},
	{
		"Entra v1",
		"JWT",
		identity.Entra,
		`{"acr":"1","aio":"AXQAi","amr":["pwd"],"appid":"marketing-client","appidacr":"0","family_name":"Lindqvist","given_name":"Taylor",
		"ipaddr":"192.0.2.7","name":"Taylor","oid":"690222be-ff1a-4d56-abd1-7e4f7d38e474","scp":"query","sub":"gVIZ4aVlwoUwLLMF5LYuZPBBFDM",
		"tid":"72f988bf-86f1-41af-91ab-2d7cd011db47","unique_name":"taylor@contoso.example","upn":"taylor@contoso.example","ver":"1.0"}`,
		"72f988bf-86f1-41af-91ab-2d7cd011db47:690222be-ff1a-4d56-abd1-7e4f7d38e474",
		[]identity.Scope{"query"},
		true,
	},
	{
		"Okta",
		"-",
		identity.Okta,
		`{"ver":1,"jti":"AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE","cid":"marketing-client","uid":"00uid4BxXw6I6TV4m0g3",
		"scp":["openid","query"],"auth_time":1639528912,"sub":"taylor@example.com"}`,
		"00uid4BxXw6I6TV4m0g3",
		[]identity.Scope{"query"},
		true,
	},
	{
		"Okta, exchanged",
		"-",
		identity.Okta,
		`{"ver":1,"jti":"AT.x","cid":"chat-host","uid":"00uid4BxXw6I6TV4m0g3","scp":["query"],"sub":"taylor@example.com",
		"act":{"sub":"marketing-client"}}`,
		"00uid4BxXw6I6TV4m0g3",
		[]identity.Scope{"query"},
		true,
	},
	{
		"Auth0",
		"JWT",
		identity.Auth0,
		`{"sub":"auth0|6501b2c3","azp":"marketing-client","scope":"openid profile query"}`,
		"auth0|6501b2c3",
		[]identity.Scope{"query"},
		true,
	},
	{
		"Auth0, RFC 9068 profile",
		"at+jwt",
		identity.Auth0,
		`{"sub":"auth0|6501b2c3","client_id":"marketing-client","jti":"d5c1"}`,
		"auth0|6501b2c3",
		nil,
		false,
	},
	{
		"Auth0, exchanged",
		"at+jwt",
		identity.Auth0,
		`{"sub":"auth0|6501b2c3","client_id":"chat-host","azp":"chat-host","act":{"sub":"marketing-client"},"scope":"query"}`,
		"auth0|6501b2c3",
		[]identity.Scope{"query"},
		true,
	},
	{
		"Keycloak 26",
		"JWT",
		identity.Keycloak,
		`{"jti":"onrtac:1f2e","auth_time":1639528912,"sub":"f1a2b3c4-0000-4000-8000-1234567890ab","typ":"Bearer","azp":"marketing-client",
		"sid":"d1b6","acr":"1","allowed-origins":["https://chat.example.com"],"realm_access":{"roles":["offline_access"]},"scope":"openid email profile query",
		"email_verified":true,"name":"Taylor Lindqvist","preferred_username":"taylor","email":"taylor@example.com"}`,
		"f1a2b3c4-0000-4000-8000-1234567890ab",
		[]identity.Scope{"query"},
		true,
	},
}

// at is a world whose one issuer is of the provider's kind.
func at(t *testing.T, p provider, change ...func(*identity.Config)) *world {
	t.Helper()
	return newWorld(
		t,
		append([]func(*identity.Config){func(c *identity.Config) { c.Issuers[0].Kind = p.kind }}, change...)...)
}

// token is the provider's with claims laid over it; a nil value takes one out.
func (p provider) token(w *world, over map[string]any) string {
	all := map[string]any{
		"iss": w.issuer.URL(),
		"aud": audience,
		"iat": noon.Unix(),
		"nbf": noon.Unix(),
		"exp": noon.Unix() + 3600,
	}
	if err := json.Unmarshal([]byte(p.claims), &all); err != nil {
		panic(err)
	}
	maps.Copy(all, over)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return w.issuer.Forge(issuer.Forgery{Type: p.typ, Payload: payload}, issuer.Claims{})
}

func TestEachProvidersTokensNameTheUserAndTheAgent(t *testing.T) {
	for _, p := range providers {
		t.Run(p.name, func(t *testing.T) {
			w := at(t, p)
			got, err := w.bearer(p.token(w, nil), "")
			if err != nil {
				t.Fatal(err)
			}
			assertParties(t, got, "marketing", p.user)
			if !reflect.DeepEqual(got.Scopes, p.scopes) || got.Limited != p.limited || got.Credential != "access token" {
				t.Errorf("it may be used for %v (%t), by %s", got.Scopes, got.Limited, got.Credential)
			}
		})
	}
}

func named(t *testing.T, name string) provider {
	t.Helper()
	i := slices.IndexFunc(providers, func(p provider) bool { return p.name == name })
	if i < 0 {
		t.Fatalf("there is no provider %s", name)
	}
	return providers[i]
}

// What each product signs beside access tokens with a human in them, and what is refused of it.
func TestEachProvidersOtherTokens(t *testing.T) {
	const no, forbidden = identity.InvalidToken, identity.InsufficientAccess
	const service = "1b7a1b7a-0000-4000-8000-000000000000"
	over := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	app := over(
		"azp",
		"scanner-client",
		"sub",
		service,
		"oid",
		service,
		"scp",
		nil,
		"roles",
		[]string{"Data.Read"},
		"preferred_username",
		nil,
		"name",
		nil,
	)
	and := func(m map[string]any, pairs ...any) map[string]any {
		m = maps.Clone(m)
		maps.Copy(m, over(pairs...))
		return m
	}
	for _, tt := range []struct {
		name, provider string
		over           map[string]any
		agent          string // that acts alone
		code           identity.Code
	}{
		{"client credentials that say so", "Entra v2", and(app, "idtyp", "app"), "scanner", ""},
		{"client credentials that only look so: sub and oid are one, and there is no scp", "Entra v2", app, "scanner", ""},
		{"client credentials of an agent that may not act alone never make a human", "Entra v2", and(app, "azp", "marketing-client"), "", forbidden},
		{"no scp, and sub is not oid", "Entra v2", over("scp", nil), "", no},
		{"scp, and sub is oid", "Entra v2", over("sub", "690222be-ff1a-4d56-abd1-7e4f7d38e474"), "", no},
		{"no scp and no oid", "Entra v2", over("scp", nil, "oid", nil), "", no},
		{"a device", "Entra v2", over("idtyp", "device"), "", no},
		{"no tid", "Entra v2", over("tid", nil), "", no},
		{"no oid", "Entra v2", over("oid", nil), "", no},
		{"oid is a list", "Entra v2", over("oid", []string{"x"}), "", no},
		{"an ID token, which has no azp and no scp", "Entra v2", over("azp", nil, "scp", nil), "", no},
		{"no client", "Entra v1", over("appid", nil), "", no},
		{"client_id is not where Entra names the client", "Entra v2", over("azp", "stranger", "client_id", "marketing-client"), "", forbidden},

		{"client credentials", "Okta", over("uid", nil, "cid", "scanner-client", "sub", "scanner-client"), "scanner", ""},
		{"no uid, and sub is an e-mail address", "Okta", over("uid", nil), "", no},
		{"an ID token, which has no cid", "Okta", over("cid", nil), "", no},
		{"client_id is not where Okta names the client", "Okta", over("cid", "stranger", "client_id", "marketing-client"), "", forbidden},
		{"a cid that is no string", "Okta", over("cid", 7), "", no},

		{"client credentials", "Auth0", over("sub", "scanner-client@clients", "azp", "scanner-client", "gty", "client-credentials"), "scanner", ""},
		{"no client", "Auth0", over("azp", nil), "", no},

		{"a refresh token", "Keycloak 26", over("typ", "Refresh"), "", no},
		{"an ID token", "Keycloak 26", over("typ", "ID"), "", no},
		{"a token that does not say what it is", "Keycloak 26", over("typ", nil), "", no},
		{"a service account", "Keycloak 26", over("azp", "scanner-client", "preferred_username", "service-account-scanner-client", "clientHost", "192.0.2.7", "clientAddress", "192.0.2.7", "client_id", "scanner-client"), "", no},
		{"a service account without its name", "Keycloak 26", over("azp", "scanner-client", "preferred_username", nil, "clientAddress", "192.0.2.7"), "", no},
		{"client_id is not where Keycloak names the client", "Keycloak 26", over("azp", "stranger", "client_id", "marketing-client"), "", forbidden},
	} {
		t.Run(tt.provider+": "+tt.name, func(t *testing.T) {
			p := named(t, tt.provider)
			w := at(t, p)
			got, err := w.bearer(p.token(w, tt.over), "")
			if code(err) != tt.code {
				t.Fatalf("it is refused with %q, not %q: %v", code(err), tt.code, err)
			}
			if tt.code == "" {
				assertParties(t, got, tt.agent, "")
			}
			relayed := identity.Credentials{Bearer: helperKey, UserToken: p.token(w, tt.over)}
			if got, err := w.Authenticate(context.Background(), relayed); err == nil &&
				(tt.code == no || got.User == nil || got.User.ID != p.user) {
				t.Errorf("relayed by an agent with a key it gives %+v", got)
			}
		})
	}
}

func TestASecondAudienceIsTakenOnlyWhereItIsTheIssuersOwnUserinfoAndSomebodySaidSo(t *testing.T) {
	p := named(t, "Auth0")
	allow := func(c *identity.Config) { c.Issuers[0].AllowUserinfo = true }
	for _, tt := range []struct {
		name   string
		change []func(*identity.Config)
		with   func(*world) any
		code   identity.Code
	}{
		{"not said", nil, func(w *world) any { return []string{audience, w.issuer.URL() + "/userinfo"} }, identity.InvalidToken},
		{"said", []func(*identity.Config){allow}, func(w *world) any { return []string{audience, w.issuer.URL() + "/userinfo"} }, ""},
		{"said, in the other order", []func(*identity.Config){allow}, func(w *world) any { return []string{w.issuer.URL() + "/userinfo", audience} }, ""},
		{"said, and there is one", []func(*identity.Config){allow}, func(*world) any { return audience }, ""},
		{"said, and it is somebody else's", []func(*identity.Config){allow}, func(*world) any { return []string{audience, "https://other.example/userinfo"} }, identity.InvalidToken},
		{"said, and there is a third", []func(*identity.Config){allow}, func(w *world) any { return []string{audience, w.issuer.URL() + "/userinfo", "https://other.example"} }, identity.InvalidToken},
		{"said, and ours is not there", []func(*identity.Config){allow}, func(w *world) any { return []string{w.issuer.URL() + "/userinfo", w.issuer.URL() + "/userinfo"} }, identity.InvalidToken},
		{"said, and it is alone", []func(*identity.Config){allow}, func(w *world) any { return w.issuer.URL() + "/userinfo" }, identity.InvalidToken},
	} {
		w := at(t, p, tt.change...)
		if _, err := w.bearer(p.token(w, map[string]any{"aud": tt.with(w)}), ""); code(err) != tt.code {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestClaimsThatAreNamedBeatTheKind(t *testing.T) {
	p := named(t, "Okta")
	w := at(t, p, func(c *identity.Config) {
		c.Issuers[0].Claims = identity.ClaimsConfig{
			User:   []string{"employee"},
			Client: []string{"app"},
			Scopes: []string{"may"},
		}
		c.Issuers[0].ScopePrefix = "deputy:"
	})
	got, err := w.bearer(
		p.token(
			w,
			map[string]any{
				"employee": "E7",
				"app":      "reporter-client",
				"may":      "deputy:query other:describe",
				"scp":      []string{"describe"},
			},
		),
		"",
	)
	if err != nil {
		t.Fatal(err)
	}
	assertParties(t, got, "reporter", "E7")
	if !reflect.DeepEqual(got.Scopes, []identity.Scope{"query"}) ||
		got.Asks(identity.ScopeDescribe) != "deputy:query deputy:describe" {
		t.Errorf("the scopes are %v, and asked for are %s", got.Scopes, got.Asks(identity.ScopeDescribe))
	}
}

// Two claims could be one user's id in two ways, if one of them could hold the colon between them.
func TestNoTwoUsersOfSeveralClaimsAreOne(t *testing.T) {
	w := newWorld(t, func(c *identity.Config) { c.Issuers[0].Claims.User = []string{"tid", "oid"} })
	id := func(tid, oid string) string {
		p, err := w.bearer(w.issuer.Token(with(map[string]any{"tid": tid, "oid": oid})), "")
		if err != nil {
			t.Fatal(err)
		}
		return p.User.ID
	}
	seen := map[string]string{}
	rapid.Check(t, func(r *rapid.T) {
		part := rapid.StringMatching(`[ab:%3A]{1,4}`)
		tid, oid := part.Draw(r, "tid"), part.Draw(r, "oid")
		pair, got := fmt.Sprintf("%q %q", tid, oid), id(tid, oid)
		if other, there := seen[got]; there && other != pair {
			r.Errorf("%s and %s are both %s", pair, other, got)
		}
		seen[got] = pair
	})
	if id("a:b", "c") == id("a", "b:c") {
		t.Error("a colon moves from one claim to the other")
	}
}

// A claim that somebody could write into their own profile never changes who is judged: it is not read, or the token is
// refused.
func TestNoClaimThatACallerCouldWriteChangesWhoIsJudged(t *testing.T) {
	own := []string{
		"email",
		"email_verified",
		"emails",
		"upn",
		"unique_name",
		"preferred_username",
		"nickname",
		"name",
		"given_name",
		"phone_number",
		"picture",
		"login",
		"username",
		"user",
		"user_id",
		"user_name",
		"principal",
		"agent",
		"client",
		"clientId",
		"client_name",
		"authorized_party",
		"actor",
		"actort",
		"may_act",
		"on_behalf_of",
		"delegate",
		"impersonator",
		"scopes",
		"permissions",
		"roles",
		"role",
		"group",
		"Groups",
		"GROUPS",
		"Sub",
		"SUB",
		"Act",
		"ACT",
		"Azp",
		"Client_ID",
		"CID",
		"Uid",
		"OID",
		"Tid",
		"appId",
		"software_id",
		"client_info",
		"_meta",
		"purpose",
		"mode",
		"disabled",
		"acts_for",
		"issuer",
		"audience",
		"Scope",
		"SCP",
		"is_admin",
		"address",
	}
	values := rapid.OneOf(
		rapid.SampledFrom(
			[]any{"robin", "reporter-client", "scanner-client", "marketing-client", "Privacy", "query approve", true, 7, nil},
		),
		rapid.Just(any([]string{"Privacy", "robin"})),
		rapid.Just(any(map[string]any{"sub": "reporter-client", "client_id": "reporter-client"})),
	)
	for _, p := range providers {
		t.Run(p.name, func(t *testing.T) {
			w := at(t, p)
			plain, err := w.bearer(p.token(w, nil), "")
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(r *rapid.T) {
				over := rapid.MapOfN(rapid.SampledFrom(own), values, 1, 4).Draw(r, "claims")
				got, err := w.bearer(p.token(w, over), "")
				if err != nil {
					return
				}
				// for people to read, and to keep one from deciding twice
				got.User.Name, got.User.Email = plain.User.Name, plain.User.Email
				if !reflect.DeepEqual(got, plain) {
					r.Errorf("%v makes it %+v\n%+v", over, got, got.User)
				}
			})
		})
	}
}

func TestKindsAndClaimsThatStopTheStart(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*identity.IssuerConfig)
		says   string
	}{
		{"a kind misspelt", func(c *identity.IssuerConfig) { c.Kind = "keycloack" }, `identity.issuers[0].kind: "keycloack" is not a kind of issuer; did you mean "keycloak"?`},
		{"another rule", func(c *identity.IssuerConfig) { c.Scopes = "optional" }, `identity.issuers[0].scopes: "optional" does not say what scopes are taken for`},
		{"a prefix that ends the header", func(c *identity.IssuerConfig) { c.ScopePrefix = `x" y` }, `identity.issuers[0].scope_prefix: `},
		{"an e-mail address as user", func(c *identity.IssuerConfig) { c.Claims.User = []string{"tid", "email"} }, `identity.issuers[0].claims.user[1]: "email" may be somebody else's tomorrow`},
		{"a login name as user", func(c *identity.IssuerConfig) { c.Claims.User = []string{"preferred_username"} }, `identity.issuers[0].claims.user[0]: "preferred_username" may be`},
		{"no claim", func(c *identity.IssuerConfig) { c.Claims.User = []string{""} }, `identity.issuers[0].claims.user[0]: there is no value`},
		{"the subject as client", func(c *identity.IssuerConfig) { c.Claims.Client = []string{"sub"} }, `identity.issuers[0].claims.client[0]: "sub" does not say which client it is`},
		{"an empty steward client", func(c *identity.IssuerConfig) { c.StewardClients = []string{""} }, `identity.issuers[0].steward_clients[0]: "" is empty`},
	} {
		c := identity.IssuerConfig{URL: "https://id.example.com", Audience: audience}
		tt.change(&c)
		if err := oidc.Check(identity.Config{Issuers: []identity.IssuerConfig{c}}, ""); err == nil ||
			!strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: the start stops and says %q: got %v", tt.name, tt.says, err)
		}
	}
}
