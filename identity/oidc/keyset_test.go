package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestAWithdrawnKeyIsForgotten holds the issuer's answer back to see that old keys are renewed beside the calls, not in
// their way.
func TestAWithdrawnKeyIsForgotten(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	old, other := newKey(t, "old"), newKey(t, "other")
	answers := make(chan []jose.JSONWebKey, 1)
	set := &keySet{
		fetch:      func(context.Context) ([]jose.JSONWebKey, error) { return <-answers, nil },
		algorithms: []jose.SignatureAlgorithm{jose.ES256},
		now:        func() time.Time { return now },
	}
	answers <- []jose.JSONWebKey{old.Public()}
	token := signed(t, old)
	if _, err := set.VerifySignature(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	now = now.Add(keysFresh + time.Second)
	if _, err := set.VerifySignature(t.Context(), token); err != nil {
		t.Errorf("a call does not wait while old keys are renewed: %v", err)
	}
	set.mu.Lock()
	renewing := set.fetching
	renewal, _ := set.take(t.Context(), now) // joins it
	set.mu.Unlock()
	if !renewing {
		t.Fatal("old keys are being renewed")
	}
	answers <- []jose.JSONWebKey{other.Public()}
	<-renewal
	answers <- []jose.JSONWebKey{other.Public()} // for the one fetch that a token of an unknown key may cause
	if _, err := set.VerifySignature(t.Context(), token); err == nil {
		t.Error("a key that the issuer withdrew no longer verifies")
	}
}

// TestManyCallsCauseOneFetch has calls wait together, and then one that has seen what they waited for.
func TestManyCallsCauseOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches, release := 0, make(chan struct{})
		set := &keySet{now: time.Now, fetch: func(context.Context) ([]jose.JSONWebKey, error) {
			fetches++
			<-release
			return []jose.JSONWebKey{newKey(t, "k").Public()}, nil
		}}
		var calls sync.WaitGroup
		for range 50 {
			calls.Go(func() {
				if _, err := set.current(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(release)
		calls.Wait()
		if fetches != 1 {
			t.Errorf("calls that wait together cause one fetch: got %d", fetches)
		}
		seen := set.latest
		if newer, err := set.newer(t.Context(), seen, "192.0.2.1"); err != nil || newer == seen || fetches != 2 {
			t.Errorf("a call that has seen the keys has them fetched anew: %d fetches, %v", fetches, err)
		}
	})
}

func TestACallThatLooksTooLateFindsWhatOthersFetched(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	seen, latest := &snapshot{fetched: now}, &snapshot{fetched: now}
	set := &keySet{now: func() time.Time { return now }, latest: latest}
	set.limit.allow("192.0.2.1", now)
	got, err := set.newer(t.Context(), seen, "192.0.2.1")
	if err != nil || got != latest {
		t.Errorf("keys that came in the meantime cost no fetch and need no budget: got %v, %v", got, err)
	}
}

func TestAFetchOutlivesTheCallThatStartedIt(t *testing.T) {
	key, now := newKey(t, "k"), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	release := make(chan struct{})
	set := &keySet{
		fetch: func(ctx context.Context) ([]jose.JSONWebKey, error) {
			<-release
			return []jose.JSONWebKey{key.Public()}, ctx.Err()
		},
		now: func() time.Time { return now },
	}
	first, leave := context.WithCancel(t.Context())
	leave()
	if _, err := set.current(first); err == nil {
		t.Error("a call that went away gets no keys")
	}
	close(release)
	if keys, err := set.current(t.Context()); err != nil || len(keys.keys) != 1 {
		t.Errorf("the next call gets the keys that were fetched for it: %v", err)
	}
}

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	set := &keySet{
		fetch: func(context.Context) ([]jose.JSONWebKey, error) { return nil, errSignature },
		now:   func() time.Time { return now },
	}
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		if _, err := set.current(t.Context()); err == nil {
			t.Fatal("there are no keys")
		}
		set.mu.Lock()
		got := set.retry.Sub(now)
		set.mu.Unlock()
		if got != want*time.Second {
			t.Errorf("failure %d is followed by a pause of %ds: got %v", n+1, want, got)
		}
		now = now.Add(got)
	}
}

func TestAKeyIsUsedOnlyForItsOwnAlgorithmAndName(t *testing.T) {
	key := newKey(t, "k")
	token := signed(t, key)
	for name, change := range map[string]func(*jose.JSONWebKey){
		"another algorithm": func(k *jose.JSONWebKey) { k.Algorithm = "ES384" },
		"another name":      func(k *jose.JSONWebKey) { k.KeyID = "other" },
	} {
		public := key.Public()
		change(&public)
		jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		if payload, known := (&snapshot{keys: []jose.JSONWebKey{public}}).verify(jws); payload != nil || known {
			t.Errorf("a key of %s is not tried", name)
		}
	}
}

func TestCallersAreToldApartByWhatTheyCannotChange(t *testing.T) {
	rows := []struct{ a, b string }{
		{"192.0.2.1:1024", "192.0.2.1:65535"},
		{"192.0.2.1", "[::ffff:192.0.2.1]:1024"},
		{"2001:db8:1:2::1", "[2001:db8:1:2:ffff::9]:1024"},
		{"fe80::1%eth0", "fe80::2%eth1"},
	}
	for _, row := range rows {
		if caller(row.a) != caller(row.b) {
			t.Errorf("%s and %s are one caller: got %s and %s", row.a, row.b, caller(row.a), caller(row.b))
		}
	}
	if caller("192.0.2.1:1") == caller("192.0.2.2:1") || caller("2001:db8:1:2::1") == caller("2001:db8:1:3::1") {
		t.Error("two networks are two callers")
	}
}

