package oidc_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"deputy/identity"
	"deputy/internal/testkit/issuer"
)

// bound is a world with a client that has a key, and a token of taylor's that is bound to it.
type bound struct {
	*world
	key   *issuer.Prover
	token string
}

func newBound(t *testing.T, change ...func(*identity.Config)) *bound {
	t.Helper()
	w := newWorld(t, change...)
	key := issuer.NewProver(w.clock.Now)
	return &bound{w, key, w.issuer.Token(with(map[string]any{"cnf": key.Confirmation()}))}
}

// proved is a call with a token and a proof, as the server sees its request.
func (b *bound) proved(token, proof string) (identity.Principal, error) {
	return b.Authenticate(
		context.Background(),
		identity.Credentials{Bearer: token, Proof: &identity.Proof{JWT: proof, Method: "POST", URL: audience}},
	)
}

// TestProofs is the list of proofs that come with a token that is bound to a key.
func TestProofs(t *testing.T) {
	b := newBound(t)
	other := issuer.NewProver(b.clock.Now)
	bend := func(header, claims map[string]any) string {
		return b.key.Proof("POST", audience, b.token, issuer.Bend{Header: header, Claims: claims})
	}
	claim := func(name string, value any) string { return bend(nil, map[string]any{name: value}) }
	header := func(name string, value any) string { return bend(map[string]any{name: value}, nil) }
	parts := func(proof string) []string { return strings.Split(proof, ".") }
	good, robins := claim("x", 1), parts(claim("sub", "robin"))
	private := b.key.Private()
	public := private.Public()
	const ok, no = identity.Code(""), identity.InvalidProof
	rows := []struct {
		name, proof string
		want        identity.Code
	}{
		{"good", good, ok},
		{"typ in capitals", header("typ", "DPoP+JWT"), ok},
		{"the host in capitals", claim("htu", "https://DEPUTY.example/mcp"), ok},
		{"the default port", claim("htu", "https://deputy.example:443/mcp"), ok},
		{"a minute old", claim("iat", noon.Unix()-60), ok},
		{"a minute ahead", claim("iat", noon.Unix()+60), ok},
		{
			"the key says what it is for",
			header("jwk", jose.JSONWebKey{Key: public.Key, Use: "sig", Algorithm: "ES256", KeyID: "k"}),
			ok,
		},

		{"no proof", "", no},
		{"not a JWT", "proof", no},
		{"longer than 8 KiB", claim("x", strings.Repeat("x", 8<<10)), no},
		{"the access token itself", b.token, no},
		{"no typ", header("typ", nil), no},
		{"typ of an access token", header("typ", "at+jwt"), no},
		{"alg none", header("alg", "none"), no},
		{"alg none without a signature", strings.Join(parts(header("alg", "none"))[:2], ".") + ".", no},
		{"HS256", header("alg", "HS256"), no},
		{"an algorithm that is not that of the key", header("alg", "EdDSA"), no},
		{"a critical header", bend(map[string]any{"crit": []string{"x"}, "x": 1}, nil), no},
		{"no key", header("jwk", nil), no},
		{"a key that is null", header("jwk", []any{nil}), no},
		{"a private key", header("jwk", private), no},
		{"a secret as key", header("jwk", map[string]any{"kty": "oct", "k": "c2VjcmV0"}), no},
		{"a key for encryption", header("jwk", jose.JSONWebKey{Key: public.Key, Use: "enc"}), no},
		{"a key for another algorithm", header("jwk", jose.JSONWebKey{Key: public.Key, Algorithm: "ES384"}), no},
		{"another key", other.Proof("POST", audience, b.token), no},
		{
			"another key under this one's name",
			other.Proof("POST", audience, b.token, issuer.Bend{Header: map[string]any{"jwk": public}}),
			no,
		},
		{"claims exchanged under the signature", parts(good)[0] + "." + robins[1] + "." + parts(good)[2], no},
		{"no htm", claim("htm", nil), no},
		{"another method", claim("htm", "GET"), no},
		{"the method in other case", claim("htm", "post"), no},
		{"no htu", claim("htu", nil), no},
		{"another host", claim("htu", "https://other.example/mcp"), no},
		{"a longer host", claim("htu", "https://deputy.example.evil.example/mcp"), no},
		{"another scheme", claim("htu", "http://deputy.example/mcp"), no},
		{"another scheme on the same port", claim("htu", "http://deputy.example:443/mcp"), no},
		{"another port", claim("htu", "https://deputy.example:8443/mcp"), no},
		{"another path", claim("htu", "https://deputy.example/mcp/"), no},
		{"the path in other case", claim("htu", "https://deputy.example/MCP"), no},
		{"a query", claim("htu", audience+"?x"), no},
		{"a fragment", claim("htu", audience+"#"), no},
		{"a user", claim("htu", "https://user@deputy.example/mcp"), no},
		{"no ath", claim("ath", nil), no},
		{"another token's ath", b.key.Proof("POST", audience, b.token+"x"), no},
		{"no iat", claim("iat", nil), no},
		{"older than a minute", claim("iat", noon.Unix()-61), no},
		{"more than a minute ahead", claim("iat", noon.Unix()+61), no},
		{"iat is text", claim("iat", fmt.Sprint(noon.Unix())), no},
		{"expired", claim("exp", noon.Unix()), no},
		{"not valid yet", claim("nbf", noon.Unix()+120), no},
		{"no jti", claim("jti", nil), no},
		{"an empty jti", claim("jti", ""), no},
		{"a long jti", claim("jti", strings.Repeat("x", 257)), no},
		{"Jti", bend(nil, map[string]any{"jti": nil, "Jti": "x"}), no},
		{"the good one again", good, no},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p, err := b.proved(b.token, row.proof)
			if code(err) != row.want {
				t.Fatalf("the call is refused with %q: got %v", row.want, err)
			}
			if row.want == ok {
				assertParties(t, p, "marketing", "taylor")
			}
			assertNothingOf(t, row.proof, err)
		})
	}
}

