package assembly_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"deputy/identity"
	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
	"deputy/mcp"
	"deputy/mcp/httpd"
)

// TestTheTokenTable sends every kind of credential through the front door of a server that is put together as deputy
// serve does, over real HTTP and with a real audit log. Each row has its exact status, its exact challenges, and what
// is on the record.
func TestTheTokenTable(t *testing.T) {
	w := newTokenWorld(t)
	slow := w.slowly(t)
	rows := [][]tokenRow{
		w.signatures(t),
		w.shapes(),
		w.kinds(),
		w.claims(),
		w.parties(),
		w.headers(),
		w.keys(),
		w.ceilings(),
		w.opaque(),
		w.proofs(),
		w.issuers(),
	}
	var all []tokenRow
	for _, some := range rows {
		all = append(all, some...)
	}
	if len(all) < 240 {
		t.Errorf("the table has %d rows", len(all))
	}
	for n, row := range all {
		if n%15 == 0 {
			w.fresh()
		}
		t.Run(row.name, func(t *testing.T) { w.judge(t, row) })
	}
	w.assertNoSecrets(t, all)
	slow()
}

func TestTheMetadataNamesTheAlgorithmsOfProofs(t *testing.T) {
	w := newTokenWorld(t)
	var says struct {
		Resource   string   `json:"resource"`
		Algorithms []string `json:"dpop_signing_alg_values_supported"`
	}
	serving.GetJSON(t, strings.TrimSuffix(w.url, "/mcp")+"/.well-known/oauth-protected-resource/mcp", &says)
	if says.Resource != tokenAudience || !reflect.DeepEqual(says.Algorithms, identity.ProofAlgorithms()) {
		t.Errorf("the metadata says %+v", says)
	}
}

