package assembly_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/issuer"
	"deputy/mcp/httpd"
)

const (
	tokenPublic   = "https://deputy.example.com"
	tokenAudience = tokenPublic + "/mcp"
)

const shakyIssuer = `    - {name: shaky, url: "${SHAKY}"}
`

// tokenConfig has one agent of each kind, and issuers of each kind: corp is asked about opaque tokens, partners binds
// all tokens to keys, strict wants scopes, shaky is the one that misbehaves.
const tokenConfig = `
server: {public_url: https://deputy.example.com}
identity:
  issuers:
    - {name: corp, url: "${CORP}", introspection: {client_id: deputy, client_secret: "${SECRET}"}}
    - {name: partners, url: "${PARTNERS}", dpop: required}
    - {name: strict, url: "${STRICT}", scopes: required, token_types: [at+jwt, JWT]}
` + shakyIssuer + `  users:
    - {id: corp/gone, disabled: true}
agents:
  - {name: marketing, client_ids: [chat], keys: [{sha256: "${KEY}"}, {sha256: "${OLD_KEY}", expires: 2020-01-01}]}
  - {name: scanner, client_ids: [scanner], groups: [Marketing], modes: [autonomous]}
  - {name: relay, key_sha256: ["${RELAY_KEY}"]}
  - {name: retired, client_ids: [retired], key_sha256: ["${RETIRED_KEY}"], disabled: true}
  - {name: picky, client_ids: [picky], acts_for: [user:corp/priya]}
  - {name: outside, client_ids: [outside], issuers: [partners]}
platforms:
  shop: {engine: sqlite, path: "${DATABASE}", schema: sales}
policies:
  - {name: marketing reads, grant: [sales.*], to: group:Marketing}
audit: {file: "${AUDIT}"}
`

// tokenWorld is a served Deputy whose issuers the test holds.
type tokenWorld struct {
	*world
	corp, partners, strict, shaky, foreign *issuer.Issuer

	key, oldKey, relayKey, retiredKey string
	url                               string
}

func newTokenWorld(t *testing.T) *tokenWorld {
	t.Helper()
	stage, err := demo.Start(t.Context(), demo.Config{Engine: config.SQLite, Log: zerolog.Nop()}) // for its data
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stage.Close() })
	w := &tokenWorld{world: &world{t: t, stage: stage, file: filepath.Join(t.TempDir(), "deputy.yaml")}}
	w.audit = filepath.Join(filepath.Dir(w.file), "audit.jsonl")
	env := map[string]string{"SECRET": issuer.IntrospectionSecret, "AUDIT": w.audit}
	for _, pair := range stage.Environment() {
		if path, ok := strings.CutPrefix(pair, "DEMO_DATABASE="); ok {
			env["DATABASE"] = path
		}
	}
	for name, at := range map[string]**issuer.Issuer{"CORP": &w.corp, "PARTNERS": &w.partners, "STRICT": &w.strict, "SHAKY": &w.shaky, "FOREIGN": &w.foreign} {
		if *at, err = issuer.Start(issuer.Config{Audience: tokenAudience}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*at).Close() })
		env[name] = (*at).URL()
	}
	for name, key := range map[string]*string{"KEY": &w.key, "OLD_KEY": &w.oldKey, "RELAY_KEY": &w.relayKey, "RETIRED_KEY": &w.retiredKey} {
		*key, env[name] = identity.NewKey(rand.Reader)
	}
	w.write(tokenConfig)
	load := func() (*config.Config, error) {
		return config.Load(w.file, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	}
	logger := func(string) zerolog.Logger { return zerolog.New(&w.log) }
	if w.Live, err = assembly.Follow(t.Context(), load, logger); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	w.listen()
	return w
}

// listen serves as deputy serve does: the same handler, and the server around it with its own limits.
func (w *tokenWorld) listen() {
	w.t.Helper()
	handler, err := httpd.New(w.HTTP("test"))
	if err != nil {
		w.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- (&httpd.Server{Handler: handler, Logger: w.Log()}).Serve(ctx, listener) }()
	w.t.Cleanup(func() {
		stop()
		<-served
	})
	w.url = "http://" + listener.Addr().String() + "/mcp"
}

// Claims of the human who asks through the chat, changed; nil takes one out.
func taylors(extra map[string]any) issuer.Claims {
	return issuer.Claims{Subject: "taylor", ClientID: "chat", Name: "Taylor", Groups: []string{"Marketing"}, Extra: extra}
}

// taylor is an ordinary token of corp with claims changed.
func (w *tokenWorld) taylor(pairs ...any) string { return w.corp.Token(taylors(members(pairs))) }

func members(pairs []any) map[string]any {
	m := map[string]any{}
	for n := 0; n < len(pairs); n += 2 {
		m[pairs[n].(string)] = pairs[n+1]
	}
	return m
}

const ask = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":{"sql":"SELECT count(*) AS orders FROM sales.customer_orders"}}}`

// sent is one request of the table, and what became of it.
type sent struct {
	method, query, body string
	headers             [][2]string
}

func bearer(token string) sent { return with("Authorization", "Bearer "+token) }

func with(pairs ...string) sent {
	s := sent{}
	for n := 0; n < len(pairs); n += 2 {
		s.headers = append(s.headers, [2]string{pairs[n], pairs[n+1]})
	}
	return s
}

// and adds headers.
func (s sent) and(pairs ...string) sent {
	s.headers = append(s.headers[:len(s.headers):len(s.headers)], with(pairs...).headers...)
	return s
}

// outcome is what a host and an auditor see of a request.
type outcome struct {
	Status     int
	Challenges []string // exactly
	Record     string   // what is on the record, in short; empty: nothing is
}