// TestBoundTokens is the list of ways to bring a token that is bound to something, or is not.
func TestBoundTokens(t *testing.T) {
	b := newBound(t)
	free := b.issuer.Token(taylor())
	cnf := func(value any) string { return b.issuer.Token(with(map[string]any{"cnf": value})) }
	jkt := b.key.Confirmation()["jkt"]
	fresh := func(token string) *identity.Proof {
		return &identity.Proof{JWT: b.key.Proof("POST", audience, token), Method: "POST", URL: audience}
	}
	helper := b.issuer.Token(
		issuer.Claims{Subject: "taylor", ClientID: "reporter-client", Extra: map[string]any{"cnf": b.key.Confirmation()}},
	)
	for name, given := range map[string]identity.Credentials{
		"a bound token as bearer":              {Bearer: b.token},
		"a bound token that is relayed":        {Bearer: reporterKey, UserToken: helper},
		"a bound token over stdio":             {AgentKey: reporterKey, UserToken: helper},
		"a free token with a proof":            {Bearer: free, Proof: fresh(free)},
		"a key with a proof":                   {Bearer: reporterKey, Proof: fresh(reporterKey)},
		"a key with a proof and a user's":      {Bearer: reporterKey, UserToken: helper, Proof: fresh(helper)},
		"a token bound to a certificate":       {Bearer: cnf(map[string]any{"x5t#S256": jkt})},
		"a token bound to a certificate, both": {Bearer: cnf(map[string]any{"jkt": jkt, "x5t#S256": jkt}), Proof: fresh(cnf(map[string]any{"jkt": jkt, "x5t#S256": jkt}))},
		"a token bound to nothing said":        {Bearer: cnf(map[string]any{})},
		"cnf is an empty list":                 {Bearer: cnf([]any{})},
		"cnf is text":                          {Bearer: cnf("jkt")},
		"an empty jkt":                         {Bearer: cnf(map[string]any{"jkt": ""})},
		"JKT":                                  {Bearer: cnf(map[string]any{"JKT": jkt})},
		"a padded jkt":                         {Bearer: cnf(map[string]any{"jkt": jkt.(string) + "="})},
		"typ DPoP in a token bound to nothing": {Bearer: b.issuer.Token(with(map[string]any{"typ": "DPoP"}))},
	} {
		if _, err := b.Authenticate(context.Background(), given); code(err) != identity.InvalidToken {
			t.Errorf("%s is refused as invalid: got %v", name, err)
		}
	}
	keycloaks := b.issuer.Token(with(map[string]any{"cnf": b.key.Confirmation(), "typ": "DPoP"}))
	if _, err := b.proved(keycloaks, b.key.Proof("POST", audience, keycloaks)); err != nil {
		t.Errorf("Keycloak's word for a bound token is understood: %v", err)
	}
}

