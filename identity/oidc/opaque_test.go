package oidc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/testkit/issuer"
)

// introspecting has the issuer of a world asked about opaque tokens.
func introspecting(c *identity.Config) {
	c.Issuers[0].Introspection = &identity.IntrospectionConfig{
		ClientID:     issuer.IntrospectionClient,
		ClientSecret: issuer.IntrospectionSecret,
	}
}

func TestAnOpaqueTokenIsWorthWhatItsIssuerSays(t *testing.T) {
	w := newWorld(t, introspecting)
	const good, no, later = identity.Code(""), identity.InvalidToken, identity.Unavailable
	honest := func(extra map[string]any) func() string {
		return func() string { return w.issuer.Opaque(with(extra)) }
	}
	// says answers about a good token with members changed; nil takes one out.
	says := func(change map[string]any) http.HandlerFunc {
		return func(out http.ResponseWriter, _ *http.Request) {
			answer := map[string]any{"active": true}
			json.Unmarshal(w.issuer.Payload(taylor()), &answer)
			for name, value := range change {
				answer[name] = value
				if value == nil {
					delete(answer, name)
				}
			}
			json.NewEncoder(out).Encode(answer)
		}
	}
	text := func(text string) http.HandlerFunc {
		return func(out http.ResponseWriter, _ *http.Request) { io.WriteString(out, text) }
	}
	payload := strings.TrimSuffix(string(w.issuer.Payload(taylor())), "}")
	rows := []struct {
		name   string
		token  func() string // nil: whatever the answer is about
		answer http.HandlerFunc
		want   identity.Code
	}{
		{"active", honest(nil), nil, good},
		{"unknown", func() string { return "opaque_nobody-knows" }, nil, no},
		{"of another kind", honest(map[string]any{"token_type": "N_A"}), nil, no},
		{"a refresh token", honest(map[string]any{"token_use": "refresh_token"}), nil, no},
		{"an ID token", honest(map[string]any{"nonce": "n"}), nil, no},
		{"DPoP, and bound to nothing", honest(map[string]any{"token_type": "DPoP"}), nil, no},
		{"bound to a key", honest(map[string]any{"cnf": issuer.NewProver(nil).Confirmation()}), nil, no},
		{"without iss", nil, says(map[string]any{"iss": nil}), no},
		{"of another issuer", nil, says(map[string]any{"iss": "https://id.example"}), no},
		{"without aud", nil, says(map[string]any{"aud": nil}), no},
		{"for somebody else", nil, says(map[string]any{"aud": "https://other.example/mcp"}), no},
		{"for us and somebody else", nil, says(map[string]any{"aud": []string{audience, "https://other.example/mcp"}}), no},
		{"without exp", nil, says(map[string]any{"exp": nil}), no},
		{"expired", nil, says(map[string]any{"exp": noon.Unix()}), no},
		{"not valid yet", nil, says(map[string]any{"nbf": noon.Unix() + 120}), no},
		{"without client_id", nil, says(map[string]any{"client_id": nil, "azp": "marketing-client"}), no},
		{"without sub", nil, says(map[string]any{"sub": nil, "username": "taylor"}), no},
		{"a subject in other case", nil, says(map[string]any{"sub": nil, "Sub": "taylor"}), no},

		{"active is text", nil, says(map[string]any{"active": "true"}), later},
		{"active is a number", nil, says(map[string]any{"active": 1}), later},
		{"active is not said", nil, says(map[string]any{"active": nil}), later},
		{"Active", nil, says(map[string]any{"active": nil, "Active": true}), later},
		{"active twice", nil, text(payload + `,"active":false,"active":true}`), later},
		{"not JSON", nil, text("<html>"), later},
		{"a list", nil, text("[" + payload + `,"active":true}]`), later},
		{"two answers", nil, text(payload + `,"active":true}{}`), later},
		{"empty", nil, text(""), later},
		{"without end", nil, text(payload + `,"active":true,"x":"` + strings.Repeat("x", 1<<20) + `"}`), later},
		{"a status that is not 200", nil, func(out http.ResponseWriter, r *http.Request) {
			out.WriteHeader(http.StatusCreated)
			says(nil)(out, r)
		}, later},
		{"a redirect to an honest answer", nil, func(out http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("there") {
				says(nil)(out, r)
				return
			}
			http.Redirect(out, r, w.issuer.URL()+"/introspect?there", http.StatusTemporaryRedirect)
		}, later},
		{
			"an error",
			nil,
			func(out http.ResponseWriter, _ *http.Request) { http.Error(out, "no", http.StatusInternalServerError) },
			later,
		},
	}
	for n, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w.issuer.Introspect(row.answer)
			token := fmt.Sprint("opaque_", n)
			if row.token != nil {
				token = row.token()
			}
			p, err := w.bearer(token, fmt.Sprint("192.0.2.", n))
			if code(err) != row.want {
				t.Errorf("the token is refused with %q: got %v", row.want, err)
			}
			if row.want == good {
				assertParties(t, p, "marketing", "taylor")
			}
			if err != nil &&
				(strings.Contains(err.Error(), token) || strings.Contains(err.Error(), issuer.IntrospectionSecret)) {
				t.Errorf("neither the token nor the secret is in the refusal: %v", err)
			}
		})
	}
}

