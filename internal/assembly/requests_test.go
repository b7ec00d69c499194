package assembly_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"deputy/audit"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/demo"
	"deputy/tools"
	"deputy/tools/desk"
)

// rules let Taylor ask for names, and Sam decide.
const rules = "\nrequests:\n  rules: [{name: names, about: [tag:PII], approvers: group:Stewards}]\n"

// asks is how a request stands that Taylor makes, or has made.
func (w *world) asks(args tools.RequestArgs) (*tools.AccessRequest, error) {
	w.t.Helper()
	ctx := w.t.Context()
	g, end := w.Begin(ctx)
	defer end()
	who, err := g.Authenticator().Authenticate(
		ctx,
		identity.Credentials{AgentKey: w.stage.AgentKey, UserToken: w.stage.Token(demo.Taylor)},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	return g.Tools().RequestAccess(ctx, tools.Call{Principal: who, Client: "test"}, args)
}

// decides has Sam, a steward, decide.
func (w *world) decides(id string, v requests.Verdict) error {
	sam := identity.User{
		Identity: identity.Identity{Kind: identity.KindUser, ID: "sam", Groups: []string{"Stewards"}},
		Issuer:   "https://issuer.test",
		Subject:  "sam",
	}
	g, end := w.Begin(w.t.Context())
	defer end()
	_, err := assembly.DeskOf(g).
		Rule(w.t.Context(), tools.Steward{User: sam, Client: "test"}, id, desk.Ruling{Verdict: v})
	return err
}

// lastnames is what Taylor asks for.
var lastnames = tools.RequestArgs{
	Table:   "customer_orders",
	Columns: []string{"lastname"},
	Reason:  "a customer has called",
}

// withoutRules is a Deputy that was started where nothing can be asked for.
func withoutRules(t *testing.T) *world {
	t.Helper()
	w := follow(t, "sqlite")
	w.Close()
	before, after, _ := strings.Cut(w.text, "\nrequests:\n")
	_, after, _ = strings.Cut(after, "\naudit:\n")
	w.text = before + "\naudit:\n" + after
	w.write(w.text)
	made, err := filepath.Glob(filepath.Join(filepath.Dir(w.file), "deputy-state.db*"))
	for _, file := range made {
		err = errors.Join(err, os.Remove(file))
	}
	if err != nil || strings.Contains(w.text, "rules:") {
		t.Fatalf("%v: %s", err, w.text)
	}
	return w.replica()
}

func TestRulesForRequestsFollowTheFile(t *testing.T) {
	w := withoutRules(t)
	if _, err := w.asks(lastnames); err == nil || !strings.Contains(err.Error(), "access cannot be asked for here") {
		t.Fatalf("without a rule, asking gives %v", err)
	}
	file := filepath.Join(filepath.Dir(w.file), "deputy-state.db")
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a state, though nothing can be asked for")
	}
	w.write(w.text + rules)
	a, err := w.asks(lastnames)
	if err != nil || a.Status != "pending" {
		t.Fatalf("with the first rule, asking gives %+v, %v", a, err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the state is not there: %v", err)
	}
	if err := w.decides(a.ID, requests.VerdictApprove); err != nil {
		t.Fatal(err)
	}
	if got := w.sees(); got != demo.Names[0] {
		t.Errorf("approved, Taylor sees %s", got)
	}
	kept := w.Kept()
	w.write(w.text + strings.Replace(rules, "group:Stewards", "group:Owners, at_most: 1h", 1))
	if got := w.sees(); got != demo.Names[0] {
		t.Errorf("with other approvers, Taylor sees %s", got)
	}
	if w.Kept() != kept {
		t.Error("a change of the file opened the state anew")
	}
	if err := w.decides(a.ID, requests.VerdictDeny); err == nil {
		t.Error("who is no approver any more decides")
	}
	w.write(w.text + strings.Replace(rules, "tag:PII", "sales.regions", 1))
	if got := w.sees(); got != "REDACTED" {
		t.Errorf("with a rule about something else, Taylor sees %s", got)
	}
	w.write(w.text) // no rule at all
	if got := w.sees(); got != "REDACTED" {
		t.Errorf("without rules again, Taylor sees %s", got)
	}
	if _, err := w.asks(tools.RequestArgs{RequestID: a.ID}); err == nil ||
		!strings.Contains(err.Error(), "cannot be asked for here") {
		t.Errorf("without rules again, looking it up gives %v", err)
	}
	if err := w.Ready(t.Context()); err != nil {
		t.Errorf("without rules: %v", err)
	}
	w.write(w.text + rules)
	if got := w.sees(); got != demo.Names[0] {
		t.Errorf("with the rule again and in its time, Taylor sees %s", got)
	}
	if err := w.decides(a.ID, requests.VerdictRevoke); err != nil {
		t.Fatal(err)
	}
	if got := w.sees(); got != "REDACTED" {
		t.Errorf("revoked, Taylor sees %s", got)
	}
}

// The state may be out of reach when the first rule appears: calls are decided by both, and it is tried again by
// itself.
func TestAStateThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	w := withoutRules(t)
	file := filepath.Join(filepath.Dir(w.file), "deputy-state.db")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	w.write(w.text + rules)
	if got := w.sees(); got != "REDACTED" || !strings.Contains(w.log.String(), "requests.state: ") || w.Notice() == "" {
		t.Fatalf("Taylor sees %s, the notice is %q, the log says %s", got, w.Notice(), w.log.String())
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	w.inForce()
	if a, err := w.asks(lastnames); err != nil || a.Status != "pending" {
		t.Errorf("then asking gives %+v, %v", a, err)
	}
}

// replica is another server by the same file over the same state, with an audit log of its own.
func (w *world) replica() *world {
	w.t.Helper()
	other := &world{t: w.t, stage: w.stage, file: w.file, text: w.text, audit: filepath.Join(w.t.TempDir(), "audit.jsonl")}
	var err error
	logger := func(string) zerolog.Logger { return zerolog.New(&other.log) }
	if other.Live, err = assembly.Follow(w.t.Context(), other.load, logger); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { other.Close() })
	return other
}

