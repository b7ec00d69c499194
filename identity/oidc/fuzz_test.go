package oidc

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"deputy/identity"
)

// signBytes signs whatever stands in the two parts, so that it gets past the signature.
func signBytes(t testing.TB, key *jose.JSONWebKey, header, payload []byte) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key.Key.(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

const (
	fuzzHeader = `{"alg":"ES256","typ":"at+jwt","kid":"k"}`
	// a second after the vault's now
	fuzzClaims = `{"iss":"https://id.example","aud":"us","exp":1795435201,"sub":"taylor","client_id":"chat"}`
)

// judged is what a fuzz target holds against what it was given: members under their exact names, by another decoder
// than ours.
func judged(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("what was taken is no JSON object: %q", text)
	}
	return m
}

func refusedAs(t *testing.T, err error) identity.Code {
	t.Helper()
	var refused *identity.AuthError
	if !errors.As(err, &refused) || refused.Message == "" || refused.Cause != nil ||
		refused.Code == identity.Unavailable ||
		refused.Code == identity.Missing {
		t.Fatalf("a token is refused with %#v", err)
	}
	return refused.Code
}

// FuzzToken signs any header and any claims with the issuer's own key, and sends any text. Whatever is taken is exactly
// what may be.
func FuzzToken(f *testing.F) {
	for _, header := range []string{fuzzHeader, `{"alg":"none","typ":"at+jwt"}`, `{"alg":"ES256","typ":"JWT"}`, `{"alg":"ES256","typ":"application/AT+JWT"}`,
		`{"alg":"ES256","typ":"at+jwt","crit":["b64"],"b64":false}`, `{"alg":"ES256","typ":"at+jwt","jwk":{"kty":"EC"}}`, `{"alg":"HS256","alg":"ES256","typ":"at+jwt"}`} {
		f.Add([]byte(header), []byte(fuzzClaims), "x.y.z")
	}
	head := fuzzClaims[:len(fuzzClaims)-1]
	for _, claims := range []string{
		head + `,"act":{"sub":"chat","act":{"sub":"other","iss":"https://id.example"}}}`, head + `,"groups":["a",1]}`, head + `,"Sub":"robin","sub":"robin"}`,
		head + `,"cnf":{"jkt":"x"}}`, head + `,"nonce":"n"}`, head + `,"events":{}}`, head + `,"scope":"query  describe"}`, head + `,"nbf":1e3,"iat":1.5}`,
		head + `,"azp":"x","appid":"y","idtyp":"app"}`, head + `,"_claim_names":{"groups":"g"}}`, strings.Replace(fuzzClaims, `"us"`, `["us","them"]`, 1),
		strings.Replace(fuzzClaims, "taylor", `tayl\u006fr\ud800`, 1), `{"iss":null}`, `[]`, ``,
	} {
		f.Add([]byte(fuzzHeader), []byte(claims), claims)
	}
	v := newVault(f, "id")
	if _, code := v.call(signBytes(f, v.key, []byte(fuzzHeader), []byte(fuzzClaims))); code != "" {
		f.Fatalf("what it begins with is refused, so nothing would be tested: %s", code)
	}
	f.Fuzz(func(t *testing.T, header, payload []byte, raw string) {
		if p, err := v.Authenticate(context.Background(), identity.Credentials{Bearer: raw}); err == nil ||
			p.Agent.ID != "" ||
			p.User != nil {
			t.Fatalf("text that nobody signed is taken: %q", raw)
		}
		p, err := v.Authenticate(context.Background(), identity.Credentials{Bearer: signBytes(t, v.key, header, payload)})
		if err != nil {
			if refusedAs(t, err); p.Agent.ID != "" || p.User != nil {
				t.Fatalf("a refused token gives %+v", p)
			}
			return
		}
		h, c := judged(t, header), judged(t, payload)
		typ, _ := h["typ"].(string)
		if typ = strings.ToLower(typ); typ != "at+jwt" && typ != "application/at+jwt" || h["alg"] != "ES256" ||
			h["crit"] != nil {
			t.Errorf("this header is taken: %q", header)
		}
		audience, _ := c["aud"].([]any)
		if c["aud"] != "us" && !slices.Equal(audience, []any{"us"}) || c["iss"] != "https://id.example" {
			t.Errorf("what is taken is from %q for %q", c["iss"], c["aud"])
		}
		if expires, ok := c["exp"].(float64); !ok || expires < float64(v.now.Unix()) {
			t.Errorf("what is taken expires at %v", c["exp"])
		}
		for _, never := range []string{"nonce", "at_hash", "c_hash", "s_hash", "events", "cnf", "hasgroups"} {
			if _, there := c[never]; there {
				t.Errorf("what is taken has the claim %s: %q", never, payload)
			}
		}
		if p.Agent.ID != "marketing" || p.User == nil || p.User.ID != c["sub"] || p.User.Subject != c["sub"] {
			t.Errorf("%q is %+v", payload, p)
		}
	})
}

