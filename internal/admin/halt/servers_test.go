package halt

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"encoding/pem"

	"deputy/internal/config"
)

func TestAddresses(t *testing.T) {
	tls := config.TLS{Certificate: "x.pem", Key: "x.key"}
	for _, tt := range []struct {
		server config.Server
		want   []Address
	}{
		{config.Server{Listen: "127.0.0.1:8080"}, []Address{{URL: "http://127.0.0.1:8080", Own: true}}},
		{config.Server{Listen: "0.0.0.0:8080", PublicURL: "https://deputy.example.com"},
			[]Address{{URL: "http://localhost:8080", Own: true}}},
		{config.Server{Listen: ":8080"}, []Address{{URL: "http://localhost:8080", Own: true}}},
		{config.Server{Listen: "[::]:8443", PublicURL: "https://deputy.example.com", TLS: tls},
			[]Address{{URL: "https://localhost:8443", Name: "deputy.example.com", Own: true}}},
		{config.Server{Listen: "127.0.0.1:0"}, nil},
		{config.Server{}, nil},
		{config.Server{Listen: "127.0.0.1:0", Replicas: []string{"http://a:1/", "https://b"}},
			[]Address{{URL: "http://a:1"}, {URL: "https://b"}}},
	} {
		if got := Addresses(tt.server); !slices.Equal(got, tt.want) {
			t.Errorf("%+v is asked at %+v", tt.server, got)
		}
	}
}

func serving(t *testing.T, answer http.HandlerFunc) Address {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return Address{URL: s.URL}
}

func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

const (
	hash = "0123456789abcdef0123456789abcdef"
	has  = `{"message":"ready","stops":"` + hash + `"}`
)

func wanted() (Lists, error) { return Lists{File: hash}, nil }

func TestServersAreAsked(t *testing.T) {
	right := serving(t, saying(200, has))
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, tt := range map[string]struct {
		at   Address
		want Standing
	}{
		"it has it":            {right, Has},
		"it has it, not ready": {serving(t, saying(503, has)), Has},
		"another one":          {serving(t, saying(200, `{"message":"ready","stops":"ffff"}`)), HasAnother},
		"none":                 {serving(t, saying(200, `{"message":"ready","stops":"none"}`)), HasAnother},
		"unreadable":           {serving(t, saying(503, `{"message":"x","stops":"unreadable"}`)), CannotRead},
		"an older Deputy":      {serving(t, saying(200, `{"message":"ready"}`)), NoAnswer},
		"another program":      {serving(t, saying(200, hash)), NoAnswer},
		"nothing there":        {Address{URL: closed.URL}, NoAnswer},
		"nothing at its own":   {Address{URL: closed.URL, Own: true}, NotRunning},
		"another program, own": {Address{URL: serving(t, saying(200, "hello")).URL, Own: true}, NoAnswer},
		"sent to one that has it": {serving(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, right.URL+"/readyz", http.StatusFound)
		}), NoAnswer},
	} {
		got, err := Ask(t.Context(), config.Server{}, []Address{tt.at, right}, wanted, 0)
		if err != nil || got[0].Standing != tt.want || got[1].Standing != Has || got[0].URL != tt.at.URL {
			t.Errorf("%s: %+v (%v)", name, got, err)
		}
		if got[0].InForce() != (tt.want == Has || tt.want == NotRunning) {
			t.Errorf("%s: in force: %t", name, got[0].InForce())
		}
	}
}

// Where servers share a list too, one of both lists stops a party, and both let it in again. A server on another
// machine may have no file, or one that stops the party as well.
func TestSharedListIsAskedFor(t *testing.T) {
	const shared = "fedcba9876543210fedcba9876543210"
	says := func(file, shared string) string {
		return fmt.Sprintf(`{"message":"x","stops":%q,"shared_stops":%q}`, file, shared)
	}
	for name, tt := range map[string]struct {
		says          string
		stops, letsIn Standing
	}{
		"both":                    {says(hash, shared), Has, Has},
		"the file alone":          {says(hash, "other"), Has, HasAnother},
		"the shared one, no file": {says("none", shared), Has, Has},
		"the shared one":          {says("other", shared), Has, HasAnother},
		"neither":                 {says("other", "other"), HasAnother, HasAnother},
		"a stale one":             {says(hash, "closed"), CannotRead, CannotRead},
		"a server that has none":  {has, Has, HasAnother},
	} {
		at := serving(t, saying(200, tt.says))
		for both, want := range map[bool]Standing{false: tt.stops, true: tt.letsIn} {
			wanted := func() (Lists, error) { return Lists{File: hash, Shared: shared, Both: both}, nil }
			got, err := Ask(t.Context(), config.Server{}, []Address{at}, wanted, 0)
			if err != nil || got[0].Standing != want {
				t.Errorf("%s, both %t: %+v (%v)", name, both, got, err)
			}
		}
	}
}

// A server that is slow to have the list is waited for, and the list that is wanted may be another one meanwhile.
func TestServersAreWaitedFor(t *testing.T) {
	var asked atomic.Int64
	at := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			fmt.Fprint(w, `{"stops":"none"}`)
			return
		}
		fmt.Fprint(w, `{"stops":"another"}`)
	})
	n := 0
	got, err := Ask(t.Context(), config.Server{}, []Address{at}, func() (Lists, error) {
		if n++; n < 3 {
			return Lists{File: hash}, nil
		}
		return Lists{File: "another"}, nil
	}, time.Minute)
	if err != nil || got[0].Standing != Has {
		t.Errorf("%+v (%v)", got, err)
	}
	if _, err := Ask(t.Context(), config.Server{}, []Address{at}, func() (Lists, error) {
		return Lists{}, errors.New("changed")
	}, time.Minute); err == nil {
		t.Error("a change that is gone from the list is waited for")
	}
}

// The configured certificate is believed for the public name, though it is asked by the address; a stranger's is not.
func TestOwnCertificateIsBelieved(t *testing.T) {
	s := httptest.NewTLSServer(saying(200, has))
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "deputy.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}),
		0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		certificate, public string
		want                Standing
	}{"its own": {file, "example.com", Has}, "for another name": {file, "deputy.test", NoAnswer}, "unknown": {"",
		"example.com", NoAnswer}} {
		got, err := Ask(t.Context(), config.Server{TLS: config.TLS{Certificate: tt.certificate}}, []Address{{URL: s.URL,
			Name: tt.public, Own: true}}, wanted, 0)
		if err != nil || got[0].Standing != tt.want ||
			tt.want != Has && !strings.Contains(got[0].Detail, "certificate") {
			t.Errorf("%s: %+v (%v)", name, got, err)
		}
	}
}
