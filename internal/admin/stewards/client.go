// Package stewards asks a Deputy server about access requests, for the people who decide on them.
package stewards

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/identity/signin"
	"deputy/internal/admin"
	"deputy/internal/admin/signins"
	"deputy/tools/desk"
)

// Client speaks with one server.
type Client struct {
	Server string // its URL
	Getenv func(string) string
}

// At is the client of the server with a URL.
func At(server string, getenv func(string) string) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && admin.OnThisMachine(u.Hostname())) {
		return nil, admin.Usagef("not the URL of a server: write https://deputy.example.com")
	}
	return &Client{strings.TrimRight(server, "/"), getenv}, nil
}

// token is the token in the environment, or else that of the human who signed in at the server.
func (c *Client) token(ctx context.Context) (string, error) {
	if token := c.Getenv(identity.EnvUserToken); token != "" {
		return token, nil
	}
	token, err := signin.Token(ctx, c.Getenv, c.Server, identity.ScopeApprove)
	if err != nil {
		return "", signins.InWords(err)
	}
	return token, nil
}

// ask sends one request with the token of the human who decides, and returns the answer as it came and decoded.
func (c *Client) ask(ctx context.Context, method, path string, body, answer any) (json.RawMessage, error) {
	token, err := c.token(ctx)
	if err != nil {
		return nil, err
	}
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.Server+"/api/requests"+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	status, raw, err := admin.Ask(client.HTTP(), request, maxAnswer)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.Server, err)
	}
	if status != http.StatusOK {
		return nil, c.refusal(status, raw)
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return nil, fmt.Errorf("the answer of %s is not one of Deputy's: is it the right server?", c.Server)
	}
	return audit.Escape(bytes.TrimSpace(raw)), nil // it goes to a terminal, and another server may have written it
}

const maxAnswer = 16 << 20

// client follows no redirect: the token would go with one to the same host.
var client = admin.Client{Timeout: time.Minute, Proxied: true,
	Redirected: errors.New("the server sends elsewhere, where the token does not go")}

// refusal puts a refusal into an error that says what to do.
func (c *Client) refusal(status int, raw []byte) error {
	var refusal struct {
		Code    string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &refusal) != nil || refusal.Message == "" {
		return fmt.Errorf("the server answers with status %d", status)
	}
	source, todo := "sign-in", "run deputy login --server "+c.Server+" --scope approve"
	if c.Getenv(identity.EnvUserToken) != "" {
		source, todo = "token in "+identity.EnvUserToken, "set another, or unset it and "+todo
	}
	switch refusal.Code {
	case "invalid_token", "missing":
		return fmt.Errorf("%s: %s", refusal.Message, todo)
	case "insufficient_scope":
		return fmt.Errorf("the %s is not for deciding: %s", source, todo)
	}
	return errors.New(refusal.Message)
}

// List are the requests that the human may see, of the given statuses and platform; empty: of all.
func (c *Client) List(
	ctx context.Context,
	statuses []string,
	platform string,
) ([]desk.View, json.RawMessage, error) {
	query := url.Values{}
	if len(statuses) > 0 {
		query.Set("status", strings.Join(statuses, ","))
	}
	if platform != "" {
		query.Set("platform", platform)
	}
	var answer struct {
		Requests []desk.View `json:"requests"`
	}
	raw, err := c.ask(ctx, http.MethodGet, "?"+query.Encode(), nil, &answer)
	return answer.Requests, raw, err
}

// Show is one request, with what approving it would reveal.
func (c *Client) Show(ctx context.Context, id string) (v desk.View, raw json.RawMessage, err error) {
	raw, err = c.ask(ctx, http.MethodGet, "/"+url.PathEscape(id), nil, &v)
	return v, raw, err
}

// Ruling is what a human decides about a request.
type Ruling struct {
	Verdict requests.Verdict
	Note    string // to the one who asked
	For     string // of an approval, the longest it lasts; empty: as long as was asked for
}

// Check says what of a ruling cannot be meant.
func (r Ruling) Check() error {
	if r.Verdict != requests.VerdictApprove || r.For == "" {
		return nil
	}
	if _, err := requests.ParsePeriod(r.For); err != nil {
		return admin.Usagef("--for is %w", err)
	}
	return nil
}

// Rule decides, and returns the request as it is then.
func (c *Client) Rule(ctx context.Context, id string, r Ruling) (v desk.View, raw json.RawMessage, err error) {
	body := map[string]string{}
	if r.Note != "" {
		body["note"] = r.Note
	}
	if r.Verdict == requests.VerdictApprove && r.For != "" {
		body["duration"] = r.For
	}
	raw, err = c.ask(ctx, http.MethodPost, "/"+url.PathEscape(id)+"/"+string(r.Verdict), body, &v)
	return v, raw, err
}
