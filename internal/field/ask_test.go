package field

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"deputy/internal/testkit/issuer"
	"deputy/mcp/client"
)

// session is an MCP client with one token; err is why there is none.
type session struct {
	client *client.Client
	err    error
}

// token is an access token of the line's caller.
func (w *world) token(l line, subject string) string {
	audience := "http://" + w.address + "/mcp"
	claims := issuer.Claims{Subject: subject, ClientID: "chat", Groups: l.groups(), Audience: audience}
	if l.Rule != "" {
		claims.Groups = append(claims.Groups, l.ID)
	}
	switch {
	case l.Token == "expired":
		claims.Lifetime = -time.Hour
	case l.Token != "":
		claims.Audience = "http://" + w.address + l.Token
	}
	payload := map[string]json.RawMessage{}
	if err := json.Unmarshal(authority.Payload(claims), &payload); err != nil {
		panic(err) // the issuer wrote it
	}
	maps.Copy(payload, l.Claims.Claims)
	maps.Copy(payload, l.Claims.Extra)
	encoded, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	return authority.Forge(issuer.Forgery{Payload: encoded}, claims)
}

// ask connects as the line's caller, once for each set of claims.
func (w *world) ask(l line, subject string) *session {
	key, _ := json.Marshal([]any{subject, l.groups(), l.Rule != "", l.Claims, l.Rule})
	s := w.sessions[string(key)]
	if s == nil {
		s = &session{}
		s.client, s.err = client.HTTP(context.Background(), "http://"+w.address+"/mcp", w.token(l, subject), "")
		w.sessions[string(key)] = s
	}
	return s
}

// answer is what came back to a request over HTTP.
type answer struct {
	Status          int      `json:"status"`
	WWWAuthenticate []string `json:"www_authenticate"`
	Body            string   `json:"body"`
}

// send makes one HTTP request. "<token>" in a header is exchanged.
func (w *world) send(r request, token string) (answer, error) {
	var body io.Reader
	if r.Body != nil {
		body = strings.NewReader(*r.Body)
	}
	request, err := http.NewRequest(r.Method, "http://"+w.address+r.Path, body)
	if err != nil {
		return answer{}, err
	}
	for name, value := range r.Headers {
		request.Header[http.CanonicalHeaderKey(name)] = []string{strings.ReplaceAll(value, "<token>", token)}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header.Values("WWW-Authenticate"), string(text)}, err
}

// query is one call of the query tool as a request, whose status tells a stop from an answer.
func query(platform, sql string) request {
	body, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": map[string]any{
		"name": "query", "arguments": map[string]any{"platform": platform, "sql": sql}}})
	text := string(body)
	return request{Method: "POST", Path: "/mcp", Body: &text, Headers: map[string]string{
		"Content-Type":  "application/json",
		"Accept":        "application/json, text/event-stream",
		"Authorization": "Bearer <token>",
	}}
}
