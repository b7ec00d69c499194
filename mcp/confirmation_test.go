package mcp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	protocol "github.com/mark3labs/mcp-go/mcp"

	"deputy/tools"
)

// keyed are tools of which two replicas share the key.
func keyed() (*fakeTools, Config) {
	f := &fakeTools{}
	cfg := config(f)
	cfg.StateKey = bytes.Repeat([]byte("k"), 32)
	return f, cfg
}

var eachWay = []string{"HTTP 2024-11-05", "HTTP 2025-03-26", "HTTP 2025-06-18", "HTTP 2025-11-25", "HTTP 2026-07-28",
	"stdio 2024-11-05", "stdio 2025-03-26", "stdio 2025-06-18", "stdio 2025-11-25", "stdio 2026-07-28"}

func TestAccessIsAskedForInEveryRevision(t *testing.T) {
	for _, how := range eachWay {
		t.Run(how, func(t *testing.T) {
			f, cfg := keyed()
			kind, revision, _ := strings.Cut(how, " ")
			c := clientWithHuman(t, cfg, kind, revision, nil)
			r := callTool(
				t,
				c,
				toolRequest,
				map[string]any{"table": "sales.orders", "columns": []string{"lastname"}, "reason": "audit"},
			)
			if text := textOf(t, r); r.IsError ||
				!strings.HasPrefix(text, "Request req_1 for lastname of sales.orders: pending.\n") ||
				!strings.HasSuffix(text, "Next: wait.\nAudit id a9.") {
				t.Errorf("the answer is %s", text)
			}
			if a := structured[tools.AccessRequest](t, r); revision >= protocol.ProtocolVersion20250618 &&
				(a.ID != "req_1" || a.Status != "pending" || a.AuditID != "a9") {
				t.Errorf("the structured answer is %+v", a)
			}
			if want := []tools.RequestArgs{{Table: "sales.orders", Columns: []string{"lastname"}, Reason: "audit"}}; !reflect.DeepEqual(
				f.Asked,
				want,
			) {
				t.Errorf("asked for is %+v", f.Asked)
			}
			r = callTool(t, c, toolRequest, map[string]any{"table": "sales.orders", "columns": []string{}})
			if !r.IsError ||
				!slices.Contains(f.Refusals(), "request_access: the argument columns is empty: give it a value or leave it out") {
				t.Errorf("an empty list: %s, on the record %q", textOf(t, r), f.Refusals())
			}
		})
	}
}