// What looks like a JWS is verified or refused, and what cannot be a token is not sent on.
func TestOnlyWhatNobodyElseCanReadIsAskedAbout(t *testing.T) {
	w := newWorld(t, introspecting)
	w.issuer.Introspect(func(out http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(out, `{"active":true,%s`, w.issuer.Payload(taylor())[1:])
	})
	jwt := w.issuer.Token(taylor())
	for name, token := range map[string]string{
		"a forged JWT":       jwt[:len(jwt)-4] + "AAAA",
		"alg none":           encode(`{"alg":"none"}`) + "." + strings.Split(jwt, ".")[1] + ".",
		"two dots":           "a.b.c",
		"a space":            "a b",
		"a line break":       "ab\r\nX: y",
		"not ASCII":          "tökén",
		"an ampersand":       "a&active=true",
		"longer than 16 KiB": strings.Repeat("x", 16<<10+1),
	} {
		if _, err := w.bearer(token, "192.0.2.1"); code(err) != identity.InvalidToken {
			t.Errorf("%s is refused: got %v", name, err)
		}
	}
	if got := w.issuer.Introspections(); got != 0 {
		t.Errorf("the issuer is asked about none of them: got %d", got)
	}
	if _, err := w.bearer("a.b.c.d.e", "192.0.2.1"); err != nil {
		t.Errorf("what is encrypted is for its issuer to read: %v", err)
	}
	if _, err := newWorld(t).bearer("a.b.c.d.e", "192.0.2.1"); code(err) != identity.InvalidToken {
		t.Errorf("nobody is asked who is not configured: got %v", err)
	}
}

