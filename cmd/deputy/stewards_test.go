package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"deputy/audit"
	"deputy/internal/config"
	"deputy/internal/demo"
	"deputy/internal/testkit/issuer"
	"deputy/internal/testkit/serving"
	"deputy/tools/desk"
)

// described holds every answer of the stewards' API against its own description.
type described struct {
	*demo.Stage
	validator validator.Validator
}

func newDescribed(t *testing.T) *described {
	t.Helper()
	s := askingStage(t, config.SQLite, "")
	status, text := serving.Get(t, strings.TrimSuffix(s.URL, "/mcp")+"/api/openapi.json")
	if status != http.StatusOK {
		t.Fatalf("the description is answered %d", status)
	}
	document, err := libopenapi.NewDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v, wrong := validator.NewValidator(document)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if ok, wrong := v.ValidateDocument(); !ok || document.GetVersion() != "3.1.0" {
		t.Fatalf("the description is no OpenAPI 3.1: %v", wrong)
	}
	return &described{s, v}
}

// steward is a token of a person who signed in to decide, with more claims laid over it.
func (d *described) steward(subject string, more map[string]any, groups ...string) string {
	claims := issuer.Claims{
		Subject:  subject,
		ClientID: "steward-console",
		Groups:   groups,
		Audience: d.URL,
		Extra:    map[string]any{"scope": "approve"},
	}
	maps.Copy(claims.Extra, more)
	return d.Issuer().Token(claims)
}

type spoken struct {
	status int
	header http.Header
	body   string
}

func (d *described) send(t *testing.T, method, path, body string, header map[string]string) spoken {
	t.Helper()
	request, err := http.NewRequestWithContext(
		context.Background(),
		method,
		strings.TrimSuffix(d.URL, "/mcp")+"/api/requests"+path,
		strings.NewReader(body),
	)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		request.Header.Set(name, value)
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
	response.Body = io.NopCloser(bytes.NewReader(text))
	if ok, wrong := d.validator.ValidateHttpResponse(request, response); !ok {
		for _, w := range wrong {
			t.Errorf(
				"%s %s: the answer %d %s is not as described: %s: %s",
				method,
				path,
				response.StatusCode,
				text,
				w.Message,
				w.Reason,
			)
		}
	}
	return spoken{response.StatusCode, response.Header, string(text)}
}

func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

// refusals are what is on the record of callers who were refused, newest last.
func refusals(t *testing.T, log string) (out []audit.Record) {
	t.Helper()
	file, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for r, err := range audit.Read(file) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Phase == audit.Ended && r.Outcome != audit.Answered {
			out = append(out, r)
		}
	}
	return out
}

