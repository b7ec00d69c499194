package oidc_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/testkit/issuer"
)

func TestAHundredBadTokensCauseFewFetches(t *testing.T) {
	w := newWorld(t)
	foreign := startIssuer(t, w.clock)
	before := w.issuer.Fetches()
	for n := range 100 {
		bad := foreign.Forge(issuer.Forgery{KeyID: fmt.Sprint("guess ", n)}, with(map[string]any{"iss": w.issuer.URL()}))
		if _, err := w.bearer(bad, fmt.Sprintf("192.0.2.1:%d", 1024+n)); code(err) != identity.InvalidToken {
			t.Fatalf("a token of an unknown key is refused: got %v", err)
		}
	}
	if got := w.issuer.Fetches() - before; got > 1 {
		t.Errorf("one address causes one fetch at a time: got %d", got)
	}

	w.issuer.Rotate()
	fresh := w.issuer.Token(taylor())
	if _, err := w.bearer(fresh, "192.0.2.2"); err != nil {
		t.Errorf("somebody else's good token passes after a key rotation: %v", err)
	}
	if _, err := w.bearer(fresh, "192.0.2.1"); err != nil {
		t.Errorf("and then passes from everywhere: %v", err)
	}
}

func TestAKeyRotationIsFoundFromABusyAddress(t *testing.T) {
	w := newWorld(t)
	w.issuer.Rotate()
	token := w.issuer.Token(taylor())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := w.bearer(token, "192.0.2.1"); err != nil {
				t.Errorf("calls that arrive together share the fetch of the new keys: %v", err)
			}
		})
	}
	all.Wait()
}

func TestManyAddressesTogetherAreBounded(t *testing.T) {
	w := newWorld(t)
	foreign := startIssuer(t, w.clock)
	bad := foreign.Token(with(map[string]any{"iss": w.issuer.URL()}))
	good := w.issuer.Token(taylor())
	before := w.issuer.Fetches()
	for n := range 200 {
		w.bearer(bad, fmt.Sprintf("198.51.100.%d", n))
		if _, err := w.bearer(good, "192.0.2.2"); err != nil {
			t.Fatalf("good tokens pass during an attack: %v", err)
		}
	}
	if got := w.issuer.Fetches() - before; got > 30 {
		t.Errorf("the issuer is asked at most 30 times: got %d", got)
	}
	w.clock.Advance(10 * time.Second)
	w.issuer.Rotate()
	if _, err := w.bearer(w.issuer.Token(taylor()), "192.0.2.2"); err != nil {
		t.Errorf("a rotation is found again when the attack is over: %v", err)
	}
}

func TestAnIssuerThatIsDownAtTheStart(t *testing.T) {
	c := newClock()
	iss := startIssuer(t, c)
	iss.SetDown(true)
	a := newAuthenticator(t, identity.Config{Issuers: []identity.IssuerConfig{{URL: iss.URL(), Audience: audience}}}, c)
	w := &world{a, iss, c}

	if err := w.Ready(context.Background()); err == nil {
		t.Error("it is not ready without keys")
	}
	if _, err := w.bearer(iss.Token(taylor()), ""); code(err) != identity.Unavailable {
		t.Errorf("a call is refused as unavailable while there are no keys: got %v", err)
	}
	iss.SetDown(false)
	if _, err := w.bearer(iss.Token(taylor()), ""); code(err) != identity.Unavailable || iss.Fetches() != 0 {
		t.Errorf("the issuer is left alone for a moment after a failure: got %v and %d fetches", err, iss.Fetches())
	}
	c.Advance(2 * time.Second)
	if _, err := w.bearer(iss.Token(taylor()), ""); err != nil {
		t.Errorf("calls pass when the issuer is up again: %v", err)
	}
	if err := w.Ready(context.Background()); err != nil {
		t.Errorf("it is ready with keys: %v", err)
	}
}

func TestAnIssuerThatGoesDownLater(t *testing.T) {
	w := newWorld(t)
	token := func() string { return w.issuer.Token(taylor()) }
	w.issuer.SetDown(true)
	if _, err := w.bearer(token(), ""); err != nil {
		t.Errorf("calls go on with cached keys: %v", err)
	}
	known := startIssuer(
		t,
		w.clock,
	).Forge(issuer.Forgery{KeyID: w.issuer.PublicKey().KeyID}, with(map[string]any{"iss": w.issuer.URL()}))
	if _, err := w.bearer(known, "192.0.2.1"); code(err) != identity.InvalidToken {
		t.Errorf("a forgery under a known key is a forgery, whether the issuer is up or not: got %v", err)
	}
	w.clock.Advance(12 * time.Hour)
	if _, err := w.bearer(token(), ""); err != nil {
		t.Errorf("calls go on with old keys while the issuer cannot be asked: %v", err)
	}
	w.clock.Advance(24 * time.Hour)
	if _, err := w.bearer(token(), ""); code(err) != identity.Unavailable {
		t.Errorf("keys that nobody confirmed for a day are not believed: got %v", err)
	}
}

