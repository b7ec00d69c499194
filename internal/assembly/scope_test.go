package assembly_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"deputy/audit"
	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
)

// Through the front door, with a real token: what it names is all it may be used for, and the host is told what to ask
// for.
func TestATokensScopesAreItsCeilingThroughTheFrontDoor(t *testing.T) {
	w := follow(t, "sqlite")
	url := w.serve()
	post := func(scope, tool, arguments string) (status int, challenge, body string) {
		token := w.stage.Issuer().
			Token(issuer.Claims{Subject: "taylor", ClientID: "marketing-chat", Groups: []string{"Marketing"},
				Extra: map[string]any{
					"scope": scope,
					"act":   map[string]any{"sub": "marketing-chat", "act": map[string]any{"sub": "gateway"}},
				}})
		request, err := http.NewRequestWithContext(
			t.Context(),
			http.MethodPost,
			url+"/mcp",
			strings.NewReader(
				`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+tool+`","arguments":`+arguments+`}}`,
			),
		)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, response.Header.Get("WWW-Authenticate"), string(text)
	}
	const sql = `{"sql":"` + names + `","platform":"shop"}`
	if status, challenge, body := post("openid", "query", sql); status != http.StatusForbidden ||
		!strings.Contains(challenge, `error="insufficient_scope", scope="query"`) {
		t.Errorf("without the scope: %d %s %s", status, challenge, body)
	}
	if r := w.records()[len(w.records())-1]; r.Tool != "query" || r.Outcome != audit.Denied || r.User.ID != "taylor" ||
		strings.Join(r.Actors, " ") != "marketing-chat gateway" ||
		r.Credential != "access token" {
		t.Errorf("the record is %+v", r)
	}
	if status, _, body := post("openid query", "query", sql); status != http.StatusOK ||
		!strings.Contains(body, "REDACTED") {
		t.Errorf("with the scope: %d %s", status, body)
	}
	if status, _, body := post("query", "describe_table", "{}"); status != http.StatusForbidden ||
		strings.Contains(body, "customer_orders") {
		t.Errorf("describe_table with the scope query: %d %s", status, body)
	}
	w.write(w.but("    - url: ${DEMO_ISSUER}\n", "    - url: ${DEMO_ISSUER}\n      scopes: ignored\n"))
	if status, _, body := post("openid", "query", sql); status != http.StatusOK {
		t.Errorf("where scopes are ignored: %d %s", status, body)
	}
	w.write(w.but("    - url: ${DEMO_ISSUER}\n", "    - url: ${DEMO_ISSUER}\n      scope_prefix: 'deputy:'\n"))
	if _, challenge, _ := post("deputy:describe", "query", sql); !strings.Contains(
		challenge,
		`scope="deputy:query deputy:describe"`,
	) {
		t.Errorf("with a prefix the challenge is %s", challenge)
	}
	if _, body := serving.Get(t, url+"/.well-known/oauth-protected-resource"); !strings.Contains(
		body,
		`"scopes_supported":["deputy:query","deputy:describe","deputy:request"]`,
	) {
		t.Errorf("the metadata is %s", body)
	}
}
