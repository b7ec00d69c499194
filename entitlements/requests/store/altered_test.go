package store_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/identity"
)

// lifetime is a request in each of the states that it can come to by itself.
func lifetime(t testing.TB) map[string]requests.Request {
	t.Helper()
	q := needs(t, 2)
	must := func(r requests.Request, err error) requests.Request {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one := must(request("r1").Approve(q, step("a1", "sam", noon)))
	two := requests.Step{ID: "a2", By: user("kim"), Now: noon.Add(time.Minute), For: 30 * time.Minute, Note: "briefly"}
	q.OnlyThrough = true
	approved := must(one.Approve(q, two))
	expired, _ := approved.Lapse(noon.Add(9 * time.Hour))
	unanswered, _ := one.Lapse(noon.Add(15 * 24 * time.Hour))
	agent := request("r1")
	agent.Asker = requests.Asker{Agent: "nightly-report", Owner: "ola"}
	return map[string]requests.Request{
		"new": request("r1"), "half approved": one, "approved": approved, "expired": expired, "unanswered": unanswered,
		"denied":    must(one.Deny(q, step("d", "sam", noon))),
		"revoked":   must(approved.Revoke(q, step("r", "sam", noon))),
		"cancelled": must(approved.Cancel("c", noon)), "taken back": must(one.Cancel("c", noon)),
		"approved by a rule": request(
			"r1",
		).Automatically(requests.Requirement{Approved: "short", Unasked: time.Hour, AtMost: time.Hour}, "a", noon),
		"denied by a rule": request("r1").Automatically(requests.Requirement{Denied: "never"}, "a", noon),
		"an agent's own":   agent, "given back by an agent": must(agent.Cancel("c", noon)),
	}
}

func TestEveryStepCanBeWrittenAndReadAndIsTheSameThen(t *testing.T) {
	for what, r := range lifetime(t) {
		text, err := store.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := store.Decode(text)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%s: %v\n%+v\n%+v\n%s", what, err, again, r, text)
		}
	}
}

// TestNothingOfARequestIsForgotten fails when somebody gives a request something new that is not written down.
func TestNothingOfARequestIsForgotten(t *testing.T) {
	full := lifetime(t)["approved"]
	var zero func(v reflect.Value, path string)
	zero = func(v reflect.Value, path string) {
		for i := range v.NumField() {
			name := path + v.Type().Field(i).Name
			if f := v.Field(i); f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[time.Time]() {
				zero(f, name+".")
			} else if f.IsZero() && name != "Opens" && name != "Held" { // that one stands beside the text

				t.Errorf("the test's request has no %s: give it one, so that it is seen to be kept", name)
			}
		}
	}
	zero(reflect.ValueOf(full), "")
	full.Opens = true
	text, err := store.Encode(full)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := store.Decode(text); err != nil || !reflect.DeepEqual(again, full) {
		t.Errorf("%v\n%+v\n%+v", err, again, full)
	}
}

// What version 1 looks like. When this changes, what is in databases is not read any more: raise bodyVersion and write
// a migration.
const written = `{"v":1,"id":"r1","agent":"sales-assistant","owner":"ola","user":{"id":"taylor","issuer":"https://issuer.example","subject":"sub-taylor","name":"taylor","email":"taylor@example.com"},"groups":["Sales"],"attributes":{"region":["EU"]},"platform":"shop","schema":"sales","table":"orders","columns":["email","lastname"],"opens":false,"reason":"a customer \u003ccalled\u003e \u0026 \u0000 wants it","answers":{"ticket":"T-1"},"wanted":"1h0m0s","created":"2026-11-25T12:00:00.123456789Z","lapses":"2026-12-09T12:00:00.123456789Z","status":"approved","decisions":[{"id":"a1","time":"2026-11-25T12:00:00.123456789Z","by":{"id":"sam","issuer":"https://issuer.example","subject":"sub-sam","name":"sam","email":"sam@example.com"},"verdict":"approve","rule":"orders","stage":1,"counts":["group:Stewards"]},{"id":"a2","time":"2026-11-25T12:01:00.123456789Z","by":{"id":"kim","issuer":"https://issuer.example","subject":"sub-kim","name":"kim","email":"kim@example.com"},"verdict":"approve","rule":"orders","stage":1,"counts":["group:Stewards"],"note":"briefly","for":"30m0s"}],"began":"2026-11-25T12:01:00.123456789Z","expires":"2026-11-25T12:31:00.123456789Z","through":"sales-assistant","version":2}`