func TestAddressesThatAnIssuerMayName(t *testing.T) {
	rows := []struct {
		issuer, keys string
		ok           bool
	}{
		{"https://id.example/realm", "https://keys.example/realm?p=policy", true},
		{"https://10.0.0.5", "https://10.0.0.5/keys", true},
		{"http://127.0.0.1:9000", "http://localhost:9001/keys", true},
		{"http://127.0.0.1:9000", "https://keys.example/keys", true},
		{"https://id.example", "http://id.example/keys", false},
		{"https://id.example", "http://127.0.0.1/keys", false},
		{"https://id.example", "https://127.0.0.1/keys", false},
		{"https://id.example", "https://localhost/keys", false},
		{"https://id.example", "https://[::1]/keys", false},
		{"https://id.example", "https://[::ffff:169.254.169.254]/keys", false},
		{"https://id.example", "https://10.0.0.5/keys", false},
		{"https://id.example", "https://0.0.0.0/keys", false},
		{"https://id.example", "https://user:secret@keys.example/keys", false},
		{"https://id.example", "//keys.example/keys", false},
		{"https://id.example", "", false},
	}
	for _, row := range rows {
		r, err := newRemote(row.issuer, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range []string{"jwks_uri", "introspection_endpoint"} {
			_, err = r.named([]byte(`{"issuer":"`+row.issuer+`","`+what+`":"`+row.keys+`"}`), what)
			if (err == nil) != row.ok {
				t.Errorf("issuer %s may have its %s at %q: %v; got %v", row.issuer, what, row.keys, row.ok, err)
			}
		}
	}
}

// TestUsableKeys is what may stand in a key set and be believed.
func TestUsableKeys(t *testing.T) {
	ec := newKey(t, "k").Public()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name string
		key  jose.JSONWebKey
		want bool
	}{
		{"an EC key", ec, true},
		{"an RSA key of 2048 bits", jose.JSONWebKey{Key: &long.PublicKey, Use: "sig"}, true},
		{"an RSA key of 1024 bits", jose.JSONWebKey{Key: &short.PublicKey}, false},
		{"an encryption key", jose.JSONWebKey{Key: ec.Key, Use: "enc"}, false},
		{"a private key", jose.JSONWebKey{Key: long}, false},
		{"a secret", jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef")}, false},
	}
	for _, row := range rows {
		if got := usable(row.key); got != row.want {
			t.Errorf("%s is usable: %v; got %v", row.name, row.want, got)
		}
	}
}

// TestClaimsAreCheckedAgain goes past go-oidc and the choice of the issuer, which refuse these first.
func TestClaimsAreCheckedAgain(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	iss := &issuer{url: "https://id.example", audience: "us", now: func() time.Time { return now }}
	for text, want := range map[string]bool{
		`{"iss":"https://id.example","aud":"us","exp":1795435201}`:    true,
		`{"iss":"https://other.example","aud":"us","exp":1795435201}`: false,
		`{"aud":"us","exp":1795435201}`:                               false,
		`{"iss":"https://id.example","aud":"them","exp":1795435201}`:  false,
		`{"iss":"https://id.example","aud":[1],"exp":1795435201}`:     false,
		`{"iss":"https://id.example","exp":1795435201}`:               false,
		`{"iss":"https://id.example","aud":"us","exp":1795435200}`:    false,
		`{"iss":"https://id.example","aud":"us","exp":1e300}`:         false,
		`{"iss":"https://id.example","aud":"us"}`:                     false,
	} {
		c, err := decodeClaims([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := iss.checkClaims(c); (err == nil) != want {
			t.Errorf("%s is taken: %v; got %v", text, want, err)
		}
	}
}

// TestHeadersAreCheckedBeforeAnyKeyIsTried goes past go-jose, which refuses these algorithms too.
func TestHeadersAreCheckedBeforeAnyKeyIsTried(t *testing.T) {
	iss := &issuer{types: []string{"at+jwt"}, algorithms: []jose.SignatureAlgorithm{jose.ES256}}
	for text, want := range map[string]bool{
		`{"typ":"at+jwt","alg":"ES256"}`:             true,
		`{"typ":"at+jwt","alg":"none"}`:              false,
		`{"typ":"at+jwt","alg":"HS256"}`:             false,
		`{"typ":"at+jwt","alg":"es256"}`:             false,
		`{"typ":"at+jwt","Alg":"ES256"}`:             false,
		`{"typ":"at+jwt","alg":["ES256"]}`:           false,
		`{"Typ":"at+jwt","alg":"ES256"}`:             false,
		`{"typ":"at+jwt","alg":"ES256","crit":null}`: false,
	} {
		header, err := decodeClaims([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := iss.checkHeader(header); (err == nil) != want {
			t.Errorf("%s is taken: %v; got %v", text, want, err)
		}
	}
}

func newKey(t testing.TB, id string) *jose.JSONWebKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &jose.JSONWebKey{Key: private, KeyID: id, Algorithm: "ES256"}
}

func signed(t *testing.T, key *jose.JSONWebKey) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