func part(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func (w *tokenWorld) signatures(t *testing.T) []tokenRow {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := w.corp.PublicKey()
	der, err := x509.MarshalPKIXPublicKey(public.Key)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(f issuer.Forgery) sent { return bearer(w.corp.Forge(f, taylors(nil))) }
	good := strings.Split(w.taylor(), ".")
	unsigned := func(alg string) sent {
		return bearer(part(fmt.Sprintf(`{"alg":%q,"typ":"at+jwt","kid":%q}`, alg, public.KeyID)) + "." + good[1] + ".")
	}
	ours := taylors(map[string]any{"iss": w.corp.URL()})
	return []tokenRow{
		{"an ordinary token", nil, bearer(strings.Join(good, ".")), answered("marketing for corp/taylor")},
		{"alg none", nil, unsigned("none"), invalid},
		{"alg None", nil, unsigned("None"), invalid},
		{"alg nOnE", nil, unsigned("nOnE"), invalid},
		{"alg empty", nil, unsigned(""), invalid},
		{
			"alg none, with a good signature",
			nil,
			bearer(part(`{"alg":"none","typ":"at+jwt"}`) + "." + good[1] + "." + good[2]),
			invalid,
		},
		{"HS256 with the public key as secret, DER", nil, forge(issuer.Forgery{Algorithm: jose.HS256, Key: der}), invalid},
		{"HS256 with the public key as secret, JWK", nil, forge(issuer.Forgery{Algorithm: jose.HS256, Key: jwk}), invalid},
		{
			"HS256 with a short secret",
			nil,
			forge(issuer.Forgery{Algorithm: jose.HS256, Key: []byte("secretsecretsecretsecretsecretse")}),
			invalid,
		},
		{"RS256 under the name of an EC key", nil, forge(issuer.Forgery{Algorithm: jose.RS256, Key: rsaKey}), invalid},
		{"RS512", nil, forge(issuer.Forgery{Algorithm: jose.RS512, Key: rsaKey}), invalid},
		{"no signature", nil, bearer(good[0] + "." + good[1] + "."), invalid},
		{
			"the signature of another token",
			nil,
			bearer(good[0] + "." + good[1] + "." + strings.Split(w.taylor("sub", "robin"), ".")[2]),
			invalid,
		},
		{
			"the claims of another token",
			nil,
			bearer(good[0] + "." + strings.Split(w.taylor("sub", "priya"), ".")[1] + "." + good[2]),
			invalid,
		},
		{"another key under the issuer's kid", nil, forge(issuer.Forgery{Key: other}), invalid},
		{"another key under a kid of its own", nil, forge(issuer.Forgery{Key: other, KeyID: "mine"}), invalid},
		{"another key without a kid", nil, forge(issuer.Forgery{Key: other, KeyID: "-"}), invalid},
		{
			"a foreign issuer under the issuer's kid",
			nil,
			bearer(w.foreign.Forge(issuer.Forgery{KeyID: public.KeyID}, ours)),
			invalid,
		},
		{"a foreign issuer that says it is ours", nil, bearer(w.foreign.Token(ours)), invalid},
		{"one of our issuers that says it is another", nil, bearer(w.strict.Token(ours)), invalid},
		{
			"jwk in the header",
			nil,
			forge(issuer.Forgery{Key: other, KeyID: "-", Headers: map[string]any{"jwk": jose.JSONWebKey{Key: other.Public()}}}),
			invalid,
		},
		{
			"jku in the header",
			nil,
			bearer(w.foreign.Forge(issuer.Forgery{Headers: map[string]any{"jku": w.foreign.URL() + "/keys"}}, ours)),
			invalid,
		},
		{
			"x5u in the header",
			nil,
			bearer(w.foreign.Forge(issuer.Forgery{Headers: map[string]any{"x5u": w.foreign.URL() + "/keys"}}, ours)),
			invalid,
		},
		{"crit in the header", nil, forge(issuer.Forgery{Headers: map[string]any{"crit": []string{"exp"}}}), invalid},
		{
			"b64 false in the header",
			nil,
			forge(issuer.Forgery{Headers: map[string]any{"crit": []string{"b64"}, "b64": true}}),
			invalid,
		},
	}
}

func (w *tokenWorld) shapes() []tokenRow {
	good := w.taylor()
	p := strings.Split(good, ".")
	signed := func(format string, args ...any) sent {
		head := fmt.Sprintf(
			`{"iss":%q,"exp":%d,"client_id":"chat","groups":["Marketing"]`,
			w.corp.URL(),
			time.Now().Add(time.Hour).Unix(),
		)
		return bearer(w.corp.Forge(issuer.Forgery{Payload: []byte(head + fmt.Sprintf(format, args...))}, issuer.Claims{}))
	}
	return []tokenRow{
		{
			"written by hand, and good",
			nil,
			signed(`,"aud":%q,"sub":"taylor"}`, tokenAudience),
			answered("marketing for corp/taylor"),
		},
		{"the subject twice", nil, signed(`,"aud":%q,"sub":"taylor","sub":"priya"}`, tokenAudience), invalid},
		{
			"the audience twice",
			nil,
			signed(`,"aud":"https://other.example","aud":%q,"sub":"taylor"}`, tokenAudience),
			invalid,
		},
		{
			"a member twice, deep inside",
			nil,
			signed(`,"aud":%q,"sub":"taylor","act":{"sub":"chat","x":{"y":1,"y":2}}}`, tokenAudience),
			invalid,
		},
		{"Sub instead of sub", nil, signed(`,"aud":%q,"Sub":"taylor"}`, tokenAudience), invalid},
		{"AUD instead of aud", nil, signed(`,"AUD":%q,"sub":"taylor"}`, tokenAudience), invalid},
		{
			"another audience, and ours under Aud",
			nil,
			signed(`,"aud":"https://other.example/mcp","Aud":%q,"sub":"taylor"}`, tokenAudience),
			invalid,
		},
		{"claims that are not UTF-8", nil, signed(",\"aud\":%q,\"sub\":\"tayl\xff\"}", tokenAudience), invalid},
		{"half a surrogate in the subject", nil, signed(`,"aud":%q,"sub":"\ud800"}`, tokenAudience), invalid},
		{"a line break in the subject", nil, signed(`,"aud":%q,"sub":"taylor\nlevel=error"}`, tokenAudience), invalid},
		{"a terminal code in the subject", nil, signed(`,"aud":%q,"sub":"taylor\u001b[2J"}`, tokenAudience), invalid},
		{
			"claims in a list",
			nil,
			bearer(w.corp.Forge(issuer.Forgery{Payload: []byte(`["taylor"]`)}, issuer.Claims{})),
			invalid,
		},
		{
			"claims nested without end",
			nil,
			signed(`,"aud":%q,"sub":"taylor","x":%s}`, tokenAudience, strings.Repeat("[", 5000)+strings.Repeat("]", 5000)),
			invalid,
		},
		{"empty parts", nil, bearer(".."), invalid},
		{"four parts", nil, bearer(good + ".x"), invalid}, // no JWS, so the issuer is asked
		{"not base64", nil, bearer(p[0] + ".!!!." + p[2]), invalid},
		{"padded base64", nil, bearer(p[0] + "==." + p[1] + "." + p[2]), invalid},
		{"the same signature in other bits", nil, bearer(otherBits(good)), invalid},
		{"JSON instead of a token", nil, bearer(`{"payload":"` + p[1] + `","signatures":[]}`), invalid},
		{"a token of 17 KiB", nil, bearer(w.taylor("x", strings.Repeat("x", 13<<10))), invalid},
		{"a header of 100 KiB", nil, bearer(strings.Repeat("x", 100<<10)), outcome{431, nil, ""}},
		{"a space inside", nil, bearer(good[:20] + " " + good[20:]), invalid},
		{"a tab inside", nil, bearer(good[:20] + "\t" + good[20:]), invalid},
		{"two spaces before", nil, with("Authorization", "Bearer  "+good), answered("marketing for corp/taylor")},
		{"a tab before", nil, with("Authorization", "Bearer\t"+good), nobody},
		{"in quotes", nil, bearer(`"` + good + `"`), invalid},
	}
}

// otherBits changes the last letter of a signature of 64 bytes, whose low bits mean nothing.
func otherBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

func (w *tokenWorld) kinds() []tokenRow {
	typ := func(typ string) sent { return bearer(w.corp.Forge(issuer.Forgery{Type: typ}, taylors(nil))) }
	loose := func(pairs ...any) sent { // an issuer that writes JWT for everything
		pairs = append(pairs, "scope", "query")
		return bearer(w.strict.Forge(issuer.Forgery{Type: "JWT"}, taylors(members(pairs))))
	}
	return []tokenRow{
		{"no typ", nil, typ("-"), invalid},
		{"typ JWT", nil, typ("JWT"), invalid},
		{"typ JWT where it is allowed", nil, loose(), answered("marketing for strict/taylor")},
		{"typ AT+JWT", nil, typ("AT+JWT"), answered("marketing for corp/taylor")},
		{"typ application/at+jwt", nil, typ("application/at+jwt"), answered("marketing for corp/taylor")},
		{"typ logout+jwt", nil, typ("logout+jwt"), invalid},
		{"typ secevent+jwt", nil, typ("secevent+jwt"), invalid},
		{"typ oauth-id-jag+jwt", nil, typ("oauth-id-jag+jwt"), invalid},
		{"typ token-introspection+jwt", nil, typ("token-introspection+jwt"), invalid},
		{"typ dpop+jwt", nil, typ("dpop+jwt"), invalid},
		{"typ at+jwt2", nil, typ("at+jwt2"), invalid},
		{"an ID token by nonce", nil, loose("nonce", "n"), invalid},
		{"an ID token by at_hash", nil, loose("at_hash", "h"), invalid},
		{"an ID token by c_hash", nil, loose("c_hash", "h"), invalid},
		{"an ID token by s_hash", nil, loose("s_hash", "h"), invalid},
		{
			"a logout token by events",
			nil,
			loose("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}),
			invalid,
		},
		{
			"a security event",
			nil,
			loose(
				"events",
				map[string]any{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": map[string]any{}},
			),
			invalid,
		},
		{"a refresh token of Keycloak", nil, loose("typ", "Refresh"), invalid},
		{"an offline token of Keycloak", nil, loose("typ", "Offline"), invalid},
		{"an ID token of Keycloak", nil, loose("typ", "ID"), invalid},
		{"an ID token of Cognito", nil, loose("token_use", "id"), invalid},
		{"an access token of Keycloak", nil, loose("typ", "Bearer"), answered("marketing for strict/taylor")},
	}
}

func (w *tokenWorld) claims() []tokenRow {
	claim := func(name string, value any) sent { return bearer(w.taylor(name, value)) }
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	ok := answered("marketing for corp/taylor")
	return []tokenRow{
		{"an issuer nobody knows", nil, bearer(w.foreign.Token(taylors(nil))), invalid},
		{"our issuer with a slash", nil, claim("iss", w.corp.URL()+"/"), invalid},
		{"our issuer in capitals", nil, claim("iss", strings.ToUpper(w.corp.URL())), invalid},
		{"our issuer in a list", nil, claim("iss", []string{w.corp.URL()}), invalid},
		{"no issuer", nil, claim("iss", nil), invalid},
		{"another audience", nil, claim("aud", "https://other.example/mcp"), invalid},
		{"the server without its path as audience", nil, claim("aud", tokenPublic), invalid},
		{"our audience with a slash", nil, claim("aud", tokenAudience+"/"), invalid},
		{"our audience in other case", nil, claim("aud", "https://DEPUTY.example.com/mcp"), invalid},
		{"a second audience", nil, claim("aud", []string{tokenAudience, "https://other.example/mcp"}), invalid},
		{"our audience as a list of one", nil, claim("aud", []string{tokenAudience}), ok},
		{"an empty list of audiences", nil, claim("aud", []string{}), invalid},
		{"no audience", nil, claim("aud", nil), invalid},
		{"a client's id as audience", nil, claim("aud", "chat"), invalid},
		{"expired an hour ago", nil, claim("exp", in(-time.Hour)), invalid},
		{"expired within what is granted for nbf", nil, claim("exp", in(-5*time.Second)), invalid},
		{"no exp", nil, claim("exp", nil), invalid},
		{"exp as text", nil, claim("exp", fmt.Sprint(in(time.Hour))), invalid},
		{"exp in the year 10000", nil, claim("exp", 1e12), invalid},
		{"nbf in two minutes", nil, claim("nbf", in(2*time.Minute)), invalid},
		{"nbf in half a minute", nil, claim("nbf", in(30*time.Second)), ok},
		{"iat in two minutes", nil, claim("iat", in(2*time.Minute)), invalid},
		{"iat in half a minute", nil, claim("iat", in(30*time.Second)), ok},
		{"no subject", nil, claim("sub", nil), invalid},
		{"a subject of 300 letters", nil, claim("sub", strings.Repeat("x", 300)), invalid},
		{"groups that cannot be read", nil, claim("groups", map[string]any{"Marketing": true}), forbidden("")},
		{"groups that are left out", nil, claim("hasgroups", true), forbidden("")},
	}
}

// parties are tokens that are good, and of the wrong people.
func (w *tokenWorld) parties() []tokenRow {
	token := func(c issuer.Claims) sent { return bearer(w.corp.Token(c)) }
	claim := func(name string, value any) sent { return bearer(w.taylor(name, value)) }
	chain := func(depth int) any {
		var act any
		for range depth {
			next := map[string]any{"sub": "chat"}
			if act != nil {
				next["act"] = act
			}
			act = next
		}
		return act
	}
	alone := func(client string, pairs ...any) sent {
		return token(issuer.Claims{Subject: client, ClientID: client, Extra: members(pairs)})
	}
	return []tokenRow{
		{"a client that is no agent", nil, claim("client_id", "chat-host"), forbidden("for corp/taylor")},
		{"no client", nil, claim("client_id", nil), forbidden("for corp/taylor")},
		{"a client in other case", nil, claim("client_id", "Chat"), forbidden("for corp/taylor")},
		{
			"an actor that is an agent",
			nil,
			token(issuer.Claims{Subject: "taylor", ClientID: "chat-host", Actor: "chat", Groups: []string{"Marketing"}}),
			answered("marketing for corp/taylor"),
		},
		{
			"an actor that is no agent",
			nil,
			token(issuer.Claims{Subject: "taylor", ClientID: "chat", Actor: "chat-host", Groups: []string{"Marketing"}}),
			forbidden("for corp/taylor"),
		},
		{
			"an agent further in the chain only",
			nil,
			claim("act", map[string]any{"sub": "chat-host", "act": map[string]any{"sub": "chat"}}),
			forbidden("for corp/taylor"),
		},
		{"eight actors", nil, claim("act", chain(8)), answered("marketing for corp/taylor")},
		{"nine actors", nil, claim("act", chain(9)), invalid},
		{"a thousand actors", nil, claim("act", chain(1000)), invalid},
		{"an actor of another issuer", nil, claim("act", map[string]any{"sub": "chat", "iss": w.foreign.URL()}), invalid},
		{
			"an actor of our issuer",
			nil,
			claim("act", map[string]any{"sub": "chat", "iss": w.corp.URL()}),
			answered("marketing for corp/taylor"),
		},
		{"an actor without a subject", nil, claim("act", map[string]any{"client_id": "chat"}), invalid},
		{"an actor that is text", nil, claim("act", "chat"), invalid},
		{"two actors in a list", nil, claim("act", []any{map[string]any{"sub": "chat"}}), invalid},
		{
			"may_act instead of act",
			nil,
			bearer(w.taylor("client_id", "chat-host", "may_act", map[string]any{"sub": "chat"})),
			forbidden("for corp/taylor"),
		},

		{"an agent alone", nil, alone("scanner"), answered("scanner")},
		{"an agent alone that may not be", nil, alone("chat"), forbidden("marketing")},
		{"a client that is no agent, alone", nil, alone("chat-host"), forbidden("")},
		{"Auth0's application by gty", nil, claim("gty", "client-credentials"), forbidden("marketing")},
		{
			"Auth0's application by its subject",
			nil,
			token(issuer.Claims{Subject: "chat@clients", ClientID: "chat"}),
			forbidden("marketing"),
		},
		{"Entra's application by idtyp", nil, claim("idtyp", "app"), forbidden("marketing")},
		{"Keycloak's service account", nil, claim("preferred_username", "service-account-chat"), invalid},
		{"the agent's own client id as a human", nil, claim("sub", "chat"), forbidden("marketing")},
		{"another agent's client id as a human", nil, claim("sub", "scanner"), forbidden("marketing")},
		{"an agent that never acts for humans", nil, claim("client_id", "scanner"), forbidden("scanner for corp/taylor")},

		{"a disabled agent", nil, claim("client_id", "retired"), forbidden("retired for corp/taylor")},
		{"a disabled agent, alone", nil, alone("retired"), forbidden("retired")},
		{"a disabled user", nil, claim("sub", "gone"), forbidden("marketing for corp/gone")},
		{"an agent that acts for somebody else only", nil, claim("client_id", "picky"), forbidden("picky for corp/taylor")},
		{
			"an agent that acts for this one",
			nil,
			bearer(w.taylor("client_id", "picky", "sub", "priya")),
			answered("picky for corp/priya"),
		},
		{
			"an agent with a token of an issuer that it may not bring",
			nil,
			claim("client_id", "outside"),
			forbidden("outside for corp/taylor"),
		},
		{
			"the e-mail address of another, and a subject of one's own",
			nil,
			bearer(
				w.taylor(
					"client_id",
					"picky",
					"sub",
					"mallory",
					"email",
					"corp/priya",
					"preferred_username",
					"priya",
					"name",
					"priya",
				),
			),
			forbidden("picky for corp/mallory"),
		},
		{
			"a subject that reads like a user of another issuer",
			nil,
			bearer(w.taylor("client_id", "picky", "sub", "corp/priya")),
			forbidden("picky for corp/corp/priya"),
		},
	}
}

func (w *tokenWorld) headers() []tokenRow {
	good := w.taylor()
	ok := answered("marketing for corp/taylor")
	var rows []tokenRow
	for _, revision := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "1999-01-01", ""} {
		name := "MCP-Protocol-Version " + revision
		rows = append(rows,
			tokenRow{name + " without a token", nil, with("MCP-Protocol-Version", revision), nobody},
			tokenRow{name + " with a bad one", nil, bearer("x.y.z").and("MCP-Protocol-Version", revision), invalid})
	}
	return append(rows, []tokenRow{
		{"nothing", nil, sent{}, nobody},
		{"bearer in small letters", nil, with("Authorization", "bearer "+good), ok},
		{"an empty bearer token", nil, with("Authorization", "Bearer "), nobody},
		{"Bearer alone", nil, with("Authorization", "Bearer"), nobody},
		{"the token alone", nil, with("Authorization", good), nobody},
		{"Basic", nil, with("Authorization", "Basic dGF5bG9yOnNlY3JldA=="), nobody},
		{"Token", nil, with("Authorization", "Token "+good), nobody},
		{"two Authorization headers", nil, bearer(good).and("Authorization", "Bearer "+good), malformed},
		{"a good and a bad Authorization header", nil, bearer(good).and("Authorization", "Bearer x"), malformed},
		{"two schemes in one header", nil, bearer(good + ", Basic dGF5bG9yOnNlY3JldA=="), invalid},
		{"two tokens in one header", nil, bearer(good + "," + good), invalid},
		{"Proxy-Authorization", nil, with("Proxy-Authorization", "Bearer "+good), nobody},
		{"X-Forwarded-Authorization", nil, with("X-Forwarded-Authorization", "Bearer "+good), nobody},
		{"a cookie", nil, with("Cookie", "access_token="+good), nobody},
		{
			"headers that name a user",
			nil,
			with("X-Forwarded-User", "taylor", "X-Remote-User", "taylor", "X-Forwarded-Email", "taylor@example.com"),
			nobody,
		},
		{"a session id", nil, with("Mcp-Session-Id", "1"), nobody},
		{"a session id with a bad token", nil, bearer("x.y.z").and("Mcp-Session-Id", "1"), invalid},
		{"the token in the query", nil, sent{query: "?access_token=" + good}, malformed},
		{
			"the token in the query, and a good one",
			nil,
			sent{query: "?access_token=" + good, headers: bearer(good).headers},
			malformed,
		},
		{"the token in a form", nil, sent{body: "access_token=" + good}, nobody},
		{
			"the token in _meta",
			nil,
			sent{body: strings.Replace(ask, `"name"`, `"_meta":{"authorization":"Bearer `+good+`"},"name"`, 1)},
			nobody,
		},
		{
			"the user in the arguments",
			nil,
			sent{body: strings.Replace(ask, `"sql"`, `"user":"taylor","token":"`+good+`","sql"`, 1)},
			nobody,
		},
		{"a token in Deputy-User-Token alone", nil, with("Deputy-User-Token", good), nobody},
		{"the same token in both", nil, bearer(good).and("Deputy-User-Token", good), invalid},
		{"GET", nil, sent{method: http.MethodGet, headers: bearer(good).headers}, outcome{405, nil, ""}},
		{
			"DELETE of a session",
			nil,
			sent{method: http.MethodDelete, headers: with("Mcp-Session-Id", "1").headers},
			outcome{405, nil, ""},
		},
	}...)
}

func (w *tokenWorld) keys() []tokenRow {
	user := w.taylor("client_id", "some-host")
	return []tokenRow{
		{
			"a key with its agent's user token",
			nil,
			bearer(w.key).and("Deputy-User-Token", w.taylor()),
			answered("marketing for corp/taylor"),
		},
		{"a key alone that may not be", nil, bearer(w.key), forbidden("marketing")},
		{"an unknown key", nil, bearer(w.key[:len(w.key)-3] + "AAA"), invalid},
		{"an unknown key with a good token", nil, bearer("deputy_ak_x").and("Deputy-User-Token", w.taylor()), invalid},
		{"an expired key", nil, bearer(w.oldKey), expired("marketing")},
		{
			"an expired key with a good token",
			nil,
			bearer(w.oldKey).and("Deputy-User-Token", w.taylor()),
			expired("marketing"),
		},
		{"a disabled agent's key", nil, bearer(w.retiredKey), forbidden("retired")},
		{
			"a disabled agent's key with a good token",
			nil,
			bearer(w.retiredKey).and("Deputy-User-Token", w.taylor()),
			forbidden("retired"),
		},
		{
			"a key with a token of another agent's client",
			nil,
			bearer(w.key).and("Deputy-User-Token", w.taylor("client_id", "scanner")),
			forbidden("marketing for corp/taylor"),
		},
		{
			"a key with a token of no agent's client",
			nil,
			bearer(w.key).and("Deputy-User-Token", user),
			forbidden("marketing for corp/taylor"),
		},
		{
			"a key of an agent without clients, with such a token",
			nil,
			bearer(w.relayKey).and("Deputy-User-Token", user),
			answered("relay for corp/taylor"),
		},
		{
			"a key of an agent without clients, with another agent's token",
			nil,
			bearer(w.relayKey).and("Deputy-User-Token", w.taylor()),
			forbidden("relay for corp/taylor"),
		},
		{
			"a key with an application's token",
			nil,
			bearer(w.relayKey).and("Deputy-User-Token", w.taylor("client_id", "some-host", "idtyp", "app")),
			forbidden("relay"),
		},
		{
			"a key with an expired token",
			nil,
			bearer(w.relayKey).and("Deputy-User-Token", w.taylor("exp", time.Now().Add(-time.Minute).Unix())),
			invalid,
		},
		{"a key with a key", nil, bearer(w.key).and("Deputy-User-Token", w.key), invalid},
		{
			"a key with two tokens",
			nil,
			bearer(w.key).and("Deputy-User-Token", w.taylor(), "Deputy-User-Token", w.taylor()),
			malformed,
		},
		{"a key in Deputy-User-Token alone", nil, with("Deputy-User-Token", w.key), nobody},
	}
}

func (w *tokenWorld) ceilings() []tokenRow {
	scope := func(scope any) sent { return bearer(w.taylor("scope", scope)) }
	who := "marketing for corp/taylor"
	rows := []tokenRow{
		{"the scope query", nil, scope("openid query"), answered(who)},
		{"the scope describe only", nil, scope("describe"), needsScope("query describe", who)},
		{"scopes that mean nothing here", nil, scope("openid profile"), needsScope("query", who)},
		{"an empty scope", nil, scope(""), needsScope("query", who)},
		{"the scope QUERY", nil, scope("QUERY"), needsScope("query", who)},
		{"a scope that begins with query", nil, scope("query.all"), needsScope("query", who)},
		{"a scope that cannot be read", nil, scope(map[string]any{"query": true}), invalid},
		{
			"no scope where one is required",
			nil,
			bearer(w.strict.Token(taylors(nil))),
			needsScope("query", "marketing for strict/taylor"),
		},
		{
			"a scope where one is required",
			nil,
			bearer(w.strict.Token(taylors(map[string]any{"scope": "query"}))),
			answered("marketing for strict/taylor"),
		},
	}
	for _, revision := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", ""} {
		rows = append(
			rows,
			tokenRow{
				"the scope describe with MCP-Protocol-Version " + revision,
				nil,
				scope("describe").and("MCP-Protocol-Version", revision),
				needsScope("query describe", who),
			},
		)
	}
	return rows
}

func (w *tokenWorld) opaque() []tokenRow {
	token := func(pairs ...any) string { return w.corp.Opaque(taylors(members(pairs))) }
	says := func(answer string) func() {
		return func() {
			w.corp.Introspect(func(out http.ResponseWriter, _ *http.Request) { io.WriteString(out, answer) })
		}
	}
	honest := func() { w.corp.Introspect(nil); w.corp.SetDown(false); w.fresh() }
	payload := string(w.corp.Payload(taylors(nil)))
	known := token()
	return []tokenRow{
		{"opaque", honest, bearer(known), answered("marketing for corp/taylor")},
		{"opaque and inactive", nil, bearer("opaque_0123456789"), invalid},
		{
			"opaque and revoked while it is remembered",
			func() { w.corp.Revoke(known) },
			bearer(known),
			answered("marketing for corp/taylor"),
		},
		{"opaque and revoked, after a reload", honest, bearer(known), invalid},
		{"opaque, without iss", nil, bearer(token("iss", nil)), invalid},
		{"opaque, of another issuer", nil, bearer(token("iss", w.strict.URL())), invalid},
		{"opaque, without aud", nil, bearer(token("aud", nil)), invalid},
		{"opaque, for somebody else", nil, bearer(token("aud", "https://other.example/mcp")), invalid},
		{"opaque, without exp", nil, bearer(token("exp", nil)), invalid},
		{"opaque, without client_id", nil, bearer(token("client_id", nil, "azp", "chat")), invalid},
		{"opaque, of another kind", nil, bearer(token("token_type", "refresh_token")), invalid},
		{"opaque, and bound to a key", honest, bearer(token("cnf", issuer.NewProver(nil).Confirmation())), invalid},
		{"opaque, of a disabled agent", nil, bearer(token("client_id", "retired")), forbidden("retired for corp/taylor")},
		{
			"opaque, without the scope",
			nil,
			bearer(token("scope", "describe")),
			needsScope("query describe", "marketing for corp/taylor"),
		},
		{"opaque, relayed", nil, bearer(w.key).and("Deputy-User-Token", token()), answered("marketing for corp/taylor")},
		{
			"opaque, active said as text",
			says(strings.Replace(payload, "{", `{"active":"true",`, 1)),
			bearer("opaque_1"),
			unavailable,
		},
		{"opaque, active not said", says(payload), bearer("opaque_2"), unavailable},
		{
			"opaque, active said twice",
			says(strings.Replace(payload, "{", `{"active":true,"active":true,`, 1)),
			bearer("opaque_3"),
			unavailable,
		},
		{"opaque, and the answer is a page", says("<html>"), bearer("opaque_4"), unavailable},
		{"opaque, and the issuer is down", func() { honest(); w.corp.SetDown(true) }, bearer(token()), unavailable},
		{"opaque, and the issuer is up again", honest, bearer(token()), answered("marketing for corp/taylor")},
	}
}

func (w *tokenWorld) proofs() []tokenRow {
	key, other := issuer.NewProver(nil), issuer.NewProver(nil)
	bound := w.taylor("cnf", key.Confirmation())
	dpop := func(token, proof string) sent { return with("Authorization", "DPoP "+token, "DPoP", proof) }
	bend := func(header, claims map[string]any) sent {
		return dpop(bound, key.Proof("POST", tokenAudience, bound, issuer.Bend{Header: header, Claims: claims}))
	}
	claim := func(name string, value any) sent { return bend(nil, map[string]any{name: value}) }
	good := key.Proof("POST", tokenAudience, bound)
	once := key.Proof("POST", tokenAudience, bound)
	private := key.Private()
	free := w.taylor()
	partner := func(extra map[string]any) string { return w.partners.Token(taylors(extra)) }
	partners := partner(map[string]any{"cnf": key.Confirmation()})
	ok := answered("marketing for corp/taylor")
	return []tokenRow{
		{"DPoP", nil, dpop(bound, good), ok},
		{"DPoP, replayed", nil, dpop(bound, good), badProof},
		{"DPoP, for the first time", nil, dpop(bound, once), ok},
		{"DPoP, replayed after a reload", w.fresh, dpop(bound, once), badProof},
		{
			"dpop in small letters",
			nil,
			with("Authorization", "dpop "+bound, "DPoP", key.Proof("POST", tokenAudience, bound)),
			ok,
		},
		{"DPoP without a proof", nil, with("Authorization", "DPoP "+bound), badProof},
		{"DPoP with two proofs", nil, dpop(bound, key.Proof("POST", tokenAudience, bound)).and("DPoP", good), malformed},
		{"DPoP for GET", nil, claim("htm", "GET"), badProof},
		{"DPoP for another address", nil, claim("htu", "https://other.example/mcp"), badProof},
		{"DPoP for the address as the Host header has it", nil, claim("htu", w.url), badProof},
		{"DPoP for the address without its path", nil, claim("htu", tokenPublic), badProof},
		{"DPoP for another token", nil, dpop(bound, key.Proof("POST", tokenAudience, free)), badProof},
		{"DPoP without ath", nil, claim("ath", nil), badProof},
		{"DPoP of two minutes ago", nil, claim("iat", time.Now().Add(-2*time.Minute).Unix()), badProof},
		{"DPoP of the future", nil, claim("iat", time.Now().Add(2*time.Minute).Unix()), badProof},
		{"DPoP without jti", nil, claim("jti", nil), badProof},
		{"DPoP with another key", nil, dpop(bound, other.Proof("POST", tokenAudience, bound)), badProof},
		{"DPoP with a private key", w.fresh, bend(map[string]any{"jwk": private}, nil), badProof},
		{"DPoP with alg none", nil, bend(map[string]any{"alg": "none"}, nil), badProof},
		{"DPoP with HS256", nil, bend(map[string]any{"alg": "HS256"}, nil), badProof},
		{"DPoP with typ JWT", nil, bend(map[string]any{"typ": "JWT"}, nil), badProof},
		{
			"DPoP with an expired token",
			nil,
			dpop(w.taylor("cnf", key.Confirmation(), "exp", time.Now().Add(-time.Minute).Unix()), good),
			misbound,
		},
		{"a bound token as bearer", nil, bearer(bound), invalid},
		{
			"a bound token as bearer, with a proof",
			nil,
			bearer(bound).and("DPoP", key.Proof("POST", tokenAudience, bound)),
			invalid,
		},
		{"a bound token that is relayed", nil, bearer(w.key).and("Deputy-User-Token", bound), invalid},
		{
			"a bound token that is relayed, with a proof",
			nil,
			bearer(w.key).and("Deputy-User-Token", bound, "DPoP", key.Proof("POST", tokenAudience, bound)),
			invalid,
		},
		{"a free token with DPoP", nil, dpop(free, key.Proof("POST", tokenAudience, free)), misbound},
		{"a key with DPoP", nil, dpop(w.key, key.Proof("POST", tokenAudience, w.key)), misbound},
		{
			"a token bound to a certificate",
			nil,
			bearer(w.taylor("cnf", map[string]any{"x5t#S256": key.Confirmation()["jkt"]})),
			invalid,
		},
		{
			"a token bound to a certificate, with DPoP",
			nil,
			dpop(w.taylor("cnf", map[string]any{"x5t#S256": key.Confirmation()["jkt"]}), good),
			misbound,
		},
		{"a token bound to nothing", nil, bearer(w.taylor("cnf", map[string]any{})), invalid},
		{"a free token of an issuer that binds all", w.fresh, bearer(partner(nil)), invalid},
		{
			"a bound token of an issuer that binds all",
			nil,
			dpop(partners, key.Proof("POST", tokenAudience, partners)),
			answered("marketing for partners/taylor"),
		},
	}
}

// issuers are those that are not there, or whose keys change.
func (w *tokenWorld) issuers() []tokenRow {
	ok := answered("marketing for shaky/taylor")
	before := w.shaky.Token(taylors(nil))
	honest := func() { w.shaky.ServeKeys(nil); w.shaky.SetDown(false); w.fresh() }
	serve := func(serve http.HandlerFunc) func() { return func() { w.shaky.ServeKeys(serve) } }
	text := func(text string) func() {
		return serve(func(out http.ResponseWriter, _ *http.Request) { io.WriteString(out, text) })
	}
	misbehave := []struct {
		how string
		do  func()
	}{
		{"is down", func() { w.shaky.SetDown(true) }},
		{"redirects", serve(func(out http.ResponseWriter, r *http.Request) {
			http.Redirect(out, r, w.foreign.URL()+"/keys", http.StatusFound)
		})},
		{"is huge", serve(func(out http.ResponseWriter, _ *http.Request) {
			key, _ := json.Marshal(w.shaky.PublicKey())
			fmt.Fprintf(out, `{"keys":[%s],"x":"%s"}`, key, strings.Repeat("x", 1<<20))
		})},
		{"breaks off", serve(func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Content-Length", "1000")
			io.WriteString(out, `{"keys":[`)
		})},
		{"is not JSON", text("<html>sorry</html>")},
		{"has no keys", text(`{"keys":[]}`)},
		{"has a secret for a key", text(`{"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}]}`)},
	}
	rows := []tokenRow{
		{"a token of a key that is known", honest, bearer(before), ok},
		{"a token of a key that is known, and the keys cannot be had", func() { w.shaky.SetDown(true) }, bearer(before), ok},
	}
	unseen := bearer(w.shaky.Forge(issuer.Forgery{KeyID: "unseen"}, taylors(nil)))
	for _, m := range misbehave {
		rows = append(
			rows,
			tokenRow{
				"the keys endpoint " + m.how + ", and no key is known",
				func() { m.do(); w.forget() },
				bearer(before),
				unavailable,
			},
			tokenRow{
				"the keys endpoint " + m.how + ", and the key is not known",
				func() { honest(); w.forget(); m.do() },
				unseen,
				unavailable,
			},
		)
	}
	return append(rows, tokenRow{"a kid that is not there when the keys are looked for again", honest, unseen, invalid},
		tokenRow{"and the keys are known again", nil, bearer(before), ok})
}