func TestAnActiveTokenIsRememberedForAShortTime(t *testing.T) {
	w := newWorld(t, introspecting)
	token := w.issuer.Opaque(taylor())
	for range 10 {
		if _, err := w.bearer(token, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.issuer.Introspections(); got != 1 {
		t.Errorf("within the time the issuer is asked once: got %d", got)
	}
	w.issuer.Revoke(token)
	w.clock.Advance(30 * time.Second)
	if _, err := w.bearer(token, "192.0.2.1"); code(err) != identity.InvalidToken {
		t.Errorf("after it, a revoked token is refused: got %v", err)
	}

	short := taylor()
	short.Lifetime = 10 * time.Second
	token = w.issuer.Opaque(short)
	if _, err := w.bearer(token, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(10 * time.Second)
	if _, err := w.bearer(token, "192.0.2.1"); code(err) != identity.InvalidToken {
		t.Errorf("a token that expires while it is remembered has expired: got %v", err)
	}
}

func TestGarbageDoesNotBecomeAFloodOnTheIssuer(t *testing.T) {
	w := newWorld(t, introspecting)
	known := w.issuer.Opaque(taylor())
	if _, err := w.bearer(known, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	codes := map[identity.Code]int{}
	for n := range 100 {
		_, err := w.bearer(fmt.Sprint("garbage", n), fmt.Sprint("192.0.2.1:", 1024+n))
		codes[code(err)]++
	}
	if got := w.issuer.Introspections(); got != 11 || codes[identity.InvalidToken] != 10 ||
		codes[identity.Unavailable] != 90 {
		t.Errorf("one address is answered no ten times, and then not asked for: got %d questions, %v", got, codes)
	}
	if _, err := w.bearer(known, "192.0.2.1"); err != nil {
		t.Errorf("a token that is known passes from there: %v", err)
	}
	for range 50 {
		if _, err := w.bearer(w.issuer.Opaque(taylor()), "192.0.2.2"); err != nil {
			t.Fatalf("good tokens cost no budget: %v", err)
		}
	}
	before := w.issuer.Introspections()
	for n := range 1000 {
		w.bearer(fmt.Sprint("garbage", n), fmt.Sprintf("198.51.%d.%d", n/100, n%100))
	}
	if got := w.issuer.Introspections() - before; got != 290 {
		t.Errorf("all addresses together are answered no 300 times: got %d and 10 before", got)
	}
	w.clock.Advance(10 * time.Second)
	if _, err := w.bearer(w.issuer.Opaque(taylor()), "192.0.2.1"); err != nil {
		t.Errorf("then it is over: %v", err)
	}
}

func TestWhileTheIssuerIsDownNoUnknownOpaqueTokenPasses(t *testing.T) {
	w := newWorld(t, introspecting)
	known, other := w.issuer.Opaque(taylor()), w.issuer.Opaque(taylor())
	if _, err := w.bearer(known, ""); err != nil {
		t.Fatal(err)
	}
	w.issuer.SetDown(true)
	if _, err := w.bearer(other, ""); code(err) != identity.Unavailable {
		t.Errorf("nobody can know whether it is good: got %v", err)
	}
	if _, err := w.bearer(known, ""); err != nil {
		t.Errorf("one that was active a moment ago passes: %v", err)
	}
	w.clock.Advance(31 * time.Second)
	if _, err := w.bearer(known, ""); code(err) != identity.Unavailable {
		t.Errorf("and does not for long: got %v", err)
	}
	w.issuer.SetDown(false)
	if _, err := w.bearer(other, ""); err != nil {
		t.Errorf("when the issuer is up again, it is asked: %v", err)
	}
}

func TestASecretThatTheIssuerDoesNotKnowIsOurFaultAndDoesNotShow(t *testing.T) {
	const secret = "hunter2-hunter2"
	w := newWorld(t, func(c *identity.Config) {
		introspecting(c)
		c.Issuers[0].Introspection.ClientSecret = secret
	})
	_, err := w.bearer(w.issuer.Opaque(taylor()), "")
	if code(err) != identity.Unavailable || !strings.Contains(err.Error(), "status 401") ||
		strings.Contains(err.Error(), secret) {
		t.Errorf("the call is unavailable, and the log says why: got %v", err)
	}
	config := identity.IntrospectionConfig{ClientSecret: secret}
	encoded, _ := json.Marshal(config)
	if shown := fmt.Sprintf("%v %+v %#v %s", config, config, config, encoded); bytes.Contains(
		[]byte(shown),
		[]byte(secret),
	) {
		t.Errorf("a configuration that is printed does not show the secret: %s", shown)
	}
}

func TestAnIssuerThatCannotBeAskedIsFoundAtTheStart(t *testing.T) {
	c := newClock()
	keys := startIssuer(t, c)
	says := ""
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(out, `{"issuer":"http://%s","jwks_uri":"%s/keys"%s}`, r.Host, keys.URL(), says)
	}))
	defer server.Close()
	config := identity.Config{Issuers: []identity.IssuerConfig{{URL: server.URL, Audience: audience}}}
	introspecting(&config)
	registry, err := identity.NewRegistry(agents())
	if err != nil {
		t.Fatal(err)
	}
	for answer, want := range map[string]string{
		"": "names no introspection_endpoint",
		`,"introspection_endpoint":"http://id.example/introspect"`:       "introspection_endpoint must be https",
		`,"introspection_endpoint":"https://169.254.169.254/introspect"`: "introspection_endpoint points to an internal address",
		`,"introspection_endpoint":"file:///introspect"`:                 "introspection_endpoint is not a URL",
	} {
		says = answer
		if _, err := oidc.New(t.Context(), config, registry, oidc.Options{Now: c.Now}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("an issuer that says %q stops the start: got %v", answer, err)
		}
	}
	config.Issuers[0].Introspection.URL = keys.URL() + "/introspect"
	if _, err := oidc.New(t.Context(), config, registry, oidc.Options{Now: c.Now}); err != nil {
		t.Errorf("a configured address needs no discovered one: %v", err)
	}
}
