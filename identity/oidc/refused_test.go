package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"deputy/identity"
	"deputy/internal/testkit/issuer"
)

// TestRefusedTokens is the list of access tokens that are nobody's, and why. Nothing of a token is in its refusal.
func TestRefusedTokens(t *testing.T) {
	w := newWorld(t, func(c *identity.Config) {
		c.Issuers[0].Claims.Attributes = map[string]string{"residency": "country"}
	})
	foreign := startIssuer(t, w.clock)
	otherKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(w.issuer.PublicKey().Key)
	if err != nil {
		t.Fatal(err)
	}
	unix := func(seconds int64) int64 { return noon.Unix() + seconds }
	claim := func(name string, value any) string { return w.issuer.Token(with(map[string]any{name: value})) }
	forge := func(f issuer.Forgery) string { return w.issuer.Forge(f, taylor()) }
	payload := func(format string, args ...any) string {
		head := fmt.Sprintf(
			`{"iss":%q,"aud":%q,"exp":%d,"client_id":"marketing-client"`,
			w.issuer.URL(),
			audience,
			unix(3600),
		)
		return w.issuer.Forge(issuer.Forgery{Payload: []byte(head + fmt.Sprintf(format, args...))}, issuer.Claims{})
	}
	elsewhere := func(name string) string {
		return w.issuer.Token(with(map[string]any{
			"_claim_names":   map[string]any{name: "graph"},
			"_claim_sources": map[string]any{"graph": map[string]any{"endpoint": "https://graph.example/groups"}},
		}))
	}
	good := w.issuer.Token(taylor())
	parts := strings.Split(good, ".")
	unsigned := func(alg string) string {
		return encode(`{"alg":"`+alg+`","typ":"at+jwt"}`) + "." + parts[1] + "."
	}

	const no, forbidden = identity.InvalidToken, identity.InsufficientAccess
	rows := []struct {
		name  string
		token string
		want  identity.Code
	}{
		// signatures
		{"alg none", unsigned("none"), no},
		{"alg None", unsigned("None"), no},
		{"alg none, signature of another token", unsigned("none") + parts[2], no},
		{"HS256 with the public key as secret", forge(issuer.Forgery{Algorithm: jose.HS256, Key: publicDER}), no},
		{"no signature", parts[0] + "." + parts[1] + ".", no},
		{"signature of another token", parts[0] + "." + parts[1] + "." + strings.Split(claim("sub", "robin"), ".")[2], no},
		{
			"claims exchanged under the signature",
			parts[0] + "." + encode(string(w.issuer.Payload(with(map[string]any{"sub": "robin"})))) + "." + parts[2],
			no,
		},
		{"another key under the issuer's kid", forge(issuer.Forgery{Key: otherKey}), no},
		{"another key under its own kid", forge(issuer.Forgery{Key: otherKey, KeyID: "mine"}), no},
		{"another key without kid", forge(issuer.Forgery{Key: otherKey, KeyID: "-"}), no},
		{
			"a key that the header brings along",
			forge(
				issuer.Forgery{Key: otherKey, KeyID: "-", Headers: map[string]any{"jwk": jose.JSONWebKey{Key: otherKey.Public()}}},
			),
			no,
		},
		{
			"a key from where the header points",
			forge(issuer.Forgery{Key: otherKey, Headers: map[string]any{"jku": foreign.URL() + "/keys"}}),
			no,
		},
		{"an algorithm that is not configured", forge(issuer.Forgery{Algorithm: jose.RS512, Key: rsaKey}), no},
		{"a critical header", forge(issuer.Forgery{Headers: map[string]any{"crit": []string{"b64"}, "b64": true}}), no},

		// shape
		{"empty parts", "..", no},
		{"two parts", parts[0] + "." + parts[1], no},
		{"four parts", good + ".x", no},
		{"five parts, an encrypted token", good + "." + parts[0] + "." + parts[1], no},
		{"not base64url", parts[0] + ".!!!." + parts[2], no},
		{"padded base64", parts[0] + "==." + parts[1] + "." + parts[2], no},
		{"a line break inside", parts[0] + "." + parts[1] + "\n." + parts[2], no},
		{"a space before", " " + good, no},
		{
			"JSON serialisation",
			`{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
			no,
		},
		{
			"claims that are no object",
			w.issuer.Forge(issuer.Forgery{Payload: []byte(`["sub","taylor"]`)}, issuer.Claims{}),
			no,
		},
		{"claims that are null", w.issuer.Forge(issuer.Forgery{Payload: []byte(`null`)}, issuer.Claims{}), no},
		{"larger than 16 KiB", claim("padding", strings.Repeat("x", 16<<10)), no},
		{"not a token", "taylor", no},

		// types of token
		{"no typ", forge(issuer.Forgery{Type: "-"}), no},
		{"an ID token by typ", forge(issuer.Forgery{Type: "JWT"}), no},
		{"a logout token by typ", forge(issuer.Forgery{Type: "logout+jwt"}), no},
		{"an identity assertion by typ", forge(issuer.Forgery{Type: "oauth-id-jag+jwt"}), no},
		{"a typ that only begins like ours", forge(issuer.Forgery{Type: "at+jwt2"}), no},
		{"an ID token by nonce", claim("nonce", "n"), no},
		{"an ID token by at_hash", claim("at_hash", "h"), no},
		{"an ID token by c_hash", claim("c_hash", "h"), no},
		{"an ID token by Keycloak's word", claim("typ", "ID"), no},
		{"an ID token by Cognito's word", claim("token_use", "id"), no},
		{"an ID token by s_hash", claim("s_hash", "h"), no},
		{
			"a logout token by events",
			claim("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}),
			no,
		},
		{"bound to a key by cnf", claim("cnf", map[string]any{"jkt": "thumbprint"}), no},

		// issuer and audience
		{"a foreign issuer", foreign.Token(taylor()), no},
		{"a foreign issuer that says it is ours", foreign.Token(with(map[string]any{"iss": w.issuer.URL()})), no},
		{
			"a foreign issuer that says it is ours, with our kid",
			foreign.Forge(issuer.Forgery{KeyID: w.issuer.PublicKey().KeyID}, with(map[string]any{"iss": w.issuer.URL()})),
			no,
		},
		{"our issuer with a slash", claim("iss", w.issuer.URL()+"/"), no},
		{"no issuer", claim("iss", nil), no},
		{"issuer in other case", w.issuer.Token(with(map[string]any{"iss": nil, "Iss": w.issuer.URL()})), no},
		{"wrong audience", claim("aud", "https://other.example/mcp"), no},
		{"wrong audience in an array", claim("aud", []string{"https://other.example/mcp"}), no},
		{"a second audience", claim("aud", []string{audience, "https://other.example/mcp"}), no},
		{"our audience twice", claim("aud", []string{audience, audience}), no},
		{"our audience with a slash", claim("aud", audience+"/"), no},
		{"another audience, and ours under Aud", w.issuer.Forge(issuer.Forgery{Payload: []byte(fmt.Sprintf(
			`{"iss":%q,"aud":"https://other.example/mcp","Aud":%q,"exp":%d,"sub":"taylor","client_id":"marketing-client"}`,
			w.issuer.URL(),
			audience,
			unix(60),
		))}, issuer.Claims{}), no},
		{"no audience", claim("aud", nil), no},
		{"empty audience", claim("aud", []string{}), no},
		{"audience is an object", claim("aud", map[string]any{"0": audience}), no},

		// time
		{"expired an hour ago", claim("exp", unix(-3600)), no},
		{"expires this second", claim("exp", unix(0)), no},
		{"no exp", claim("exp", nil), no},
		{"exp is a string", claim("exp", fmt.Sprint(unix(60))), no},
		{"exp is null", claims(w, `"exp":null,"sub":"taylor","client_id":"marketing-client"`), no},
		{"exp is beyond all time", claim("exp", 1e300), no},
		{"exp is negative", claim("exp", -1), no},
		{
			"exp past and Exp in the future",
			claims(w, `"exp":%d,"Exp":%d,"sub":"taylor","client_id":"marketing-client"`, unix(-60), unix(7200)),
			no,
		},
		{"only Exp", claims(w, `"Exp":%d,"sub":"taylor","client_id":"marketing-client"`, unix(7200)), no},
		{"nbf two minutes ahead", claim("nbf", unix(120)), no},
		{"nbf is a string", claim("nbf", "now"), no},
		{"nbf is null", payload(`,"sub":"taylor","nbf":null}`), no},
		{"iat is negative", claim("iat", -1), no},
		{"iat two minutes ahead", claim("iat", unix(120)), no},

		// who
		{"no sub", claim("sub", nil), no},
		{"empty sub", claim("sub", ""), no},
		{"sub is a number", claim("sub", 7), no},
		{"sub is null", payload(`,"sub":null}`), no},
		{"Sub in other case", payload(`,"Sub":"taylor"}`), no},
		{"sub with a line break", claim("sub", "taylor\nrobin"), no},
		{"sub with a terminal code", claim("sub", "taylor\x1b[2J"), no},
		{"sub with a broken surrogate", payload(`,"sub":"taylor\ud800"}`), no},
		{"sub too long", claim("sub", strings.Repeat("t", 257)), no},
		{"sub twice", payload(`,"sub":"taylor","sub":"robin"}`), no},
		{"sub twice, once escaped", payload(`,"sub":"taylor","s\u0075b":"robin"}`), no},
		{"a duplicate deep inside", payload(`,"sub":"taylor","act":{"sub":"a","sub":"b"}}`), no},
		{"more after the claims", payload(`,"sub":"taylor"}{}`), no},
		{
			"claims nested without end",
			payload(`,"sub":"taylor","x":%s%s}`, strings.Repeat("[", 5000), strings.Repeat("]", 5000)),
			no,
		},
		{"invalid UTF-8", payload(",\"sub\":\"taylor\xff\"}"), no},

		// which agent
		{"no client", claim("client_id", nil), forbidden},
		{"Client_ID in other case", claims(w, `"exp":%d,"sub":"taylor","Client_ID":"marketing-client"`, unix(60)), forbidden},
		{"an unregistered client", claim("client_id", "somebody"), forbidden},
		{"an agent's name is not its client id", claim("client_id", "marketing"), forbidden},
		{"client_id is an array", claim("client_id", []string{"marketing-client"}), no},
		{"client_id is empty", claim("client_id", ""), no},
		{"azp is malformed beside a good client_id", claim("azp", 1), no},
		{
			"an unregistered client_id before a registered azp",
			w.issuer.Token(with(map[string]any{"client_id": "somebody", "azp": "marketing-client"})),
			forbidden,
		},
		{"an unregistered actor before a registered client", claim("act", map[string]any{"sub": "somebody"}), forbidden},
		{
			"a registered actor inside an unregistered one",
			claim("act", map[string]any{"sub": "somebody", "act": map[string]any{"sub": "marketing-client"}}),
			forbidden,
		},
		{"an actor without sub", claim("act", map[string]any{"client_id": "marketing-client"}), no},
		{"an actor with sub null", claim("act", map[string]any{"sub": nil}), no},
		{"an actor that is a string", claim("act", "marketing-client"), no},
		{"an actor that is null", payload(`,"sub":"taylor","act":null}`), no},
		{"an actor of another issuer", claim("act", map[string]any{"sub": "marketing-client", "iss": foreign.URL()}), no},

		// which mode
		{"no human: sub is the client, and the agent may not act alone", claim("sub", "marketing-client"), forbidden},
		{
			"no human: sub is the azp, and the agent may not act alone",
			w.issuer.Token(with(map[string]any{"sub": "marketing-client", "client_id": nil, "azp": "marketing-client"})),
			forbidden,
		},
		{"no human: idtyp, and the agent may not act alone", claim("idtyp", "app"), forbidden},
		{"no human: gty, and the agent may not act alone", claim("gty", "client-credentials"), forbidden},
		{"no human: Auth0's sub, and the agent may not act alone", claim("sub", "marketing-client@clients"), forbidden},
		{"a human, and the agent may only act alone", claim("client_id", "scanner-client"), forbidden},
		{"idtyp is not a string", claim("idtyp", map[string]any{"app": true}), no},
		{"a Keycloak service account", claim("preferred_username", "service-account-Marketing-Client"), no},
		{
			"an agent that acts for another agent",
			w.issuer.Token(issuer.Claims{Subject: "scanner-client", ClientID: "reporter-client"}),
			forbidden,
		},
		{
			"an agent that acts for another agent, marked as application",
			w.issuer.Token(
				issuer.Claims{Subject: "scanner-client", ClientID: "reporter-client", Extra: map[string]any{"idtyp": "app"}},
			),
			forbidden,
		},
		{
			"an agent that acts for an unregistered client",
			w.issuer.Token(issuer.Claims{Subject: "backend", ClientID: "backend", Actor: "reporter-client"}),
			forbidden,
		},
		{
			"an agent that acts for an unregistered application",
			w.issuer.Token(issuer.Claims{Subject: "service", Actor: "reporter-client", Extra: map[string]any{"idtyp": "app"}}),
			forbidden,
		},

		// groups and attributes
		{"groups is an object", claim("groups", map[string]any{"Privacy": true}), forbidden},
		{"groups is an array of arrays", claim("groups", []any{[]string{"Privacy"}}), forbidden},
		{"an attribute is an object", claim("country", map[string]any{"code": "EU"}), forbidden},
		{"groups are kept elsewhere", elsewhere("groups"), forbidden},
		{"an attribute is kept elsewhere", elsewhere("country"), forbidden},
		{"groups are left out", claim("hasgroups", true), forbidden},
	}
	if len(rows) < 40 {
		t.Errorf("the table has at least 40 rows: got %d", len(rows))
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p, err := w.bearer(row.token, "192.0.2.1")
			if got := code(err); got != row.want {
				t.Errorf("it is refused with %s: got %v, principal %+v", row.want, err, p)
			}
			if p.User != nil || p.Agent.ID != "" {
				t.Errorf("a refused token gives no principal: got %+v", p)
			}
			assertNothingOf(t, row.token, err)
		})
	}
	t.Run("and the ordinary one is not refused", func(t *testing.T) {
		if _, err := w.bearer(good, "192.0.2.1"); err != nil {
			t.Error(err)
		}
	})
}

// claims signs claims written as text, after our issuer and audience.
func claims(w *world, format string, args ...any) string {
	text := fmt.Sprintf(`{"iss":%q,"aud":%q,`+format+`}`, append([]any{w.issuer.URL(), audience}, args...)...)
	return w.issuer.Forge(issuer.Forgery{Payload: []byte(text)}, issuer.Claims{})
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// assertNothingOf fails when an error, or anything that it wraps, quotes the token or one of its claims.
func assertNothingOf(t *testing.T, token string, err error) {
	t.Helper()
	var refused *identity.AuthError
	if !errors.As(err, &refused) {
		return
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 && strings.Contains(err.Error(), part) {
			t.Errorf("no part of the token is in the refusal: %v", err)
		}
		decoded, _ := base64.RawURLEncoding.DecodeString(part)
		var members map[string]any
		if json.Unmarshal(decoded, &members) != nil {
			continue
		}
		for name, value := range members {
			if text, ok := value.(string); ok && len(text) > 4 && strings.Contains(err.Error(), text) {
				t.Errorf("the claim %s is not in the refusal: %v", name, err)
			}
		}
	}
}
