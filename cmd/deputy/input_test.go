package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/identity"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
)

// What is wrong from the outside goes through the front door here: the server as it is served, and nothing of it
// replaced.

func TestNobodyPassesTheFrontDoorWithABadCredential(t *testing.T) {
	var log serving.Output
	s := loggedStage(t, config.SQLite, zerolog.New(&log))
	own, foreign := s.Issuer(), startIssuer(t)
	good := issuer.Claims{Subject: "taylor", ClientID: "marketing-chat", Groups: []string{"Privacy"}, Audience: s.URL}
	but := func(change func(*issuer.Claims)) issuer.Claims {
		c := good
		change(&c)
		return c
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	strangersKey, _ := identity.NewKey(rand.Reader)
	parts := strings.Split(own.Token(good), ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + "."

	for _, tt := range []struct {
		name   string
		token  string
		status int
		says   string
	}{
		{"no token", "", 401, "missing"},
		{"garbage", "garbage-that-is-no-token", 401, "invalid_token"},
		{"garbage in three parts", "garbage1.garbage2.garbage3", 401, "invalid_token"},
		{"garbage as long as a header may be", strings.Repeat("g", 60<<10), 401, "invalid_token"},
		{"expired", own.Token(but(func(c *issuer.Claims) { c.Lifetime = -time.Second })), 401, "has expired"},
		{"without an end", own.Token(but(func(c *issuer.Claims) { c.Extra = map[string]any{"exp": nil} })), 401, "invalid_token"},
		{"of an issuer that nobody configured", foreign.Token(good), 401, "not from an issuer that is trusted"},
		{"of that issuer, in the name of ours", foreign.Token(but(func(c *issuer.Claims) { c.Extra = map[string]any{"iss": own.URL()} })), 401, "invalid_token"},
		{"signed by somebody else with our key's name", own.Forge(issuer.Forgery{Key: stranger}, good), 401, "not signed by its issuer"},
		{"unsigned, with alg none", unsigned, 401, "algorithm that is not taken"},
		{"with the signature cut off", parts[0] + "." + parts[1] + ".", 401, "invalid_token"},
		{"with other claims under the signature", parts[0] + "." + base64.RawURLEncoding.EncodeToString(own.Payload(good)) + "." + parts[2], 401, "not signed by its issuer"},
		{"an ID token by its type", own.Forge(issuer.Forgery{Type: "JWT"}, good), 401, "not an access token"},
		{"an ID token by its claims", own.Token(but(func(c *issuer.Claims) { c.Extra = map[string]any{"nonce": "n-0S6"} })), 401, "ID token"},
		{"for another server", own.Token(but(func(c *issuer.Claims) { c.Audience = "https://elsewhere.example.com/mcp" })), 401, "not for this server"},
		{"for us and another server", own.Token(but(func(c *issuer.Claims) {
			c.Extra = map[string]any{"aud": []string{s.URL, "https://elsewhere.example.com"}}
		})), 401, "not for it alone"},
		{"of an agent that nobody registered", own.Token(but(func(c *issuer.Claims) { c.ClientID = "rogue-chat" })), 403, "not a registered agent"},
		{"of no agent", own.Token(but(func(c *issuer.Claims) { c.ClientID = "" })), 403, "not a registered agent"},
		{"an agent key that nobody registered", strangersKey, 401, "key is not known"},
		{"the key of an agent that needs a human", s.AgentKey, 403, "may not act on its own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log.Reset()
			answer := post(t, s.URL, tt.token, query("SELECT lastname FROM sales.customer_orders"))
			if answer.status != tt.status || !strings.Contains(answer.body, tt.says) {
				t.Errorf("the answer is %d %s, and not %d %s", answer.status, answer.body, tt.status, tt.says)
			}
			challenge := answer.header.Get("WWW-Authenticate")
			metadata := strings.Replace(s.URL, "/mcp", "/.well-known/oauth-protected-resource/mcp", 1)
			if !strings.HasPrefix(challenge, fmt.Sprintf("Bearer resource_metadata=%q", metadata)) {
				t.Errorf("the challenge %q does not say where tokens come from", challenge)
			}
			seen := fmt.Sprint(answer.header, answer.body, log.String())
			for _, part := range strings.Split(tt.token, ".") {
				if len(part) >= 8 && strings.Contains(seen, part) {
					t.Errorf("%.12s… of the token is in the answer or the log", part)
				}
			}
			if !strings.Contains(log.String(), "caller refused") {
				t.Errorf("the log does not say that a caller was refused: %s", &log)
			}
			if strings.Contains(tt.name, "nobody registered") && tt.status == 403 &&
				!strings.Contains(log.String(), "rogue-chat") {
				t.Errorf("the log does not name the client: %s", &log)
			}
			assertNoLeak(t, seen)
		})
	}
	named := false
	for _, r := range records(t, s.AuditFile) {
		named = named || strings.Contains(strings.Join(r.Reasons, "\n"), `"rogue-chat"`)
		proved := r.Code == string(identity.InsufficientAccess) // and refused by name
		if r.Tool != audit.Authenticate || r.Outcome != audit.Denied || r.SQL != "" ||
			!proved && (r.Agent.ID != "" || r.User != nil) {
			t.Errorf("a call of nobody is on the record as %+v", r)
		}
	}
	if !named {
		t.Error("no record names the client that is no agent")
	}
	text, err := os.ReadFile(s.AuditFile)
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(own.Token(good), ".") { // the headers of all tokens are alike
		if strings.Contains(string(text), part) || strings.Contains(string(text), strangersKey) {
			t.Error("there is something of a token on the record")
		}
	}
	if answer := post(
		t,
		s.URL,
		own.Token(good),
		query("SELECT lastname FROM sales.customer_orders"),
	); !strings.Contains(
		answer.body,
		"Okafor",
	) {
		t.Errorf("the good token is not taken: %d %s", answer.status, answer.body)
	}
}

func TestTheChallengeLeadsToTheIssuer(t *testing.T) {
	s := stage(t, config.SQLite)
	challenge := post(t, s.URL, "", query("SELECT 1")).header.Get("WWW-Authenticate")
	_, rest, _ := strings.Cut(challenge, `resource_metadata="`)
	metadata, _, _ := strings.Cut(rest, `"`)
	var says struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
	}
	serving.GetJSON(t, metadata, &says)
	if says.Resource != s.URL || len(says.Servers) != 1 || says.Servers[0] != s.Issuer().URL() {
		t.Errorf("%s says %+v", metadata, says)
	}
}