func TestAnApprovalThatAHandWroteOpensNothing(t *testing.T) {
	if text, err := store.Encode(lifetime(t)["approved"]); err != nil || text != written {
		t.Fatalf("version 1 is written as\n%s", text)
	}
	type anything = map[string]any
	first := func(b anything) anything { return b["decisions"].([]any)[0].(anything) }
	second := func(b anything) anything { return b["decisions"].([]any)[1].(anything) }
	person := func(d anything) anything { return d["by"].(anything) }
	hands := map[string]func(b anything){
		"no decisions":                       func(b anything) { delete(b, "decisions"); b["version"] = 0 },
		"no decisions, with the version":     func(b anything) { delete(b, "decisions") },
		"without an audit record":            func(b anything) { second(b)["id"] = "" },
		"approved by its asker":              func(b anything) { second(b)["by"] = b["user"] },
		"approved by the asker's e-mail":     func(b anything) { person(second(b))["email"] = "Taylor@example.com" },
		"approved by the owner of the agent": func(b anything) { person(second(b))["id"] = "ola" },
		"approved by nobody":                 func(b anything) { delete(second(b), "by") },
		"approved by somebody without an id": func(b anything) { p := person(second(b)); p["subject"], p["id"] = "", "" },
		"approved for no stage":              func(b anything) { delete(second(b), "stage") },
		"approved as none of the approvers":  func(b anything) { delete(second(b), "counts") },
		"approved by no rule":                func(b anything) { delete(second(b), "rule") },
		"never approved":                     func(b anything) { delete(second(b), "time") },
		"denied, and approved all the same":  func(b anything) { second(b)["verdict"] = "deny" },
		"denied before":                      func(b anything) { first(b)["verdict"] = "deny" },
		"revoked, and approved all the same": func(b anything) { second(b)["verdict"] = "revoke" },
		"approved by the asker's id":         func(b anything) { person(second(b))["id"] = "taylor" },
		"cancelled, approved all the same":   func(b anything) { second(b)["verdict"] = "cancel" },
		"a verdict that there is not":        func(b anything) { second(b)["verdict"] = "maybe" },
		"longer than approved":               func(b anything) { b["expires"] = "2026-11-25T12:31:00.12345679Z" },
		"for ever":                           func(b anything) { b["expires"] = "2226-11-25T12:31:00Z" },
		"longer than asked for":              func(b anything) { delete(second(b), "for"); b["expires"] = "2026-11-25T13:01:00.12345679Z" },
		"begun at another time":              func(b anything) { b["began"] = "2026-11-25T12:01:01.123456789Z" },
		"without a beginning":                func(b anything) { delete(b, "began") },
		"without an end":                     func(b anything) { delete(b, "expires") },
		"through another agent":              func(b anything) { b["through"] = "other" },
		"another version of the text":        func(b anything) { b["v"] = 2 },
		"no version of the text":             func(b anything) { delete(b, "v") },
		"another version of the request":     func(b anything) { b["version"] = 3 },
		"a status that there is not":         func(b anything) { b["status"] = "granted" },
		"an unknown key":                     func(b anything) { b["admin"] = true },
		"columns in another order":           func(b anything) { b["columns"] = []any{"lastname", "email"} },
		"somebody else's":                    func(b anything) { b["user"].(anything)["subject"] = "sub-robin" },
		"nobody's":                           func(b anything) { delete(b, "user"); delete(b, "agent") },
		"of another table":                   func(b anything) { b["table"] = "salaries" },
		"of more columns":                    func(b anything) { b["columns"] = []any{"email", "lastname", "ssn"} },
		"another request":                    func(b anything) { b["id"] = "r2" },
		"of no platform":                     func(b anything) { b["platform"] = "" },
		"of another platform":                func(b anything) { b["platform"] = "warehouse" },
		"that never lapses":                  func(b anything) { delete(b, "lapses") },
		"wanted for no time":                 func(b anything) { b["wanted"] = "0s" },
	}
	texts := map[string]string{
		"nothing":                "",
		"no text":                "\x01",
		"a list":                 "[]",
		"a key twice":            strings.Replace(written, `"opens":false`, `"opens":true,"opens":false`, 1),
		"a key in another case":  strings.Replace(written, `"opens":false`, `"Opens":false`, 1),
		"with a space":           strings.Replace(written, `{"v":1`, `{ "v":1`, 1),
		"and something after it": written + " ",
		"opens":                  strings.Replace(written, `"opens":false`, `"opens":null`, 1),
		"in another zone":        strings.Replace(written, `12:31:00.123456789Z`, `13:31:00.123456789+01:00`, 1),
	}
	for what, change := range hands {
		var b anything
		if err := json.Unmarshal([]byte(written), &b); err != nil {
			t.Fatal(err)
		}
		change(b)
		texts[what] = ordered(t, b)
	}
	for what, text := range texts { // where no column helps, as in an event
		_, err := store.Decode(text)
		if another := what == "another request" || strings.HasPrefix(what, "of ") && what != "of no platform" ||
			what == "somebody else's"; (err == nil) != another {
			t.Errorf("%s: the text alone: %v", what, err)
		}
	}
	columns := []string{
		"status = 'approved ', ends = ends",
		"version = 9",
		"created = 0",
		"ends = ends + 3600000000000",
		"ends = 9223372036854775807",
		"denied = 1",
		"asker = 'x'",
		"subject = 'x'",
		"platform = 'x'",
		"table_schema = 'x'",
		"table_name = 'x'",
		"id = 'r9'",
	}
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("r1"))
		for _, by := range []requests.Step{step("a1", "sam", noon), {ID: "a2", By: user("kim"), Now: noon.Add(time.Minute), For: 30 * time.Minute, Note: "briefly"}} {
			if _, err := s.Step(t.Context(), "r1", func(r requests.Request) (requests.Request, error) {
				q := needs(t, 2)
				q.OnlyThrough = true
				return r.Approve(q, by)
			}); err != nil {
				t.Fatal(err)
			}
		}
		now := noon.Add(2 * time.Minute)
		opens := func() (int, error) {
			got, err := s.Approvals(t.Context(), asker("taylor"), "shop", now)
			return len(got), err
		}
		if n, err := opens(); n != 1 || err != nil {
			t.Fatalf("what Deputy wrote opens %d, %v", n, err)
		}
		for what, text := range texts {
			if err := s.Raw(t.Context(), `UPDATE deputy_state.requests SET body = ?`, text); err != nil {
				t.Fatal(err)
			}
			n, err := opens()
			if n != 0 || !errors.Is(err, store.ErrAltered) {
				t.Errorf("%s: opens %d, %v", what, n, err)
			}
			if _, err := s.Find(t.Context(), "r1"); !errors.Is(err, store.ErrAltered) {
				t.Errorf("%s: Find says %v", what, err)
			}
			if _, err := s.Step(t.Context(), "r1", func(r requests.Request) (requests.Request, error) {
				t.Errorf("%s: is given to a step", what)
				return r, nil
			}); !errors.Is(err, store.ErrAltered) {
				t.Errorf("%s: Step says %v", what, err)
			}
		}
		if err := s.Raw(t.Context(), `UPDATE deputy_state.requests SET body = ?`, written); err != nil {
			t.Fatal(err)
		}
		if n, err := opens(); n != 1 || err != nil {
			t.Fatalf("what Deputy wrote opens %d, %v", n, err)
		}
		const saved = `UPDATE deputy_state.requests SET id = 'r1', asker = ?, subject = ?, platform = ?, table_schema = ?, table_name = ?, status = ?, version = ?, created = ?, ends = ?, denied = 0`
		var before struct {
			Asker, Subject, Platform, Status string
			TableSchema                      string `db:"table_schema"`
			TableName                        string `db:"table_name"`
			Version, Created, Ends           int64
		}
		if err := s.One(
			t.Context(),
			&before,
			`SELECT asker, subject, platform, table_schema, table_name, status, version, created, ends
				FROM deputy_state.requests`,
		); err != nil {
			t.Fatal(err)
		}
		for _, change := range columns {
			if err := s.Raw(t.Context(), `UPDATE deputy_state.requests SET `+change); err != nil {
				t.Fatal(err)
			}
			if n, err := opens(); n != 0 && err == nil {
				t.Errorf("%s: opens %d, %v", change, n, err)
			}
			if _, err := s.List(t.Context(), requests.Filter{}); !errors.Is(err, store.ErrAltered) {
				t.Errorf("%s: List says %v", change, err)
			}
			b := before
			err := s.Raw(t.Context(), saved, b.Asker, b.Subject, b.Platform, b.TableSchema, b.TableName,
				b.Status, b.Version, b.Created, b.Ends)
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAnEndThatAHandWroteIsNotBelieved(t *testing.T) {
	all := lifetime(t)
	sam := user("sam").Person()
	for what, hand := range map[string]struct {
		from   string
		change func(r *requests.Request)
	}{
		"cancelled by somebody else":  {"taken back", func(r *requests.Request) { r.Decisions[1].By = &sam }},
		"cancelled by nobody":         {"taken back", func(r *requests.Request) { r.Decisions[1].By = nil }},
		"cancelled for an agent":      {"given back by an agent", func(r *requests.Request) { r.Decisions[0].By = &sam }},
		"revoked by a rule":           {"revoked", func(r *requests.Request) { r.Decisions[2].By = nil }},
		"denied, and in force":        {"denied", func(r *requests.Request) { r.Status = requests.StatusRevoked }},
		"expired after it was denied": {"denied", func(r *requests.Request) { r.Status, r.Version = requests.StatusExpired, 3 }},
		"approved after it was denied": {"denied", func(r *requests.Request) {
			late := r.Decisions[0]
			late.By = &identity.Person{ID: "kim", Issuer: "https://issuer.example", Subject: "sub-kim"}
			r.Decisions, r.Version = append(r.Decisions, late), 3
		}},
		"longer than was asked for":     {"approved by a rule", func(r *requests.Request) { r.Expires = r.Expires.Add(1) }},
		"longer than somebody approved": {"approved", func(r *requests.Request) { r.Expires = r.Expires.Add(1) }},
		"pending, and begun":            {"approved", func(r *requests.Request) { r.Status = requests.StatusPending }},
		"half approved, and in force":   {"half approved", func(r *requests.Request) { r.Status = requests.StatusApproved }},
		"pending through an agent":      {"half approved", func(r *requests.Request) { r.Through = r.Asker.Agent }},
		"pending, and an end of access": {"half approved", func(r *requests.Request) { r.Expires = noon.Add(time.Hour) }},
	} {
		r := all[hand.from]
		r.Decisions = slices.Clone(r.Decisions)
		hand.change(&r)
		if err := store.Consistent(r); !errors.Is(err, store.ErrAltered) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// ordered writes the keys in Deputy's own order, so that it is what they say that is judged, and not their order.
func ordered(t *testing.T, b map[string]any) string {
	t.Helper()
	text, err := store.Canonical(b)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// FuzzDecode looks for a text that is believed and is not what Deputy writes, or that opens something nobody approved.
func FuzzDecode(f *testing.F) {
	f.Add(written)
	for _, r := range lifetime(f) {
		text, err := store.Encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := store.Decode(text)
		if err != nil {
			return
		}
		if again, err := store.Encode(r); err != nil || again != text {
			t.Errorf("%q is written again as %q, %v", text, again, err)
		}
		_, opens := r.Approval(r.Began)
		if opens &&
			(len(r.Decisions) == 0 || r.Decisions[0].ID == "" || r.Expires.Sub(r.Began) > time.Duration(r.Wanted)) {
			t.Errorf("%q opens something", text)
		}
	})
}
