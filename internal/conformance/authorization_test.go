package conformance

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"golang.org/x/oauth2"
)

const portalAudience = "https://portal.example.com/api" // of the tokens that a host has for itself

// provider is oidc-provider, running for one test.
type provider struct {
	Issuer string
	Secret string // of its confidential clients
}

// authorizationServer starts one whose access tokens may be for the audience. More says how long they live.
func authorizationServer(t *testing.T, box *toolbox, audience string, more ...string) provider {
	t.Helper()
	process := box.script(t, filepath.Join("js", "authorization-server.mjs"), append([]string{audience}, more...)...)
	process.Stderr = t.Output()
	in, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); process.Wait() })
	var p provider
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &p) != nil || p.Issuer == "" {
		t.Fatalf("the authorization server does not start: %q (%v)", line, err)
	}
	return p
}

// asked posts to the token endpoint, or another one, and returns the answer. The client is named in it, with its secret
// if it has one.
func (p provider) asked(t *testing.T, path string, form url.Values) (status int, answer map[string]any) {
	t.Helper()
	response, err := http.PostForm(p.Issuer+path, form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

// token is one that the token endpoint gave.
func (p provider) token(t *testing.T, form url.Values) string {
	t.Helper()
	status, answer := p.asked(t, "/token", form)
	token, _ := answer["access_token"].(string)
	if status != http.StatusOK || token == "" {
		t.Fatalf("no token for %s: %d %v %v", form.Get("grant_type"), status, answer["error"], answer["error_description"])
	}
	return token
}

// signIn is what a host does: authorization code with PKCE, in the browser of whoever signs in.
func (p provider) signIn(t *testing.T, client, person, audience, scope string) string {
	t.Helper()
	config := oauth2.Config{
		ClientID: client, RedirectURL: "http://127.0.0.1:1/callback", Scopes: []string{scope},
		Endpoint: oauth2.Endpoint{
			AuthURL:   p.Issuer + "/auth",
			TokenURL:  p.Issuer + "/token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
	verifier := oauth2.GenerateVerifier()
	resource := oauth2.SetAuthURLParam("resource", audience)
	callback := newBrowser(t, person).open(config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), resource))
	token, err := config.Exchange(t.Context(), callback.Query().Get("code"), oauth2.VerifierOption(verifier), resource)
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}