// badMessages are statements that nobody should send, as the bytes of a tool call. Over HTTP a message that cannot even
// be read has a status of its own, on both transports the answer says what is wrong.
var badMessages = []struct {
	name   string
	body   []byte
	status int
	says   string
}{
	{"10 MB", query("SELECT '" + strings.Repeat("x", 10<<20) + "'"), 413, "too l"},
	{"10 MB of parentheses", query(strings.Repeat("(", 10<<20)), 413, "too l"},
	{"64 KiB and one", query("SELECT 1" + strings.Repeat(" ", 64<<10-7)), 200, "the statement is longer than 64 KiB"},
	{
		"a NUL, escaped",
		query("SELECT 1 \x00; DROP TABLE sales.customer_orders"),
		200,
		"the statement contains a NUL character",
	},
	{"a NUL, raw", bytes.Replace(query("SELECT NUL"), []byte("NUL"), []byte{0}, 1), 400, "the message is not JSON"},
	{
		"invalid UTF-8",
		bytes.Replace(query("SELECT 'BAD'"), []byte("BAD"), []byte{0xff, 0xfe}, 1),
		200,
		"not valid UTF-8",
	},
	{
		"an overlong slash",
		bytes.Replace(query("SELECT 'BAD'"), []byte("BAD"), []byte{0xc0, 0xaf}, 1),
		200,
		"not valid UTF-8",
	},
	{"empty", query(""), 200, "the statement is empty"},
	{"blank", query(" \n\t "), 200, "the statement is empty"},
	{"only a comment", query("-- nothing"), 200, `"isError":true`},
	{"only a semicolon", query(";"), 200, `"isError":true`},
	{
		"10,000 parentheses",
		query("SELECT " + strings.Repeat("(", 10_000) + "1" + strings.Repeat(")", 10_000)),
		200,
		`"isError":true`,
	},
	{"10,000 parentheses that stay open", query("SELECT " + strings.Repeat("(", 10_000)), 200, `"isError":true`},
	{"10,000 times NOT", query("SELECT " + strings.Repeat("NOT ", 10_000) + "true"), 200, `"isError":true`},
	{
		"3,000 subselects",
		query(strings.Repeat("SELECT * FROM (", 3_000) + "SELECT 1" + strings.Repeat(") q", 3_000)),
		200,
		`"isError":true`,
	},
	{"an unterminated string", query("SELECT 'never"), 200, "invalid_sql"},
	{
		"a number for sql",
		[]byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"query","arguments":{"sql":7}}}`),
		200,
		"the argument sql must be a string",
	},
	{
		"no sql",
		[]byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"query","arguments":{}}}`),
		200,
		"the argument sql is missing",
	},
	{
		"10,000 nested arrays for arguments",
		[]byte(
			`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"query","arguments":` + strings.Repeat(
				"[",
				10_001,
			) + strings.Repeat(
				"]",
				10_001,
			) + `}}`,
		),
		400,
		`"error"`,
	},
	{"half a message", []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call"`), 400, "the message is not JSON"},
}