// The human sees what we ask, with the model's words as what they can change, and what they say is what is asked for.
func TestTheHumanConfirmsReasonAndDuration(t *testing.T) {
	for _, tt := range []struct {
		name    string
		says    protocol.ElicitationResult
		asks    []tools.RequestArgs
		refused string
	}{
		{"as it is", says("accept", map[string]any{"reason": "audit", "duration": "8h"}),
			[]tools.RequestArgs{{Table: "sales.orders", Columns: []string{"email", "lastname"}, Reason: "audit", Duration: "8h", Confirmed: true}}, ""},
		{"changed", says("accept", map[string]any{"reason": "the yearly audit", "duration": "1h"}),
			[]tools.RequestArgs{{Table: "sales.orders", Columns: []string{"email", "lastname"}, Reason: "the yearly audit", Duration: "1h", Confirmed: true}}, ""},
		{"no", says("decline", map[string]any{"reason": "audit", "duration": "8h"}), nil, "request_access: declined"},
		{"closed", says("cancel", nil), nil, "request_access: declined"},
		{"without a reason", says("accept", map[string]any{"reason": "", "duration": "8h"}), nil, "request_access: declined"},
		{"without a duration", says("accept", map[string]any{"reason": "audit"}), nil, "request_access: declined"},
		{"another table", says("accept", map[string]any{"reason": "audit", "duration": "8h", "table": "hr.salaries"}), nil, "request_access: declined"},
		{"a long duration", says("accept", map[string]any{"reason": "audit", "duration": strings.Repeat("9", 21)}), nil, "request_access: declined"},
	} {
		for _, how := range []string{"HTTP 2026-07-28", "stdio 2026-07-28", "stdio 2025-11-25", "stdio 2025-06-18"} {
			t.Run(tt.name+" over "+how, func(t *testing.T) {
				f, cfg := keyed()
				kind, revision, _ := strings.Cut(how, " ")
				person := &human{says: tt.says}
				r := callTool(
					t,
					clientWithHuman(t, cfg, kind, revision, person),
					toolRequest,
					map[string]any{"table": "sales.orders", "columns": []string{"email", "lastname"}, "reason": "audit"},
				)
				if len(person.asked) != 1 ||
					person.asked[0].Message != "Ask for access to email, lastname of sales.orders in the clear in your name? People decide on it, and it is on the record." {
					t.Fatalf("the human is asked %+v", person.asked)
				}
				if form, _ := json.Marshal(person.asked[0].RequestedSchema); string(
					form,
				) != `{"properties":{"duration":{"default":"8h","description":"Such as 4h or 30d","maxLength":20,"title":"For how long","type":"string"},`+
					`"reason":{"default":"audit","maxLength":1000,"title":"What you need it for","type":"string"}},"required":["reason","duration"],"type":"object"}` {
					t.Errorf("the form is %s", form)
				}
				if !reflect.DeepEqual(f.Asked, tt.asks) {
					t.Errorf("asked for is %+v, want %+v", f.Asked, tt.asks)
				}
				refusals := fmt.Sprint(f.Refusals())
				if r.IsError != (tt.refused != "") || !strings.Contains(refusals, tt.refused) ||
					(tt.refused == "") != (refusals == "[]") {
					t.Errorf("the answer is %s, and on the record is %s", textOf(t, r), refusals)
				}
			})
		}
	}
}

// What the model answered in their name is theirs to see and to change, as the reason is.
func TestTheHumanConfirmsAnswers(t *testing.T) {
	for _, how := range []string{"HTTP 2026-07-28", "stdio 2025-11-25"} {
		f, cfg := keyed()
		kind, revision, _ := strings.Cut(how, " ")
		person := &human{says: says("accept", map[string]any{"reason": "audit", "duration": "8h", "answer_ticket": "T-2"})}
		callTool(
			t,
			clientWithHuman(t, cfg, kind, revision, person),
			toolRequest,
			map[string]any{"table": "sales.orders", "reason": "audit", "answers": map[string]any{"ticket": "T-1"}},
		)
		form, _ := json.Marshal(person.asked)
		if !strings.Contains(
			string(form),
			`"answer_ticket":{"default":"T-1","maxLength":1000,"title":"The number of the ticket","type":"string"}`,
		) {
			t.Errorf("%s: the form is %s", how, form)
		}
		if len(f.Asked) != 1 || f.Asked[0].Answers["ticket"] != "T-2" {
			t.Errorf("%s: asked for is %+v", how, f.Asked)
		}
	}
}

// Nothing is asked of the human about what cannot be asked for, nor when a request is looked up; who cannot be asked is
// not.
func TestTheHumanIsAskedOnlyAboutWhatCanBeAskedFor(t *testing.T) {
	person := &human{says: says("accept", map[string]any{"reason": "x", "duration": "1h"})}
	f, cfg := keyed()
	for _, revision := range []string{"2025-11-25", "2026-07-28"} {
		c := clientWithHuman(t, cfg, "stdio", revision, person)
		for _, args := range []map[string]any{{}, {"request_id": "req_1"}, {"request_id": "req_1", "cancel": true}, {"table": "hr.people", "reason": "audit"}} {
			callTool(t, c, toolRequest, args)
		}
	}
	callTool(
		t,
		clientWithHuman(t, cfg, "HTTP", "2025-11-25", person),
		toolRequest,
		map[string]any{"table": "sales.orders", "reason": "audit"},
	)
	if len(person.asked) > 0 || len(f.Asked) != 9 || f.Asked[8].Confirmed || f.Asked[8].Reason != "audit" {
		t.Errorf("the human is asked %+v, and asked for is %+v", person.asked, f.Asked)
	}
}
