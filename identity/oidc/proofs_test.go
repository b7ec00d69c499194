package oidc

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"deputy/identity"
)

func TestUsedProofsAreBoundedAndForgottenOnlyWhenTheyAreWorthNothing(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	p := &Proofs{each: 10, all: 15}
	spend := func(key, id string) identity.Code {
		var refused *identity.AuthError
		if errors.As(p.spend(key, id, now), &refused) {
			return refused.Code
		}
		return ""
	}
	for n := range 10 {
		if code := spend("a", fmt.Sprint(n)); code != "" {
			t.Fatalf("proof %d is refused with %s", n, code)
		}
	}
	if code := spend("a", "one more"); code != identity.Unavailable {
		t.Errorf("a key that has used up its part gets no more: %q", code)
	}
	if code := spend("a", "3"); code != identity.InvalidProof {
		t.Errorf("a full memory still knows a replay: %q", code)
	}
	if code := spend("b", "3"); code != "" {
		t.Errorf("another key has a part and ids of its own: %q", code)
	}
	for n := range 4 {
		spend("c", fmt.Sprint(n))
	}
	if code := spend("d", "0"); code != identity.Unavailable {
		t.Errorf("together there is a limit too, and nothing is forgotten for it: %q", code)
	}
	now = now.Add(proofWindow - time.Second)
	if code := spend("a", "0"); code != identity.InvalidProof {
		t.Errorf("within the window a proof is a replay: %q", code)
	}
	now = now.Add(time.Second)
	if code := spend("a", "0"); code != identity.InvalidProof {
		t.Errorf("and is known when the memory is turned over: %q", code)
	}
	now = now.Add(proofWindow)
	if code := spend("a", "0"); code != "" {
		t.Errorf("later it is forgotten: its time has run out: %q", code)
	}
	now = now.Add(10 * proofWindow)
	spend("a", "1")
	if p.recent.count != 1 || p.older.count != 0 || len(p.older.ids) != 0 {
		t.Errorf("after a long silence only the newest is there: %d and %d", p.recent.count, p.older.count)
	}
}

// TestHeadersOfProofsAreCheckedBeforeTheirKeyIsUsed goes past go-jose, which refuses most of these too.
func TestHeadersOfProofsAreCheckedBeforeTheirKeyIsUsed(t *testing.T) {
	key := newKey(t, "k").Public()
	key.Algorithm = ""
	public, err := key.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`{"typ":"dpop+jwt","alg":"ES256","jwk":%s}`:                   true,
		`{"typ":"dpop+jwt","alg":"none","jwk":%s}`:                    false,
		`{"typ":"dpop+jwt","alg":"HS256","jwk":%s}`:                   false,
		`{"typ":"dpop+jwt","alg":"ES512","jwk":%s}`:                   false,
		`{"typ":"dpop+jwt","alg":["ES256"],"jwk":%s}`:                 false,
		`{"typ":"dpop+jwt","Alg":"ES256","jwk":%s}`:                   false,
		`{"typ":"JWT","alg":"ES256","jwk":%s}`:                        false,
		`{"alg":"ES256","jwk":%s}`:                                    false,
		`{"typ":"dpop+jwt","alg":"ES256","jwk":%s,"crit":null}`:       false,
		`{"typ":"dpop+jwt","alg":"ES256","jwk":[%s]}`:                 false,
		`{"typ":"dpop+jwt","alg":"ES256","JWK":%s}`:                   false,
		`{"typ":"dpop+jwt","alg":"ES256","jku":"https://x","kid":%s}`: false,
	} {
		header, err := decodeClaims(fmt.Appendf(nil, text, public))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proofKey(header); (err == nil) != want {
			t.Errorf("%s is taken: %v; got %v", text, want, err)
		}
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		header, err := decodeClaims(fmt.Appendf(nil, `{"typ":"dpop+jwt","alg":"ES256","jwk":{%q:7,%s}`, private, public[1:]))
		if err != nil {
			t.Fatal(err)
		}
		var refused *identity.AuthError
		if _, err := proofKey(header); !errors.As(err, &refused) || !strings.Contains(refused.Message, "private") {
			t.Errorf("a key with the member %s is a private one: got %v", private, err)
		}
	}
}
