package ocsf_test

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
	"deputy/audit/ocsf"
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
	if len(r.AtLeastOne) > 0 &&
		!slices.ContainsFunc(r.AtLeastOne, func(key string) bool { return object[key] != nil && object[key] != "" }) {
		t.Errorf("%s has none of %q", what, r.AtLeastOne)
	}
}

// kinds are the records that there can be.
func kinds() map[string]audit.Record {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	full := audit.Record{
		ID:            "a1",
		Phase:         audit.Ended,
		Time:          at,
		Tool:          "query",
		Mode:          "on_behalf_of",
		Client:        "192.0.2.1",
		Purpose:       "support",
		PolicyVersion: "0123456789abcdef",
		Agent: audit.Party{
			ID:     "marketing-agent",
			Groups: []string{"Agents"},
		},
		User:     &audit.Party{ID: "taylor", Issuer: "https://id.example.com", Name: "Taylor", Groups: []string{"Marketing"}},
		Platform: "shop",
		SQL:      "SELECT 1 <\u202e",
		Tables:   []audit.Table{{Name: "sales.orders", Via: "user"}, {Name: "sales.lines"}},
		Role:     &audit.Role{Name: "deputy_a1", Vended: at},
		Rows:     3,
		Duration: 1500 * time.Millisecond,
		Outcome:  audit.Answered,
		Reasons:  []string{"one", "two"},
	}
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
	out["autonomous, stdio, digest"] = with(
		func(r *audit.Record) { r.User, r.Client, r.SQL, r.SQLDigest, r.Tables = nil, "stdio", "", "00", nil },
	)
	out["old"] = with(func(r *audit.Record) { r.Phase, r.V, r.Platform = "", 0, "" })
	out["turned away"] = audit.Record{
		ID:      "a2",
		Phase:   audit.Ended,
		Time:    at,
		Tool:    audit.Authenticate,
		Client:  "192.0.2.1",
		Outcome: audit.Denied,
		Code:    "invalid_token",
		Reasons: []string{"the token has expired"},
	}
	request := audit.Request{
		ID:       "req_1",
		Agent:    "marketing-agent",
		User:     "taylor",
		Table:    "sales.orders",
		Columns:  []string{"lastname"},
		Reason:   "a mailing",
		Duration: "8h",
	}
	step := func(name, tool, mode, status string, change func(*audit.Record)) {
		q := request
		q.Status = status
		r := audit.Record{
			ID:      "a3",
			Phase:   audit.Ended,
			Time:    at,
			Tool:    tool,
			Mode:    mode,
			Outcome: audit.Answered,
			Request: &q,
			User:    &audit.Party{ID: "dana", Issuer: "https://id.example.com"},
		}
		if status == "approved" || status == "revoked" {
			q.Expires = at.Add(time.Hour)
		}
		if change != nil {
			change(&r)
		}
		out[name] = r
	}
	step("approved", audit.Approve, audit.InPerson, "approved", nil)
	step("approved by one of two", audit.Approve, audit.InPerson, "pending", nil)
	step(
		"approval begun",
		audit.Approve,
		audit.InPerson,
		"",
		func(r *audit.Record) { r.Phase, r.Outcome = audit.Intent, "" },
	)
	step(
		"approval refused",
		audit.Approve,
		audit.InPerson,
		"pending",
		func(r *audit.Record) { r.Outcome, r.Code = audit.Denied, "own_request" },
	)
	step(
		"approval of what is not there",
		audit.Approve,
		audit.InPerson,
		"",
		func(r *audit.Record) { r.Outcome, r.Code, r.Request = audit.Denied, "no_such_request", nil },
	)
	step("denied by a person", audit.Deny, audit.InPerson, "denied", nil)
	step("revoked", audit.Revoke, audit.InPerson, "revoked", nil)
	step("looked at", audit.Look, audit.InPerson, "pending", nil)
	step(
		"cancelled while it waits",
		audit.Cancel,
		"on_behalf_of",
		"cancelled",
		func(r *audit.Record) { r.Agent.ID = "marketing-agent" },
	)
	step(
		"given back",
		audit.Cancel,
		"on_behalf_of",
		"cancelled",
		func(r *audit.Record) { r.Agent.ID, r.Request.Expires = "marketing-agent", at },
	)
	step("over", audit.Expire, "", "expired", func(r *audit.Record) { r.User, r.Request.Expires = nil, at })
	step("unanswered", audit.Expire, "", "expired", func(r *audit.Record) { r.User = nil })
	step("asked", "request_access", "on_behalf_of", "pending", func(r *audit.Record) { r.Agent.ID = "marketing-agent" })
	step("approved by a rule", "request_access", "autonomous", "approved", func(r *audit.Record) {
		r.Agent.ID, r.User, r.Request.User, r.Request.ByRule, r.Request.Columns = "robot", nil, "", "robots", nil
		r.Request.Agent = "robot"
	})
	step(
		"looked up once approved",
		"request_access",
		"on_behalf_of",
		"approved",
		func(r *audit.Record) { r.Agent.ID = "marketing-agent" },
	)
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
			line, err := ocsf.Encode(r)
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
			if number("category_uid") != class.Category || number("type_uid") != number("class_uid")*100+number("activity_id") ||
				!slices.Contains(class.Activities, number("activity_id")) {
				t.Errorf("its numbers do not go together: %s", line)
			}
			if !slices.Contains(rules.StatusID, number("status_id")) ||
				!slices.Contains(rules.SeverityID, number("severity_id")) {
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
		{"approved", `"type_uid":300501`}, {"approved", `"actor":{"user":{"uid":"dana","name":"dana"`}, {"approved", `"user":{"uid":"taylor","name":"taylor"`},
		{"approved", `"privileges":["read sales.orders.lastname unmasked"]`}, {"approved", `"reason":"a mailing"`}, {"approved by one of two", `"type_uid":600303`},
		{"approval begun", `"type_uid":300501`}, {"approval refused", `"type_uid":300501`}, {"approval refused", `"status_id":2`},
		{"approval of what is not there", `"type_uid":600303`}, {"denied by a person", `"type_uid":600303`}, {"revoked", `"type_uid":300502`}, {"looked at", `"type_uid":600302`},
		{"cancelled while it waits", `"type_uid":600303`}, {"given back", `"type_uid":300502`}, {"over", `"type_uid":300502`}, {"over", `"actor":{"app_name":"Deputy","app_uid":"deputy"}`},
		{"unanswered", `"type_uid":600303`}, {"asked", `"type_uid":600301`}, {"asked", `"uid":"req_1"`}, {"approved by a rule", `"type_uid":300501`},
		{"approved by a rule", `"user":{"uid":"robot","name":"robot","type_id":4}`}, {"approved by a rule", `"privileges":["read sales.orders"]`}, {"looked up once approved", `"type_uid":600301`},
	} {
		if line, err := ocsf.Encode(all[c.record]); err != nil || !strings.Contains(string(line), c.holds) {
			t.Errorf("%s: %s is not in %s (%v)", c.record, c.holds, line, err)
		}
	}
}
