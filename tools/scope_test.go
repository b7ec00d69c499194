package tools_test

import (
	"reflect"
	"strings"
	"testing"

	"deputy/audit"
	"deputy/audit/ocsf"
	"deputy/identity"
	"deputy/tools"
)

// limited is a call of Taylor's through a token that names scopes.
func limited(scopes ...identity.Scope) tools.Call {
	call := as("taylor", "Marketing")
	call.Principal.Scopes, call.Principal.Limited = scopes, true
	return call
}

func TestAScopeIsACeilingForEachToolAndNeverAGrant(t *testing.T) {
	made, log := newTools(t, onSQLite(t), "")
	query := func(call tools.Call, table string) error {
		_, err := made.Query(t.Context(), call, tools.QueryArgs{SQL: "SELECT region FROM " + table})
		return err
	}
	describe := func(call tools.Call) error {
		_, err := made.DescribeTable(t.Context(), call, tools.DescribeArgs{})
		return err
	}
	open := as("taylor", "Marketing")
	for _, tt := range []struct {
		name   string
		err    error
		denied string // the record's reason; empty: answered
	}{
		{"no ceiling, query", query(open, "customer_orders"), ""},
		{"no ceiling, describe", describe(open), ""},
		{"query allows query", query(limited("query"), "customer_orders"), ""},
		{"query does not allow describe", describe(limited("query")), "the access token does not have the scope describe"},
		{"describe does not allow query", query(limited("describe"), "customer_orders"), "the access token does not have the scope query"},
		{"describe allows describe", describe(limited("describe")), ""},
		{"request allows neither", query(limited("request"), "customer_orders"), "the access token does not have the scope query"},
		{"approve allows neither", describe(limited("approve")), "the access token does not have the scope describe"},
		{"an empty ceiling allows nothing", query(limited(), "customer_orders"), "the access token does not have the scope query"},
	} {
		if tt.denied == "" {
			if tt.err != nil {
				t.Errorf("%s: %v", tt.name, tt.err)
			}
			continue
		}
		if r := refusal(t, tt.err); r.Code != tools.NotPermitted || !strings.Contains(r.Message, "the scope ") ||
			!strings.Contains(r.Hint, "authorization server") {
			t.Errorf("%s: the refusal is %+v", tt.name, r)
		}
	}
	var denied []string
	for _, r := range log.records {
		if r.Outcome == audit.Denied {
			denied = append(denied, r.Reasons...)
			if r.Code != string(tools.NotPermitted) || r.User.ID != "taylor" || len(r.Tables) > 0 {
				t.Errorf("the record is %+v", r)
			}
		}
	}
	if len(denied) != 5 {
		t.Errorf("on the record as denied are %q", denied)
	}
	if r := refusal(t, query(limited("query"), "payroll")); r.Code != tools.NotPermitted {
		t.Errorf("the scope query opens no table: %+v", r)
	}
	if r := log.last(t); strings.Contains(strings.Join(r.Reasons, ";"), "scope") {
		t.Errorf("with the scope it is the policies that deny: %+v", r)
	}
}

func TestTheCeilingAloneIsOnTheRecordOnlyWhenItRefuses(t *testing.T) {
	made, log := newTools(t, onSQLite(t), "")
	for tool, call := range map[string]tools.Call{"query": limited("query"), "describe_table": as("taylor"), "no_such_tool": limited(), "": limited()} {
		if r := made.Ceiling(t.Context(), call, tool); r != nil || len(log.records) > 0 {
			t.Errorf("%q is held back: %+v", tool, r)
		}
	}
	if r := made.Ceiling(t.Context(), limited("query"), "request_access"); r == nil || r.AuditID != log.last(t).ID ||
		log.last(t).Tool != "request_access" ||
		log.last(t).Outcome != audit.Denied {
		t.Errorf("held back is %+v, and recorded %+v", r, log.records)
	}
}

func TestTheRecordSaysThroughWhoseHandsAndByWhichCredential(t *testing.T) {
	made, log := newTools(t, onSQLite(t), "")
	call := as("taylor", "Marketing")
	call.Principal.Actors, call.Principal.Credential = []string{"marketing-client", "chat-host"}, "access token"
	if _, err := made.Query(t.Context(), call, tools.QueryArgs{SQL: "SELECT region FROM customer_orders"}); err != nil {
		t.Fatal(err)
	}
	for _, r := range log.records {
		if !reflect.DeepEqual(r.Actors, []string{"marketing-client", "chat-host"}) || r.Credential != "access token" {
			t.Errorf("the record of the %s is %+v", r.Phase, r)
		}
		event, err := ocsf.Encode(r)
		if err != nil ||
			!strings.Contains(string(event), `"actors":["marketing-client","chat-host"],"credential":"access token"`) {
			t.Errorf("as an event it is %s (%v)", event, err)
		}
	}
}

func TestWhoWasProvedAndRefusedIsOnTheRecordWhateverStrangersSend(t *testing.T) {
	made, log := newTools(t, onSQLite(t), "")
	for range 100 {
		made.TurnAway(
			t.Context(),
			"192.0.2.1",
			&identity.AuthError{Code: identity.InvalidToken, Message: "the access token is malformed"},
		)
	}
	who := as("taylor", "Marketing").Principal
	who.Credential = "key 3f2a91c0"
	made.TurnAway(
		t.Context(),
		"192.0.2.2",
		&identity.AuthError{Code: identity.InsufficientAccess, Message: "agent marketing-agent is disabled", Who: &who},
	)
	r := log.last(t)
	if r.Client != "192.0.2.2" || r.Agent.ID != "marketing-agent" || r.User == nil || r.User.ID != "taylor" ||
		r.Credential != "key 3f2a91c0" ||
		r.Mode != "on_behalf_of" ||
		len(r.Reasons) != 1 {
		t.Errorf("the record is %+v", r)
	}
	if line := audit.Line(r); !strings.Contains(line, "marketing-agent for taylor") {
		t.Errorf("for people it is %s", line)
	}
	event, err := ocsf.Encode(r)
	if err != nil || !strings.Contains(string(event), `"app_uid":"marketing-agent"`) ||
		!strings.Contains(string(event), `"user":{"uid":"taylor"`) {
		t.Errorf("as an event it is %s (%v)", event, err)
	}
}
