package conformance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"deputy/audit"
	"deputy/mcp/client"
)

const (
	tokenExchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	deviceCode      = "urn:ietf:params:oauth:grant-type:device_code"
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
)

func TestAForeignTokenIsRefusedAndTheOneItIsExchangedForAnswers(t *testing.T) {
	t.Parallel()
	box := tools(t)
	d, as := believing(t, box)
	// Of a registered agent even: only the audience is wrong.
	foreign := as.signIn(t, "chat", "taylor", portalAudience, "profile-api")
	if status, challenge := d.knock(t, foreign); status != http.StatusUnauthorized ||
		!strings.Contains(challenge, `error="invalid_token"`) {
		t.Errorf("a token for the portal is answered with %d and %q", status, challenge)
	}
	if r := d.last(t); r.Outcome != audit.Denied || r.User != nil {
		t.Errorf("of a token for the portal the record says %+v", r)
	}

	form := url.Values{
		"grant_type": {
			tokenExchange,
		}, "client_id": {"relay"}, "client_secret": {as.Secret}, "resource": {d.url}, "scope": {"query describe"},
		"subject_token": {foreign}, "subject_token_type": {accessTokenType},
	}
	own := as.token(t, form)
	if claims := claimsOf(t, own); claims["aud"] != d.url || claims["sub"] != "taylor" ||
		claims["act"].(map[string]any)["sub"] != "relay" {
		t.Fatalf("the exchanged token says %v", claims)
	}
	as.requests(t)
	d.answers(t, own)
	if r := d.last(t); r.User == nil || r.User.ID != "taylor" || r.Agent.ID != "relay" || r.Mode != "on_behalf_of" {
		t.Errorf("the record says %+v", r)
	}
	for _, request := range as.requests(t) {
		if request.Authorization != "" || strings.Contains(request.Path, "?") {
			t.Errorf("deputy sent something on: %s %s", request.Method, request.Path)
		}
	}
	log, err := os.ReadFile(d.audit)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{foreign, own} {
		if part := token[strings.LastIndex(token, ".")+1:]; bytes.Contains(log, []byte(part)) {
			t.Error("a token's signature is in the audit log")
		}
	}
}

func TestTheActorOfAnExchangeIsTheAgentWhoeverExchanged(t *testing.T) {
	t.Parallel()
	box := tools(t)
	d, as := believing(t, box)
	form := url.Values{
		"grant_type": {tokenExchange}, "client_id": {"gateway"}, "client_secret": {as.Secret}, "resource": {d.url},
		"subject_token": {
			as.signIn(t, "portal", "priya", portalAudience, "profile-api"),
		}, "subject_token_type": {accessTokenType},
	}
	// The gateway is no agent here. Without an actor it acts itself, and may not.
	if status, _ := d.knock(t, as.token(t, form)); status != http.StatusForbidden {
		t.Errorf("an actor that is not registered is answered with %d", status)
	}
	form.Set("actor_token", as.token(t, as.credentials("relay", d.url)))
	form.Set("actor_token_type", accessTokenType)
	token := as.token(t, form)
	if claims := claimsOf(t, token); claims["client_id"] != "gateway" || claims["act"].(map[string]any)["sub"] != "relay" {
		t.Fatalf("the exchanged token says %v", claims)
	}
	if rows := d.rows(t, token); !strings.Contains(rows, secret) {
		t.Errorf("Priya is of Privacy, and sees %s", rows)
	}
	if r := d.last(t); r.User == nil || r.User.ID != "priya" || r.Agent.ID != "relay" {
		t.Errorf("the record says %+v", r)
	}
	// The authorization server keeps to it, too: what is for deputy already is exchanged for nothing.
	form.Set("subject_token", token)
	if status, answer := as.asked(t, "/token", form); status != http.StatusBadRequest ||
		answer["error"] != "invalid_grant" {
		t.Errorf("a token for deputy is exchanged: %d %v", status, answer["error"])
	}
}

func TestADeviceCodeEndsInAnAnswerForWhoeverApprovedIt(t *testing.T) {
	t.Parallel()
	box := tools(t)
	d, as := believing(t, box)
	status, device := as.asked(
		t,
		"/device/auth",
		url.Values{"client_id": {"chat"}, "scope": {"query describe"}, "resource": {d.url}},
	)
	if status != http.StatusOK {
		t.Fatalf("no device code: %d %v", status, device)
	}
	form := url.Values{
		"grant_type":  {deviceCode},
		"client_id":   {"chat"},
		"device_code": {device["device_code"].(string)},
		"resource":    {d.url},
	}
	if _, answer := as.asked(t, "/token", form); answer["error"] != "authorization_pending" {
		t.Errorf("before somebody approved, the answer is %v", answer["error"])
	}
	newBrowser(t, "taylor").open(device["verification_uri_complete"].(string))
	d.answers(t, as.token(t, form))
	if r := d.last(t); r.User == nil || r.User.ID != "taylor" || r.Agent.ID != "chat" {
		t.Errorf("the record says %+v", r)
	}
}

func TestClientCredentialsAreTheAgentAloneIfItMay(t *testing.T) {
	t.Parallel()
	box := tools(t)
	d, as := believing(t, box)
	d.answers(t, as.token(t, as.credentials("nightly", d.url)))
	if r := d.last(t); r.User != nil || r.Agent.ID != "nightly" || r.Mode != "autonomous" {
		t.Errorf("the record says %+v", r)
	}
	if status, _ := d.knock(t, as.token(t, as.credentials("relay", d.url))); status != http.StatusForbidden {
		t.Errorf("an agent that may not act alone is answered with %d", status)
	}
}

// credentials ask for a token of the client alone.
func (p provider) credentials(client, audience string) url.Values {
	return url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {client},
		"client_secret": {p.Secret},
		"resource":      {audience},
		"scope":         {"query describe"},
	}
}

// request is what somebody asked of the authorization server.
type request struct{ Method, Path, Authorization string }

// requests are those since the last time.
func (p provider) requests(t *testing.T) (out []request) {
	t.Helper()
	response, err := http.Get(p.Issuer + "/-/asked")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// knock calls with a token and returns how it is received, before any protocol.
func (d *deputy) knock(t *testing.T, token string) (status int, challenge string) {
	t.Helper()
	request, err := http.NewRequest(
		http.MethodPost,
		d.url,
		strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"describe_table","arguments":{}}}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{
		"Content-Type":  {"application/json"},
		"Accept":        {"application/json, text/event-stream"},
		"Authorization": {"Bearer " + token},
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header.Get("WWW-Authenticate")
}

// rows are what the bearer of a token is answered.
func (d *deputy) rows(t *testing.T, token string) string {
	t.Helper()
	c, err := client.HTTP(t.Context(), d.url, token, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer, err := c.Query(t.Context(), map[string]any{"sql": question})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := json.Marshal(answer.Rows)
	if err != nil {
		t.Fatal(err)
	}
	return string(rows)
}

func (d *deputy) answers(t *testing.T, token string) {
	t.Helper()
	shown(t, json.RawMessage(d.rows(t, token)))
}

func (d *deputy) last(t *testing.T) audit.Record {
	t.Helper()
	all := d.records(t)
	if len(all) == 0 {
		t.Fatal("nothing is on the record")
	}
	return all[len(all)-1]
}

// claimsOf reads a token without believing it.
func claimsOf(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatal("this is no JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		t.Fatal("this is no JWT")
	}
	return claims
}