func TestAStewardListsShowsApprovesDeniesAndRevokes(t *testing.T) {
	d := newDescribed(t)
	taylor := overHTTP(t, d.Stage, d.Token(demo.Taylor), "")
	dana := bearer(d.steward("dana", nil, "Data-Stewards"))
	id := ask(t, taylor, "8h").ID

	var list struct{ Requests []desk.View }
	if got := d.send(t, "GET", "?status=pending&limit=10", "", dana); got.status != 200 ||
		json.Unmarshal([]byte(got.body), &list) != nil ||
		len(list.Requests) != 1 ||
		list.Requests[0].ID != id ||
		!list.Requests[0].MayDecide {
		t.Fatalf("the list is %+v", got)
	}
	var v desk.View
	got := d.send(t, "GET", "/"+id, "", dana)
	if err := json.Unmarshal([]byte(got.body), &v); err != nil || v.Reveals == nil {
		t.Fatalf("the request is %+v", got)
	}
	r := v.Reveals
	if *r.Rows != 5 || *r.RowsNow != 5 || len(r.Columns) != 1 || r.Columns[0].Name != "lastname" ||
		r.Columns[0].Now != "masked" ||
		r.Columns[0].Then != "clear" ||
		!slices.Equal(r.Columns[0].Masks, []string{"hide personal data"}) ||
		len(r.Grants) != 1 ||
		len(r.Refused)+len(r.Earlier)+len(r.Holders) != 0 {
		t.Errorf("it would reveal %+v", r)
	}
	if got := d.send(t, "POST", "/"+id+"/deny", `{"note":"no reason to"}`, dana); got.status != 200 ||
		!strings.Contains(got.body, `"status":"denied"`) {
		t.Errorf("denied, it is %+v", got)
	}
	if again := ask(t, taylor, "8h"); again.ID != id || again.Status != "denied" ||
		!strings.Contains(again.NextStep, "no reason to") {
		t.Errorf("asked again at once, it is %+v", again)
	}
	d.Pass(25 * time.Hour)
	taylor, dana = overHTTP(t, d.Stage, d.Token(demo.Taylor), ""), bearer(d.steward("dana", nil, "Data-Stewards"))
	second := ask(t, taylor, "8h")
	if got := d.send(t, "POST", "/"+second.ID+"/approve", `{"duration":"PT90M"}`, dana); got.status != 200 ||
		!strings.Contains(got.body, `"status":"approved"`) {
		t.Errorf("approved, it is %+v", got)
	}
	if got := d.send(t, "GET", "/"+second.ID, "", dana); !strings.Contains(
		got.body,
		`"earlier":[{"request_id":"`+id+`","status":"denied"`,
	) {
		t.Errorf("what they asked for before is not there: %s", got.body)
	}
	if got := d.send(t, "POST", "/"+second.ID+"/revoke", "", dana); got.status != 200 ||
		!strings.Contains(got.body, `"status":"revoked"`) ||
		names(t, taylor) != "masked" {
		t.Errorf("revoked, it is %+v", got)
	}
}