func TestAnUnknownKeyWhileTheIssuerIsDownIsNotCalledAForgery(t *testing.T) {
	w := newWorld(t)
	w.issuer.Rotate()
	w.issuer.SetDown(true)
	if _, err := w.bearer(w.issuer.Token(taylor()), "192.0.2.1"); code(err) != identity.Unavailable {
		t.Errorf("nobody can know whether it is good: got %v", err)
	}
}

func TestACallerThatGoesAwayIsNotKeptWaiting(t *testing.T) {
	c := newClock()
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hanging.Close()
	defer close(release)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	registry, err := identity.NewRegistry(agents())
	if err != nil {
		t.Fatal(err)
	}
	config := identity.Config{Issuers: []identity.IssuerConfig{{URL: hanging.URL, Audience: audience}}}
	a, err := oidc.New(gone, config, registry, oidc.Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	token := startIssuer(t, c).Token(with(map[string]any{"iss": hanging.URL}))
	if _, err := a.Authenticate(gone, identity.Credentials{Bearer: token}); code(err) != identity.Unavailable {
		t.Errorf("a cancelled call does not wait for the issuer: got %v", err)
	}
}

// TestIssuersThatMisbehave is the list of answers to discovery that give no keys. Those that the issuer will not mend
// by itself stop the start; the others are asked again.
func TestIssuersThatMisbehave(t *testing.T) {
	c := newClock()
	honest := startIssuer(t, c)
	document := func(issuer, keys string) string { return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, keys) }
	good := func(w http.ResponseWriter, _ *http.Request) { // so that only the document is wrong
		key := honest.PublicKey()
		encoded, _ := key.MarshalJSON()
		fmt.Fprintf(w, `{"keys":[%s]}`, encoded)
	}
	text := func(body func(self string) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body("http://"+r.Host)) }
	}
	rows := []struct {
		name      string
		discovery http.HandlerFunc
		keys      http.HandlerFunc
		stops     bool
	}{
		{
			"the document of another issuer",
			text(func(string) string { return document(honest.URL(), honest.URL()+"/keys") }),
			good,
			true,
		},
		{
			"the issuer only in other case",
			text(func(self string) string { return fmt.Sprintf(`{"Issuer":%q,"jwks_uri":"%s/keys"}`, self, self) }),
			good,
			true,
		},
		{"no key set", text(func(self string) string { return fmt.Sprintf(`{"issuer":%q}`, self) }), good, true},
		{
			"a key set in the clear elsewhere",
			text(func(self string) string { return document(self, "http://keys.example/keys") }),
			good,
			true,
		},
		{"a key set in a file", text(func(self string) string { return document(self, "file:///etc/keys") }), good, true},
		{
			"a key set at an internal address",
			text(func(self string) string { return document(self, "https://169.254.169.254/keys") }),
			good,
			true,
		},
		{"a document that names two issuers", text(func(self string) string {
			return fmt.Sprintf(`{"issuer":"x","issuer":%q,"jwks_uri":"%s/keys"}`, self, self)
		}), good, false},
		{"a document that redirects", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, honest.URL()+r.URL.Path, http.StatusFound)
		}, good, false},
		{"a document without end", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"x":"`+strings.Repeat("x", 1<<20)+`",`+document("http://"+r.Host, "http://"+r.Host+"/keys")[1:])
		}, good, false},
		{
			"a page instead of a document",
			text(func(string) string { return "<html>down for maintenance</html>" }),
			good,
			false,
		},
		{"an error with a good document", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, document("http://"+r.Host, "http://"+r.Host+"/keys"))
		}, good, false},
		{
			"keys that redirect",
			text(func(self string) string { return document(self, self+"/keys") }),
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, honest.URL()+"/keys", http.StatusFound)
			},
			false,
		},
		{
			"no keys in the key set",
			text(func(self string) string { return document(self, self+"/keys") }),
			text(func(string) string { return `{"keys":[]}` }),
			false,
		},
		{
			"a secret key in the key set",
			text(func(self string) string { return document(self, self+"/keys") }),
			text(func(string) string {
				return `{"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}]}`
			}),
			false,
		},
		{
			"an encryption key in the key set",
			text(func(self string) string { return document(self, self+"/keys") }),
			text(func(string) string {
				key := honest.PublicKey()
				key.Use = "enc"
				encoded, _ := key.MarshalJSON()
				return `{"keys":[` + string(encoded) + `]}`
			}),
			false,
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/.well-known/openid-configuration", row.discovery)
			mux.HandleFunc("/keys", row.keys)
			server := httptest.NewServer(mux)
			defer server.Close()
			registry, err := identity.NewRegistry(agents())
			if err != nil {
				t.Fatal(err)
			}
			config := identity.Config{Issuers: []identity.IssuerConfig{{URL: server.URL, Audience: audience}}}
			a, err := oidc.New(context.Background(), config, registry, oidc.Options{Now: c.Now})
			if row.stops {
				if err == nil {
					t.Error("it stops the start")
				}
				return
			}
			if err != nil {
				t.Fatalf("it does not stop the start: %v", err)
			}
			token := honest.Token(with(map[string]any{"iss": server.URL}))
			if _, err := a.Authenticate(context.Background(), identity.Credentials{Bearer: token}); code(
				err,
			) != identity.Unavailable {
				t.Errorf("calls are refused as unavailable: got %v", err)
			}
		})
	}
}
