package tools_test

import (
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/identity"
	"deputy/tools"
)

func TestWhoIsTurnedAwayByALimitIsOnTheRecordAndCannotFillIt(t *testing.T) {
	log := &memory{}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	config := toolsConfig(t, onSQLite(t), log, "")
	config.Now = func() time.Time { return now }
	made, err := tools.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	taylor := identity.Principal{
		Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "bot"}},
		User: &identity.User{
			Identity: identity.Identity{Kind: identity.KindUser, ID: "taylor"},
			Issuer:   "https://issuer.test",
			Subject:  "taylor",
		},
	}
	refusal := made.OverLimit(t.Context(), tools.Call{Principal: taylor, Client: "192.0.2.1"}, "too many requests")
	r := log.last(t)
	if refusal.Code != tools.TooBusy || refusal.Message != "too many requests" || refusal.Hint == "" ||
		refusal.AuditID != r.ID {
		t.Errorf("the refusal is %+v", refusal)
	}
	if r.Tool != audit.Admit || r.Agent.ID != "bot" || r.User.ID != "taylor" || r.Outcome != audit.Failed ||
		r.Code != "too_busy" ||
		r.Client != "192.0.2.1" ||
		r.Reasons[0] != "too many requests" {
		t.Errorf("the record is %+v", r)
	}
	made.OverLimit(t.Context(), tools.Call{Client: "192.0.2.9"}, "too many requests")
	if r := log.last(t); r.Tool != audit.Authenticate || r.Mode != "" || !strings.Contains(audit.Line(r), "nobody known") {
		t.Errorf("of an address the record is %+v", r)
	}
	for range 1000 {
		refusal = made.OverLimit(t.Context(), tools.Call{Principal: taylor}, "too many requests")
	}
	if len(log.records) != 20 || refusal.AuditID != "" || refusal.Code != tools.TooBusy {
		t.Errorf("of a thousand at once %d are on the record, and the last refusal is %+v", len(log.records), refusal)
	}
	now = now.Add(time.Second)
	made.OverLimit(t.Context(), tools.Call{Principal: taylor}, "too many requests")
	if r := log.last(t); len(log.records) != 21 ||
		!strings.Contains(strings.Join(r.Reasons, ";"), "982 more were turned away") {
		t.Errorf("a second later there are %d, and the last says %q", len(log.records), r.Reasons)
	}
	made.TurnAway(
		t.Context(),
		"192.0.2.1",
		&identity.AuthError{Code: identity.InvalidToken, Message: "the token has expired"},
	)
	if r := log.last(t); r.Code != "invalid_token" {
		t.Error("those who are too many keep strangers off the record")
	}
}