func TestNobodyWhoMayNotDecidesAndTheRecordSaysWhoTried(t *testing.T) {
	d := newDescribed(t)
	taylor := overHTTP(
		t,
		d.Stage,
		d.Token(demo.Person{Subject: "taylor", Groups: []string{"Marketing", "Data-Stewards"}}),
		"",
	)
	id := ask(t, taylor, "8h").ID
	mail := map[string]any{"email": "Taylor@Example.com"}
	alexID := func() string {
		token := d.Issuer().
			Token(issuer.Claims{Subject: "alex", ClientID: "marketing-chat", Groups: []string{"Marketing"}, Extra: map[string]any{"email": "taylor@example.com"}})
		return ask(t, served(t, d.URL, token), "8h").ID
	}()
	agents := func(extra map[string]any) string {
		c := issuer.Claims{
			Subject:  "dana",
			ClientID: "marketing-chat",
			Groups:   []string{"Data-Stewards"},
			Extra:    map[string]any{"scope": "approve"},
		}
		maps.Copy(c.Extra, extra)
		return d.Issuer().Token(c)
	}
	dana := d.steward("dana", nil, "Data-Stewards")
	for _, tt := range []struct {
		name, id string
		header   map[string]string
		status   int
		code     string
		who      string // on the record; empty: nobody known
	}{
		{"whoever asked", id, bearer(d.steward("taylor", nil, "Data-Stewards")), 403, "own_request", "taylor"},
		{"a second account with the same e-mail address", alexID, bearer(d.steward("taylor", mail, "Data-Stewards")), 403, "own_request", "taylor"},
		{"the agent's own token, with the human in it", id, bearer(agents(nil)), 403, "insufficient_access", "dana"},
		{"the agent's token by exchange", id, bearer(agents(map[string]any{"client_id": "steward-console", "act": map[string]any{"sub": "marketing-chat"}})), 403, "insufficient_access", "dana"},
		{"any token in whose name somebody acts", id, bearer(d.steward("dana", map[string]any{"act": map[string]any{"sub": "robot"}}, "Data-Stewards")), 403, "insufficient_access", "dana"},
		{"the agent by client credentials", id, bearer(agents(map[string]any{"sub": "marketing-chat"})), 403, "insufficient_access", ""},
		{"the client for people by client credentials", id, bearer(d.steward("steward-console", nil, "Data-Stewards")), 403, "insufficient_access", ""},
		{"the agent by its key", id, bearer(d.AgentKey), 403, "insufficient_access", ""},
		{"the agent by its key, with the steward's token", id, map[string]string{"Authorization": "Bearer " + d.AgentKey, "Deputy-User-Token": dana}, 403, "insufficient_access", ""},
		{"forged headers", id, map[string]string{"X-Forwarded-User": "dana", "X-Remote-User": "dana", "Deputy-User": "dana", "From": "dana", "X-Forwarded-Groups": "Data-Stewards"}, 401, "missing", ""},
		{"forged headers beside a token", id, map[string]string{"Authorization": "Bearer " + d.steward("sam", nil), "X-Forwarded-User": "dana", "X-Forwarded-Groups": "Data-Stewards"}, 404, "no_such_request", "sam"},
		{"somebody who is no steward", id, bearer(d.steward("sam", nil, "Sales")), 404, "no_such_request", "sam"},
		{"a steward whose token has no scope approve", id, bearer(d.steward("dana", map[string]any{"scope": "query describe request"}, "Data-Stewards")), 403, "insufficient_scope", "dana"},
		{"a steward whose token has no scope at all", id, bearer(d.steward("dana", map[string]any{"scope": nil}, "Data-Stewards")), 403, "insufficient_scope", "dana"},
		{"a steward's token for another server", id, bearer(d.Issuer().Token(issuer.Claims{Subject: "dana", ClientID: "steward-console", Groups: []string{"Data-Stewards"}, Audience: "https://elsewhere.example.com/mcp", Extra: map[string]any{"scope": "approve"}})), 401, "invalid_token", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, verdict := range []string{"approve", "deny", "revoke"} {
				d.Pass(2 * time.Second) // strangers are on the record as often as that
				before := refusals(t, d.AuditFile)
				got := d.send(t, "POST", "/"+tt.id+"/"+verdict, "", tt.header)
				wanted := fmt.Sprintf(`"error":%q`, tt.code)
				if got.status != tt.status || !strings.Contains(got.body, wanted) {
					t.Errorf("%s is answered %d %s and not %d %s", verdict, got.status, got.body, tt.status, tt.code)
				}
				if challenge := got.header.Get("WWW-Authenticate"); tt.code == "insufficient_scope" &&
					!strings.Contains(challenge, `error="insufficient_scope", scope="approve"`) {
					t.Errorf("the challenge is %s", challenge)
				}
				after := refusals(t, d.AuditFile)
				if len(after) != len(before)+1 {
					t.Fatalf("%s: %d refusals are on the record", verdict, len(after)-len(before))
				}
				if r := after[len(after)-1]; r.Outcome != audit.Denied || tt.who != "" && (r.User == nil || r.User.ID != tt.who) {
					t.Errorf("%s is on the record as %+v", verdict, r)
				}
			}
		})
	}
	if got := names(t, taylor); got != "masked" {
		t.Errorf("after all that, the names are %s", got)
	}
}

func TestARequestOfSomebodyElseIsOneThatDoesNotExist(t *testing.T) {
	d := newDescribed(t)
	id := ask(t, overHTTP(t, d.Stage, d.Token(demo.Taylor), ""), "8h").ID
	sam := bearer(d.steward("sam", nil))
	plain := func(s spoken) string {
		_, rest, _ := strings.Cut(s.body, `"error"`)
		return fmt.Sprint(s.status, rest)
	}
	for _, path := range []string{"", "/approve", "/deny", "/revoke"} {
		method := map[bool]string{true: "GET", false: "POST"}[path == ""]
		theirs, none := d.send(
			t,
			method,
			"/"+id+path,
			"",
			sam,
		), d.send(
			t,
			method,
			"/req_00000000000000000000000000"+path,
			"",
			sam,
		)
		if plain(theirs) != plain(none) || theirs.status != 404 {
			t.Errorf("%s: %+v and %+v", path, theirs, none)
		}
	}
	if got := d.send(t, "GET", "", "", sam); got.body != "{\"requests\":[]}\n" {
		t.Errorf("the list of somebody who decides nothing is %s", got.body)
	}
}

