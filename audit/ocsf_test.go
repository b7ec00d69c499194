package audit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"deputy/audit"
)

type ocsfRules struct {
	Base    []string
	Classes map[string]struct {
		Category   int
		Activities []int
		ocsfRule
	}
	Objects    map[string]ocsfRule
	SeverityID []int `json:"severity_id"`
	StatusID   []int `json:"status_id"`
}

type ocsfRule struct {
	Required   []string
	AtLeastOne []string `json:"at_least_one"`
}

func (r ocsfRule) check(t *testing.T, what string, object map[string]any) {
	t.Helper()
	for _, key := range r.Required {
		if object[key] == nil {
			t.Errorf("%s has no %s, which is required", what, key)
		}
	}
	if len(r.AtLeastOne) > 0 && !slices.ContainsFunc(r.AtLeastOne, func(key string) bool { return object[key] != nil && object[key] != "" }) {
		t.Errorf("%s has none of %q", what, r.AtLeastOne)
	}
}

// kinds are the records that there can be.
func kinds() map[string]audit.Record {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	full := audit.Record{ID: "a1", Phase: audit.Ended, Time: at, Tool: "query", Mode: "on_behalf_of", Client: "192.0.2.1", Purpose: "support", PolicyVersion: "0123456789abcdef",
		Agent: audit.Party{ID: "marketing-agent", Groups: []string{"Agents"}}, User: &audit.Party{ID: "taylor", Issuer: "https://id.example.com", Name: "Taylor", Groups: []string{"Marketing"}},
		Platform: "shop", SQL: "SELECT 1 <\u202e", Tables: []audit.Table{{Name: "sales.orders", Via: "user"}, {Name: "sales.lines"}}, Role: &audit.Role{Name: "deputy_a1", Vended: at},
		Rows: 3, Duration: 1500 * time.Millisecond, Outcome: audit.Answered, Reasons: []string{"one", "two"}}
	with := func(change func(*audit.Record)) audit.Record {
		r := full
		change(&r)
		return r
	}
	out := map[string]audit.Record{"answered": full, "nothing": {}}
	for _, tool := range []string{"query", "describe_table", "request_access", "test", "scan", "no_such_tool", ""} {
		out["tool "+tool] = with(func(r *audit.Record) { r.Tool, r.Table = tool, "sales.orders" })
	}
	for _, o := range []audit.Outcome{audit.Denied, audit.Failed, audit.Cancelled, audit.Unknown} {
		out[string(o)] = with(func(r *audit.Record) { r.Outcome, r.Code = o, "code" })
	}
	out["intent"] = with(func(r *audit.Record) { r.Phase, r.Outcome = audit.Intent, "" })
	out["autonomous, stdio, digest"] = with(func(r *audit.Record) { r.User, r.Client, r.SQL, r.SQLDigest, r.Tables = nil, "stdio", "", "00", nil })
	out["old"] = with(func(r *audit.Record) { r.Phase, r.V, r.Platform = "", 0, "" })
	out["turned away"] = audit.Record{ID: "a2", Phase: audit.Ended, Time: at, Tool: audit.Authenticate, Client: "192.0.2.1", Outcome: audit.Denied, Code: "invalid_token", Reasons: []string{"the token has expired"}}
	return out
}

func TestEveryKindOfRecordHasWhatItsClassOfOCSFRequires(t *testing.T) {
	text, err := os.ReadFile("testdata/ocsf-1.8.0.json")
	if err != nil {
		t.Fatal(err)
	}
	var rules ocsfRules
	if err := json.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	for name, r := range kinds() {
		t.Run(name, func(t *testing.T) {
			line, err := audit.OCSF(r)
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsFunc(string(line), func(c rune) bool { return !unicode.IsGraphic(c) }) {
				t.Errorf("there is a character in it that is not for the eye: %q", line)
			}
			var event map[string]any
			if err := json.Unmarshal(line, &event); err != nil {
				t.Fatal(err)
			}
			number := func(key string) int { n, _ := event[key].(float64); return int(n) }
			class, known := rules.Classes[fmt.Sprint(number("class_uid"))]
			if !known {
				t.Fatalf("there is no class %v", event["class_uid"])
			}
			ocsfRule{Required: rules.Base}.check(t, "the event", event)
			class.check(t, "the event", event)
			if number("category_uid") != class.Category || number("type_uid") != number("class_uid")*100+number("activity_id") || !slices.Contains(class.Activities, number("activity_id")) {
				t.Errorf("its numbers do not go together: %s", line)
			}
			if !slices.Contains(rules.StatusID, number("status_id")) || !slices.Contains(rules.SeverityID, number("severity_id")) {
				t.Errorf("status %v, severity %v", event["status_id"], event["severity_id"])
			}
			if r.ID != "" && event["time"] != float64(r.Time.UnixMilli()) {
				t.Errorf("the time is %v", event["time"])
			}
			for path, rule := range rules.Objects {
				object, there := event, true
				for key := range strings.SplitSeq(path, ".") {
					if object, there = object[key].(map[string]any); !there {
						break
					}
				}
				if there {
					rule.check(t, path, object)
				}
			}
		})
	}
}

func TestOCSFSaysWhoOnWhoseBehalfAndHowItEnded(t *testing.T) {
	all := kinds()
	for _, c := range []struct{ record, holds string }{
		{"answered", `"type_uid":600504`}, {"answered", `"status_id":1`}, {"answered", `"actor":{"app_name":"marketing-agent","app_uid":"marketing-agent","user":{"uid":"taylor","name":"Taylor"`},
		{"answered", `"src_endpoint":{"ip":"192.0.2.1"}`}, {"answered", `"query_string":"SELECT 1 <\u202e"`}, {"answered", `"duration":1500`}, {"answered", `"purpose":"support"`},
		{"denied", `"status_id":2`}, {"denied", `"status_detail":"one"`}, {"failed", `"status_id":2`}, {"intent", `"status_id":99`}, {"unknown", `"status_id":0`},
		{"tool describe_table", `"type_uid":600302`}, {"tool request_access", `"type_uid":600301`}, {"tool no_such_tool", `"type_uid":600399`},
		{"turned away", `"type_uid":300201`}, {"turned away", `"status_code":"invalid_token"`}, {"autonomous, stdio, digest", `"src_endpoint":{"name":"stdio"}`},
	} {
		if line, err := audit.OCSF(all[c.record]); err != nil || !strings.Contains(string(line), c.holds) {
			t.Errorf("%s: %s is not in %s (%v)", c.record, c.holds, line, err)
		}
	}
}