func TestAnIssuersTokensCanHaveToBeBound(t *testing.T) {
	b := newBound(t, func(c *identity.Config) { c.Issuers[0].DPoP = identity.DPoPRequired })
	if _, err := b.bearer(b.issuer.Token(taylor()), ""); code(err) != identity.InvalidToken {
		t.Errorf("one that is not is refused: got %v", err)
	}
	if _, err := b.proved(b.token, b.key.Proof("POST", audience, b.token)); err != nil {
		t.Errorf("one that is, and proved, is taken: %v", err)
	}
}

func TestAnOpaqueTokenCanBeBound(t *testing.T) {
	b := newBound(t, introspecting)
	token := b.issuer.Opaque(with(map[string]any{"cnf": b.key.Confirmation(), "token_type": "DPoP"}))
	for range 2 { // asked about, and remembered
		if _, err := b.proved(token, b.key.Proof("POST", audience, token)); err != nil {
			t.Errorf("with a proof it is taken: %v", err)
		}
		if _, err := b.bearer(token, ""); code(err) != identity.InvalidToken {
			t.Errorf("without one it is refused: got %v", err)
		}
	}
}

func TestAProofIsUsedOnceAndByOneRequest(t *testing.T) {
	b := newBound(t)
	jwt := b.key.Proof("POST", audience, b.token)
	request := identity.Credentials{Bearer: b.token, Proof: &identity.Proof{JWT: jwt, Method: "POST", URL: audience}}
	for range 2 {
		if _, err := b.Authenticate(context.Background(), request); err != nil {
			t.Fatalf("one request may be proved again, as when the configuration has changed: %v", err)
		}
	}
	if _, err := b.proved(b.token, jwt); code(err) != identity.InvalidProof {
		t.Errorf("another request may not have the same proof: got %v", err)
	}
	ahead := b.key.Proof("POST", audience, b.token, issuer.Bend{Claims: map[string]any{"iat": noon.Unix() + 60}})
	if _, err := b.proved(b.token, ahead); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		if _, err := b.proved(b.token, ahead); code(err) != identity.InvalidProof {
			t.Errorf("nor for as long as it could be taken: got %v", err)
		}
		b.clock.Advance(10 * time.Second)
		b.proved(b.token, b.key.Proof("POST", audience, b.token)) // others come meanwhile
	}
}

func TestAPersonsTokenCanBeBound(t *testing.T) {
	b := newBound(t, func(c *identity.Config) { c.Issuers[0].StewardClients = []string{"access-desk"} })
	token := b.issuer.Token(
		issuer.Claims{
			Subject:  "taylor",
			ClientID: "access-desk",
			Extra:    map[string]any{"scope": "approve", "cnf": b.key.Confirmation()},
		},
	)
	const desk = "https://deputy.example/requests"
	if _, err := b.Person(context.Background(), identity.Credentials{Bearer: token}); code(err) != identity.InvalidToken {
		t.Errorf("a bound token alone is no person: got %v", err)
	}
	jwt := b.key.Proof("GET", desk, token)
	who, err := b.Person(
		context.Background(),
		identity.Credentials{Bearer: token, Proof: &identity.Proof{JWT: jwt, Method: "GET", URL: desk}},
	)
	if err != nil || who.ID != "taylor" {
		t.Errorf("with a proof it is: got %+v, %v", who, err)
	}
	if _, err := b.Person(context.Background(), identity.Credentials{Bearer: token, Proof: &identity.Proof{JWT: jwt, Method: "GET", URL: desk}}); code(
		err,
	) != identity.InvalidProof {
		t.Errorf("once: got %v", err)
	}
}