func TestDecisionsThatComeTooLateOrSayTooMuchAreRefused(t *testing.T) {
	d := newDescribed(t)
	taylor := overHTTP(t, d.Stage, d.Token(demo.Taylor), "")
	dana := bearer(d.steward("dana", nil, "Data-Stewards"))
	id := ask(t, taylor, "1h").ID
	for body, status := range map[string]int{
		`{"duration":"9h"}`: 422, `{"duration":"2h"}`: 422, `{"duration":"an hour"}`: 400, `{"duration":3600}`: 400, `{"note":1}`: 400, `{"note":"a","note":"b"}`: 400,
		`{"Note":"a"}`: 400, `{"status":"approved"}`: 400, `[]`: 400, `null`: 400, `{"note":"` + strings.Repeat("x", 1001) + `"}`: 400, "{\"note\":\"a\\u0007b\"}": 400,
	} {
		if got := d.send(t, "POST", "/"+id+"/approve", body, dana); got.status != status {
			t.Errorf("%.40s is answered %d %s, and not %d", body, got.status, got.body, status)
		}
	}
	before := len(refusals(t, d.AuditFile))
	for _, tt := range []struct {
		body, media string
		status      int
		code        string
	}{{`{"note":"a"}`, "text/plain", 415, "unsupported_media_type"}, {`{"note":"` + strings.Repeat("x", 2<<20) + `"}`, "application/json", 413, "too_large"}} {
		if got := d.send(t, "POST", "/"+id+"/approve", tt.body, map[string]string{"Authorization": dana["Authorization"], "Content-Type": tt.media}); got.status != tt.status ||
			!strings.Contains(got.body, tt.code) {
			t.Errorf("as %s: %d %s", tt.media, got.status, got.body)
		}
	}
	if after := refusals(t, d.AuditFile); len(after) != before {
		t.Errorf("what nobody has read is on the record: %+v", after[len(after)-1])
	}
	if got := d.send(t, "POST", "/"+id+"/approve", `{"note":1}`, dana); got.status != 400 ||
		!strings.Contains(got.body, `"audit_id":`) {
		t.Errorf("what cannot be read is not on the record: %s", got.body)
	} else if r := refusals(t, d.AuditFile); len(r) != before+1 || r[before].Tool != audit.Approve || r[before].User.ID != "dana" || r[before].Mode != audit.InPerson {
		t.Errorf("what cannot be read is on the record as %+v", r[before:])
	}
	if got := d.send(t, "POST", "/"+id+"/approve?note=a", "", dana); got.status != 400 ||
		!strings.Contains(got.body, "query_not_allowed") {
		t.Errorf("with a query: %d %s", got.status, got.body)
	}
	if got := d.send(t, "GET", "/"+id, `{"note":"a"}`, dana); got.status != 200 ||
		!strings.Contains(got.body, `"status":"pending"`) {
		t.Errorf("a question with a body: %d %s", got.status, got.body)
	}
	for _, query := range []string{"?status=approve", "?limit=0", "?limit=a", "?since=today", "?user=taylor", "?status=pending&status=denied"} {
		if got := d.send(t, "GET", query, "", dana); got.status != 400 {
			t.Errorf("%s is answered %d %s", query, got.status, got.body)
		}
	}
	if got := d.send(t, "POST", "/"+id+"/approve", "", dana); got.status != 200 {
		t.Fatalf("approved, it is %+v", got)
	}
	for _, verdict := range []string{"approve", "deny"} {
		if got := d.send(t, "POST", "/"+id+"/"+verdict, "", dana); got.status != 409 ||
			!strings.Contains(got.body, `"settled"`) {
			t.Errorf("%s, once approved: %d %s", verdict, got.status, got.body)
		}
	}
	d.Pass(time.Hour + time.Second)
	dana = bearer(d.steward("dana", nil, "Data-Stewards"))
	if got := d.send(t, "POST", "/"+id+"/revoke", "", dana); got.status != 409 {
		t.Errorf("revoked once it is over: %d %s", got.status, got.body)
	}
	if got := d.send(t, "POST", "/"+id+"/approve", "", map[string]string{"Authorization": dana["Authorization"], "Origin": "https://evil.example"}); got.status != 403 ||
		!strings.Contains(got.body, "cross_origin") {
		t.Errorf("from another site: %d %s", got.status, got.body)
	}
}