// slowly starts a request to a server whose issuer does not answer, and returns what waits for the outcome. It runs
// beside the table: its time is the fetch's own.
func (w *tokenWorld) slowly(t *testing.T) (wait func()) {
	s := newTokenWorld(t)
	s.shaky.ServeKeys(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	row := tokenRow{
		"the keys endpoint never ends",
		nil,
		bearer(s.shaky.Forge(issuer.Forgery{KeyID: "unseen"}, taylors(nil))),
		unavailable,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.judge(t, row)
	}()
	return func() { <-done }
}

// TestARotatedKeyAtTheFrontDoor is in an order of its own: what was good is not, within one call.
func TestARotatedKeyAtTheFrontDoor(t *testing.T) {
	w := newTokenWorld(t)
	before := w.shaky.Token(taylors(nil))
	w.judge(t, tokenRow{send: bearer(before), want: answered("marketing for shaky/taylor")})
	w.shaky.Rotate()
	w.judge(t, tokenRow{send: bearer(before), want: answered("marketing for shaky/taylor")}) // nobody knows yet
	w.judge(t, tokenRow{send: bearer(w.shaky.Token(taylors(nil))), want: answered("marketing for shaky/taylor")})
	w.judge(t, tokenRow{send: bearer(before), want: invalid}) // known or not: the key is gone
}

// TestAFoldedHeaderIsNoToken goes below net/http's client, which would not send it.
func TestAFoldedHeaderIsNoToken(t *testing.T) {
	w := newTokenWorld(t)
	token := w.taylor()
	for name, header := range map[string]string{
		"folded over two lines":         "Authorization: Bearer " + token[:40] + "\r\n " + token[40:],
		"folded before":                 "Authorization: Bearer\r\n " + token + "x",
		"with a NUL":                    "Authorization: Bearer " + token + "\x00",
		"with a bare CR":                "Authorization: Bearer " + token + "\r x",
		"with a space before the colon": "Authorization : Bearer " + token,
	} {
		connection, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(w.url, "http://"), "/mcp"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(
			connection,
			"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s\r\nContent-Length: %d\r\n\r\n%s",
			header,
			len(ask),
			ask,
		)
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusBadRequest && response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: the answer is %s", name, response.Status)
		}
	}
}

