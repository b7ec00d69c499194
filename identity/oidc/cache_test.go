package oidc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"deputy/identity"
)

// vault is an authenticator whose issuers' signatures are counted, and whose clock and keys the test holds.
type vault struct {
	*Authenticator
	registry *identity.Registry
	now      time.Time
	key      *jose.JSONWebKey
	keys     []jose.JSONWebKey // that the issuers have
	verified int               // signatures
}

type countingKeys struct {
	goidc.KeySet
	count *int
}

func (k countingKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	*k.count++
	return k.KeySet.VerifySignature(ctx, jwt)
}

// newVault has issuers named https://NAME.example that share one key, as no two do.
func newVault(t testing.TB, names ...string) *vault {
	t.Helper()
	config := identity.Config{}
	for _, name := range names {
		config.Issuers = append(
			config.Issuers,
			identity.IssuerConfig{Name: name, URL: "https://" + name + ".example", Audience: "us"},
		)
	}
	return vaultOf(t, config)
}

func vaultOf(t testing.TB, config identity.Config) *vault {
	t.Helper()
	v := &vault{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), key: newKey(t, "k")}
	v.keys = []jose.JSONWebKey{v.key.Public()}
	var err error
	v.registry, err = identity.NewRegistry(
		[]identity.AgentConfig{{Name: "marketing", ClientIDs: []string{"chat"}, Groups: []string{"Agents"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return v.now }
	if v.Authenticator, err = offline(config, v.registry, Options{Now: now}); err != nil {
		t.Fatal(err)
	}
	for _, iss := range v.tokens.issuers {
		iss.keys.fetch = func(context.Context) ([]jose.JSONWebKey, error) { return slices.Clone(v.keys), nil }
		iss.verifier = goidc.NewVerifier(
			iss.url,
			countingKeys{iss.keys, &v.verified},
			&goidc.Config{ClientID: "us", SupportedSigningAlgs: []string{"ES256"}, Now: now},
		)
	}
	return v
}

// token is signed with the vault's key; the claims come after issuer, audience, client and expiry.
func (v *vault) token(t testing.TB, issuer, format string, args ...any) string {
	t.Helper()
	return signAs(
		t,
		v.key,
		fmt.Appendf(nil, `{"iss":"https://%s.example","aud":"us","client_id":"chat","exp":%d,`+format+`}`,
			append([]any{issuer, v.now.Add(time.Hour).Unix()}, args...)...),
	)
}

func signAs(t testing.TB, key *jose.JSONWebKey, payload []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: key},
		(&jose.SignerOptions{}).WithType("at+jwt"),
	)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (v *vault) call(token string) (identity.Principal, identity.Code) {
	p, err := v.Authenticate(context.Background(), identity.Credentials{Bearer: token, ClientAddress: "192.0.2.1"})
	var refused *identity.AuthError
	if errors.As(err, &refused) {
		return p, refused.Code
	}
	return p, ""
}

func TestASignatureIsVerifiedOnce(t *testing.T) {
	v := newVault(t, "id")
	token := v.token(t, "id", `"sub":"taylor"`)
	for range 5 {
		if _, code := v.call(token); code != "" {
			t.Fatal(code)
		}
	}
	if v.verified != 1 {
		t.Errorf("of five calls with one token %d verify a signature", v.verified)
	}
	v.now = v.now.Add(cachedFor)
	v.call(token)
	if v.verified != 2 {
		t.Errorf("what was verified does not count for ever: %d", v.verified)
	}
}

func TestWhatIsLikeAKnownTokenIsNotKnown(t *testing.T) {
	v := newVault(t, "id")
	token := v.token(t, "id", `"sub":"taylor"`)
	if _, code := v.call(token); code != "" {
		t.Fatal(code)
	}
	for name, other := range map[string]string{
		"the same without its last letter": token[:len(token)-1],
		"the same with a letter more":      token + "A",
		"the same without a signature":     token[:len(token)-86],
		"the same with a space":            token + " ",
		"only the signature is another":    token[:len(token)-86] + v.token(t, "id", `"sub":"robin"`)[len(token)-87:],
	} {
		if _, code := v.call(other); code != identity.InvalidToken {
			t.Errorf("%s is refused: got %q", name, code)
		}
	}
}

func TestAKnownTokenIsJudgedByTheClock(t *testing.T) {
	v := newVault(t, "id")
	token := signAs(
		t,
		v.key,
		fmt.Appendf(
			nil,
			`{"iss":"https://id.example","aud":"us","client_id":"chat","sub":"taylor","exp":%d}`,
			v.now.Add(time.Minute).Unix(),
		),
	)
	if _, code := v.call(token); code != "" {
		t.Fatal(code)
	}
	v.now = v.now.Add(time.Minute - time.Second)
	if _, code := v.call(token); code != "" || v.verified != 1 {
		t.Errorf("to its last second it is known: %q", code)
	}
	v.now = v.now.Add(time.Second)
	if _, code := v.call(token); code != identity.InvalidToken {
		t.Errorf("a known token expires to the second: got %q", code)
	}
}

func TestAKeyThatIsWithdrawnTakesItsKnownTokensAlong(t *testing.T) {
	v := newVault(t, "id")
	token := v.token(t, "id", `"sub":"taylor"`)
	if _, code := v.call(token); code != "" {
		t.Fatal(code)
	}
	other := newKey(t, "other")
	v.keys = []jose.JSONWebKey{other.Public()}
	if _, code := v.call(signAs(t, other, fmt.Appendf(nil, `{"iss":"https://id.example","aud":"us","client_id":"chat","sub":"taylor","exp":%d}`, v.now.Add(time.Hour).Unix()))); code != "" {
		t.Fatalf("a token of the new key has the keys fetched: %q", code)
	}
	if _, code := v.call(token); code != identity.InvalidToken {
		t.Errorf("a token of the key that is gone is refused at once, known or not: got %q", code)
	}
}

func TestAKnownTokenIsThatOfItsIssuerOnly(t *testing.T) {
	v := newVault(t, "a", "b")
	token := v.token(t, "a", `"sub":"taylor"`)
	for range 2 {
		if p, code := v.call(token); code != "" || p.User.ID != "a/taylor" {
			t.Fatalf("the token is of a: got %+v, %q", p.User, code)
		}
		if p, code := v.call(v.token(t, "b", `"sub":"taylor"`)); code != "" || p.User.ID != "b/taylor" {
			t.Errorf("the same person at b is another: got %+v, %q", p.User, code)
		}
	}
	without, err := offline(
		identity.Config{Issuers: []identity.IssuerConfig{{URL: "https://b.example", Audience: "us"}}},
		v.registry,
		Options{Now: func() time.Time { return v.now }},
	)
	if err != nil {
		t.Fatal(err)
	}
	without.tokens.cache = v.tokens.cache // as if it were shared: what is found still belongs to a
	v.Authenticator = without
	if _, code := v.call(v.token(t, "a", `"sub":"robin"`)); code != identity.InvalidToken {
		t.Errorf("an issuer that is not configured is not trusted: got %q", code)
	}
}

func TestWhatACallerDoesWithAPrincipalIsNotInTheNextOne(t *testing.T) {
	v := vaultOf(t, identity.Config{
		Issuers: []identity.IssuerConfig{{URL: "https://id.example", Audience: "us"}},
		Users: []identity.UserConfig{
			{ID: "taylor", Groups: []string{"Berlin"}, Attributes: map[string]identity.Values{"desk": {"4"}}},
		},
	})
	v.tokens.issuers[0].claims.Attributes = map[string]string{"region": "region"}
	token := v.token(t, "id", `"sub":"taylor","groups":["Marketing"],"region":["EAST"]`)
	p, code := v.call(token)
	if code != "" {
		t.Fatal(code)
	}
	p.User.Groups[0], p.User.Attributes["region"][0], p.User.Attributes["admin"] = "Privacy", "WEST", []string{"yes"}
	p, _ = v.call(token)
	if v.verified != 1 || !slices.Equal(p.User.Groups, []string{"Marketing", "Berlin"}) ||
		p.User.Attributes["region"][0] != "EAST" ||
		p.User.Has("admin", "yes") {
		t.Errorf("the next principal is as the token says: got %+v", p.User)
	}
}

func TestOnlyGoodTokensAreKept(t *testing.T) {
	v := newVault(t, "id")
	for _, bad := range []string{
		"x", v.token(t, "elsewhere", `"sub":"taylor"`), v.token(t, "id", `"sub":"taylor","nonce":"n"`),
		signAs(t, newKey(t, "k"), []byte(`{"iss":"https://id.example"}`)),
	} {
		if _, code := v.call(bad); code != identity.InvalidToken {
			t.Errorf("a bad token is refused: got %q", code)
		}
	}
	if n := v.tokens.cache.tokens.Len(); n != 0 {
		t.Errorf("of bad tokens %d are kept", n)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	c := newTokenCache()
	for n := range 3 * cachedTokens {
		c.add([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}, &vouched{})
	}
	if n := c.tokens.Len(); n != cachedTokens {
		t.Errorf("at most %d tokens are kept: got %d", cachedTokens, n)
	}
}

// BenchmarkAKnownToken measures a call with a token that is known against one with a token that is not, in one run.
func BenchmarkAKnownToken(b *testing.B) {
	v := newVault(b, "id")
	token := v.token(b, "id", `"sub":"taylor","name":"Taylor","groups":["Marketing","Sales"],"scope":"query describe"`)
	each := func(forget bool) time.Duration {
		began := time.Now()
		for range b.N {
			if forget {
				v.tokens.cache.tokens.Purge()
			}
			if _, code := v.call(token); code != "" {
				b.Fatal(code)
			}
		}
		return time.Since(began)
	}
	unknown := each(true)
	b.ResetTimer()
	known := each(false)
	b.ReportMetric(float64(unknown.Nanoseconds())/float64(b.N), "ns/unknown")
	b.ReportMetric(float64(unknown)/float64(known), "times")
}