// FuzzProof signs any header and any claims with the key that a token is bound to. KEY in the header stands for that
// key.
func FuzzProof(f *testing.F) {
	const header = `{"alg":"ES256","typ":"dpop+jwt","jwk":KEY}`
	const claims = `{"jti":"1","htm":"POST","htu":"https://deputy.example/mcp","iat":1795435200,"ath":"ATH"}`
	for _, h := range []string{header, `{"alg":"none","typ":"dpop+jwt","jwk":KEY}`, `{"alg":"ES256","typ":"at+jwt","jwk":KEY}`, `{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"oct","k":"AA"}}`,
		`{"alg":"ES256","typ":"dpop+jwt","jwk":KEY,"jwk":KEY}`, `{"alg":"ES256","typ":"dpop+jwt","jwk":[KEY],"crit":[]}`} {
		f.Add([]byte(h), []byte(claims))
	}
	for _, c := range []string{strings.Replace(claims, "deputy.example", "DEPUTY.example:443", 1), strings.Replace(claims, "mcp", "mcp?#", 1), strings.Replace(claims, "deputy", "deputy@evil", 1),
		strings.Replace(claims, "1795435200", "1795435200.5", 1), strings.Replace(claims, `"1"`, `""`, 1), strings.Replace(claims, "{", `{"exp":1,"nbf":1e99,`, 1)} {
		f.Add([]byte(header), []byte(c))
	}
	key := newKey(f, "k")
	public := key.Public()
	jwk, err := public.MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		f.Fatal(err)
	}
	const token, where = "the access token", "https://deputy.example/mcp"
	hash := sha256.Sum256([]byte(token))
	ath := base64.RawURLEncoding.EncodeToString(hash[:])
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	check := func(t testing.TB, header, claims []byte) (string, error) {
		proof := &identity.Proof{JWT: signBytes(t, key, header, claims), Method: "POST", URL: where}
		return checkProof(proof, token, base64.RawURLEncoding.EncodeToString(sum), now)
	}
	complete := func(header, claims []byte) ([]byte, []byte) {
		return bytes.ReplaceAll(header, []byte("KEY"), jwk), bytes.ReplaceAll(claims, []byte("ATH"), []byte(ath))
	}
	h, c := complete([]byte(header), []byte(claims))
	if _, err := check(f, h, c); err != nil {
		f.Fatalf("what it begins with is refused, so nothing would be tested: %v", err)
	}
	f.Fuzz(func(t *testing.T, header, claims []byte) {
		header, claims = complete(header, claims)
		jti, err := check(t, header, claims)
		if err != nil {
			if code := refusedAs(t, err); code != identity.InvalidProof || jti != "" {
				t.Fatalf("a proof is refused with %v", err)
			}
			return
		}
		h, c := judged(t, header), judged(t, claims)
		typ, _ := h["typ"].(string)
		htu, _ := c["htu"].(string)
		iat, _ := c["iat"].(float64)
		if h["alg"] != "ES256" || strings.TrimPrefix(strings.ToLower(typ), "application/") != "dpop+jwt" || h["crit"] != nil {
			t.Errorf("this header is taken: %q", header)
		}
		if c["htm"] != "POST" || c["ath"] != ath || c["jti"] != jti || jti == "" || iat < float64(now.Unix()-60) ||
			iat >= float64(now.Unix()+61) {
			t.Errorf("these claims are taken: %q", claims)
		}
		if rest, same := strings.CutPrefix(strings.ToLower(htu), "https://deputy.example"); !same ||
			strings.TrimPrefix(strings.TrimPrefix(rest, ":443"), ":") != "/mcp" ||
			!strings.HasSuffix(htu, "/mcp") {
			t.Errorf("this address is taken: %q", htu)
		}
	})
}

// FuzzIntrospection reads any answer of the issuer about a token.
func FuzzIntrospection(f *testing.F) {
	active := `{"active":true,` + fuzzClaims[1:]
	for _, answer := range []string{active, fuzzClaims, strings.Replace(active, "true", `"true"`, 1), strings.Replace(active, "true", "false", 1), strings.Replace(active, "{", `{"active":false,`, 1),
		strings.Replace(active, "active", "Active", 1), strings.Replace(active, "{", `{"token_type":"DPoP",`, 1), active + active, "null", ""} {
		f.Add([]byte(answer))
	}
	v := newVault(f, "id")
	asks := &introspection{issuer: v.tokens.issuers[0]}
	if said, err := decodeClaims([]byte(active)); err != nil || asks.check(said) != nil {
		f.Fatal("what it begins with is refused, so nothing would be tested")
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		said, err := decodeClaims(answer)
		if err != nil || asks.check(said) != nil {
			return
		}
		c := judged(t, answer)
		if c["active"] != true || c["iss"] != "https://id.example" || c["client_id"] == nil || c["client_id"] == "" ||
			c["exp"] == nil {
			t.Errorf("this answer is taken: %q", answer)
		}
		if audience, _ := c["aud"].([]any); c["aud"] != "us" && !slices.Equal(audience, []any{"us"}) {
			t.Errorf("this answer is taken, and is for %v", c["aud"])
		}
	})
}