// told are generations that say when a caller has been asked for proof.
type told struct {
	mcp.Generations
	proved chan error
}

func (a told) Begin(ctx context.Context) (mcp.Generation, func()) {
	g, end := a.Generations.Begin(ctx)
	return toldIn{g, a.proved}, end
}

type toldIn struct {
	mcp.Generation
	proved chan error
}

func (g toldIn) Authenticator() mcp.Authenticator { return g }

func (g toldIn) Authenticate(ctx context.Context, c identity.Credentials) (identity.Principal, error) {
	p, err := g.Generation.Authenticator().Authenticate(ctx, c)
	g.proved <- err
	return p, err
}

// TestAProofIsNoReplayOfItself changes the configuration while a request's body is held back, so that the caller is
// proved twice.
func TestAProofIsNoReplayOfItself(t *testing.T) {
	w := newTokenWorld(t)
	proved := make(chan error, 2)
	cfg := w.HTTP("test")
	cfg.Generations = told{w.Live, proved}
	handler, err := httpd.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	key := issuer.NewProver(nil)
	token := w.taylor("cnf", key.Confirmation())
	body, write := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/mcp", body)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"Authorization": "DPoP " + token, "DPoP": key.Proof("POST", tokenAudience, token)} {
		request.Header.Set(name, value)
	}
	go func() {
		defer write.Close()
		if err := <-proved; err != nil {
			t.Errorf("the first time: %v", err)
		}
		w.write(tokenConfig + "# another version\n")
		io.WriteString(write, ask)
	}()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := <-proved; err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("a caller who is proved anew needs no new proof: %v, %s", err, response.Status)
	}
	if got, _ := w.send(with("Authorization", "DPoP "+token, "DPoP", request.Header.Get("DPoP"))); !reflect.DeepEqual(
		got,
		badProof,
	) {
		t.Errorf("another request with the same proof is refused, by the new configuration too: %+v", got)
	}
}