// Through the front door: asked on one replica, confirmed on the other, and sent to both once more.
func TestAConfirmationTravelsBetweenReplicasAndMakesOneRequest(t *testing.T) {
	w := withoutRules(t)
	w.text = w.but("    schema: sales\n", "    schema: sales\n    hash_key: 0123456789abcdef0123456789abcdef\n") + rules
	w.write(w.text)
	w.sees()
	w.Close() // the key for what clients bring back is made at the start
	one, two := w.replica(), w.replica()
	urls := []string{one.serve(), two.serve()}
	post := func(url, more string) (body string) {
		t.Helper()
		text := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}},` +
			`"name":"request_access","arguments":{"table":"customer_orders","columns":["lastname"],"reason":"a customer"}` + more + `}}`
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/mcp", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Authorization": "Bearer " + w.stage.AgentKey,
			"Deputy-User-Token": w.stage.Token(demo.Taylor), "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "request_access"} {
			request.Header.Set(name, value)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		read, _ := io.ReadAll(response.Body)
		return string(read)
	}
	ask := func(url string) (state string) {
		t.Helper()
		var question struct {
			Result struct {
				Type  string `json:"resultType"`
				State string `json:"requestState"`
			}
		}
		if body := post(url, ""); json.Unmarshal([]byte(body), &question) != nil ||
			question.Result.Type != "input_required" ||
			question.Result.State == "" {
			t.Fatalf("nothing is asked: %s", body)
		}
		return question.Result.State
	}
	says := func(state, action, content string) string {
		return fmt.Sprintf(`,"requestState":%q,"inputResponses":{"form":{"action":%q%s}}`, state, action, content)
	}
	made := func() (ids []string) {
		t.Helper()
		for _, r := range append(one.records(), two.records()...) {
			if r.Request != nil && !slices.Contains(ids, r.Request.ID) {
				ids = append(ids, r.Request.ID)
			}
		}
		return ids
	}

	if body := post(urls[1], says(ask(urls[0]), "decline", "")); !strings.Contains(body, "did not agree") {
		t.Errorf("declined: %s", body)
	}
	if r := two.records()[len(two.records())-1]; r.Tool != "request_access" || r.Outcome != audit.Denied ||
		r.Table != "customer_orders" ||
		!strings.Contains(strings.Join(r.Reasons, ""), "did not agree") ||
		len(made()) > 0 {
		t.Errorf("declined, the record is %+v, and there are %v", r, made())
	}
	yes := says(ask(urls[0]), "accept", `,"content":{"reason":"the customer of T-7","duration":"1h"}`)
	if body := post(urls[1], yes); !strings.Contains(body, `"status":"pending"`) {
		t.Fatalf("confirmed: %s", body)
	}
	r := two.records()[len(two.records())-1]
	if !slices.Equal(r.Reasons, []string{"the human confirmed it in the client"}) ||
		r.Request.Reason != "the customer of T-7" ||
		r.Request.Duration != "1h" {
		t.Errorf("confirmed, the record is %+v of %+v", r, r.Request)
	}
	for _, url := range append(urls, urls...) {
		if body := post(url, yes); !strings.Contains(body, r.Request.ID) {
			t.Errorf("sent again: %s", body)
		}
	}
	if len(made()) != 1 {
		t.Errorf("there are %v", made())
	}
	// Approved on the one, it is open on both.
	if err := one.decides(r.Request.ID, requests.VerdictApprove); err != nil {
		t.Fatal(err)
	}
	for _, server := range []*world{one, two} {
		if got := server.sees(); got != demo.Names[0] {
			t.Errorf("approved on the one, Taylor sees %s", got)
		}
	}
}