func (w *tokenWorld) send(s sent) (outcome, string) {
	w.t.Helper()
	before := len(w.records())
	body := s.body
	if body == "" {
		body = ask
	}
	request, err := http.NewRequestWithContext(
		w.t.Context(),
		orElse(s.method, http.MethodPost),
		w.url+s.query,
		strings.NewReader(body),
	)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	for _, h := range s.headers {
		request.Header.Add(h[0], h[1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return outcome{
			response.StatusCode,
			response.Header.Values("WWW-Authenticate"),
			inShort(w.records()[before:]),
		}, string(
			text,
		)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func inShort(records []audit.Record) string {
	var lines []string
	for _, r := range records {
		line := fmt.Sprintf("%s %s", r.Tool, r.Outcome)
		if r.Code != "" {
			line += " " + r.Code
		}
		if r.Agent.ID != "" {
			line += " " + r.Agent.ID
		}
		if r.User != nil {
			line += " for " + r.User.ID
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

// The challenges, letter by letter. Nothing of a request is in them.
const (
	bearerChallenge = `Bearer resource_metadata="https://deputy.example.com/.well-known/oauth-protected-resource/mcp"`
	dpopChallenge   = `DPoP resource_metadata="https://deputy.example.com/.well-known/oauth-protected-resource/mcp", algs="ES256 EdDSA PS256 RS256"`
	invalidToken    = `, error="invalid_token", error_description="the credential was not accepted"`
	invalidProof    = `, error="invalid_dpop_proof", error_description="the credential was not accepted"`
)

// What a row can come to.
var (
	nobody  = outcome{401, []string{bearerChallenge, dpopChallenge}, ""}
	invalid = outcome{
		401,
		[]string{bearerChallenge + invalidToken, dpopChallenge},
		"authenticate denied invalid_token",
	}
	badProof = outcome{
		401,
		[]string{bearerChallenge, dpopChallenge + invalidProof},
		"authenticate denied invalid_dpop_proof",
	}
	misbound = outcome{
		401,
		[]string{bearerChallenge, dpopChallenge + invalidToken},
		"authenticate denied invalid_token",
	}
	unavailable = outcome{503, nil, ""}
	malformed   = outcome{400, nil, ""}
)

func forbidden(who string) outcome {
	return outcome{
		403,
		[]string{bearerChallenge, dpopChallenge},
		strings.TrimSpace("authenticate denied insufficient_access " + who),
	}
}

func expired(who string) outcome {
	return outcome{invalid.Status, invalid.Challenges, invalid.Record + " " + who}
}

func answered(who string) outcome { return outcome{200, nil, "query answered " + who} }

func needsScope(scopes, who string) outcome {
	return outcome{
		403,
		[]string{
			bearerChallenge + `, error="insufficient_scope", scope="` + scopes + `", error_description="the access token does not have the scope that is needed"`,
			dpopChallenge,
		},
		"query denied not_permitted " + who,
	}
}

// tokenRow is one line of the table. What has to be so before is set up by first.
type tokenRow struct {
	name  string
	first func()
	send  sent
	want  outcome
}

// judge sends a row and compares all that comes of it.
func (w *tokenWorld) judge(t *testing.T, row tokenRow) {
	t.Helper()
	if row.first != nil {
		row.first()
	}
	got, body := w.send(row.send)
	if !reflect.DeepEqual(got, row.want) {
		t.Errorf(
			"\n got %d %q\n     record %q\nwant %d %q\n     record %q\nthe answer is %.300s",
			got.Status,
			got.Challenges,
			got.Record,
			row.want.Status,
			row.want.Challenges,
			row.want.Record,
			body,
		)
	}
	if got.Status == http.StatusOK && !strings.Contains(body, `"orders"`) {
		t.Errorf("the answer has no rows: %.300s", body)
	}
	if got.Status != http.StatusOK && strings.Contains(body, "orders") {
		t.Errorf("a refusal has rows: %.300s", body)
	}
	for _, h := range row.send.headers {
		for _, secret := range strings.FieldsFunc(h[1], func(r rune) bool { return strings.ContainsRune(" .,\t", r) }) {
			if len(secret) > 20 && !strings.HasPrefix(secret, "http") && strings.Contains(body, secret) {
				t.Errorf("the answer repeats a part of %s: %.300s", h[0], body)
			}
		}
	}
}

// forget has the keys of shaky not known any more: a reload alone keeps them.
func (w *tokenWorld) forget() {
	w.write(strings.Replace(tokenConfig, shakyIssuer, "", 1))
	w.fresh()
	w.write(tokenConfig)
	w.fresh()
}

// fresh takes the configuration in anew: the limits on what strangers may put on the record begin anew too.
func (w *tokenWorld) fresh() {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	w.Reload(ctx)
}

// assertNoSecrets reads the operator's log and the audit log, after everything.
func (w *tokenWorld) assertNoSecrets(t *testing.T, rows []tokenRow) {
	t.Helper()
	recorded, err := os.ReadFile(w.audit)
	if err != nil {
		t.Fatal(err)
	}
	written := w.log.String() + string(recorded)
	secrets := []string{issuer.IntrospectionSecret, w.key, w.oldKey, w.relayKey, w.retiredKey}
	for _, row := range rows {
		for _, h := range row.send.headers {
			for part := range strings.FieldsFuncSeq(h[1], func(r rune) bool { return strings.ContainsRune(" .,\t", r) }) {
				if len(part) > 40 {
					secrets = append(secrets, part)
				}
			}
		}
	}
	for _, secret := range secrets {
		if strings.Contains(written, secret) {
			t.Errorf("a log holds %.30s…", secret)
		}
	}
}