func TestABadStatementIsRefusedAndTheServerStaysUp(t *testing.T) {
	for _, engine := range engines {
		s := stage(t, engine)
		token := s.Token(demo.Taylor)
		client := pipeTo(t, s, token)
		for _, tt := range badMessages {
			t.Run(engine+" over HTTP: "+tt.name, func(t *testing.T) {
				answer := post(t, s.URL, token, tt.body)
				if answer.status != tt.status || !strings.Contains(answer.body, tt.says) {
					t.Errorf("the answer is %d %.300s, and not %d %s", answer.status, answer.body, tt.status, tt.says)
				}
				assertRefusal(t, answer.body)
				if good := post(t, s.URL, token, query(demo.RecentOrders)); !strings.Contains(good.body, "REDACTED") {
					t.Errorf("the next call fails: %d %.300s", good.status, good.body)
				}
			})
			t.Run(engine+" over stdio: "+tt.name, func(t *testing.T) {
				answer := client.ask(t, tt.body)
				if !strings.Contains(answer, tt.says) {
					t.Errorf("the answer is %.300s, and not %s", answer, tt.says)
				}
				assertRefusal(t, answer)
				if good := client.ask(t, query(demo.RecentOrders)); !strings.Contains(good, "REDACTED") {
					t.Errorf("the next call fails: %.300s", good)
				}
			})
		}
	}
}

// assertRefusal holds of every answer to something bad: it is one, it is short, and it shows nothing of what is behind.
func assertRefusal(t *testing.T, answer string) {
	t.Helper()
	if !strings.Contains(answer, `"isError":true`) && !strings.Contains(answer, `"error"`) {
		t.Errorf("this is no refusal: %.300s", answer)
	}
	if len(answer) > 2000 {
		t.Errorf("the refusal has %d bytes: %.300s…", len(answer), answer)
	}
	assertNoLeak(t, answer)
}

func assertNoLeak(t *testing.T, text string) {
	t.Helper()
	for _, inner := range append(demo.Names, "goroutine ", ".go:", "panic", "runtime error", "deputy_owner", "deputy_runner", "pq: ", "sqlite3", "/tmp/") {
		if strings.Contains(text, inner) {
			t.Errorf("%q shows in %.300s", inner, text)
		}
	}
}

// query is the tool call as a host writes it.
func query(sql string) []byte {
	message, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 7, "method": "tools/call",
		"params": map[string]any{"name": "query", "arguments": map[string]any{"sql": sql}}})
	if err != nil {
		panic(err)
	}
	return message
}

type answer struct {
	status int
	header http.Header
	body   string
}

// post sends bytes as they are, as no client of ours would.
func post(t *testing.T, url, token string, body []byte) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

// pipe is the other end of "deputy stdio", one line at a time.
type pipe struct {
	in  io.Writer
	out *bufio.Reader
}

func pipeTo(t *testing.T, s *demo.Stage, userToken string) *pipe {
	t.Helper()
	command := process(t, s, []string{"DEPUTY_AGENT_KEY=" + s.AgentKey, "DEPUTY_USER_TOKEN=" + userToken}, "stdio")
	command.Stderr = t.Output()
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("deputy stdio ended with %v", err)
		}
	})
	return &pipe{in, bufio.NewReader(out)}
}

// ask writes a line and reads one.
func (p *pipe) ask(t *testing.T, line []byte) string {
	t.Helper()
	if _, err := p.in.Write(append(bytes.Clone(line), '\n')); err != nil {
		t.Fatal(err)
	}
	answer, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("deputy stdio says no more: %v", err)
	}
	return answer
}
