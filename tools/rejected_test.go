package tools_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/identity"
	"deputy/tools"
)

func TestCredentialsThatAreNotAcceptedAreOnTheRecordAndCannotFillIt(t *testing.T) {
	log := &memory{}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	config := toolsConfig(t, onSQLite(t), log, "")
	config.Now = func() time.Time { return now }
	made, err := tools.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []identity.Code{identity.Missing, identity.Unavailable} {
		made.TurnAway(t.Context(), "192.0.2.1", &identity.AuthError{Code: code})
	}
	if len(log.records) != 0 {
		t.Errorf("who brought no credential, or could not be asked about, is on the record as refused: %+v", log.records)
	}
	refused := &identity.AuthError{
		Code:    identity.InvalidToken,
		Message: "the token has expired",
		Cause:   errors.New("eyJhbGciOi"),
	}
	for range 1000 {
		made.TurnAway(t.Context(), "192.0.2.1", refused)
	}
	if len(log.records) != 20 {
		t.Errorf("of a thousand refusals at once %d are on the record", len(log.records))
	}
	now = now.Add(3 * time.Second)
	for range 1000 {
		made.TurnAway(t.Context(), "192.0.2.1", refused)
	}
	if len(log.records) != 23 ||
		!strings.Contains(strings.Join(log.records[20].Reasons, ";"), "980 more were turned away") {
		t.Errorf(
			"three seconds later there are %d, and the next one says %q",
			len(log.records),
			log.records[len(log.records)-3].Reasons,
		)
	}
	r := log.records[0]
	text, _ := audit.Native(r)
	if r.Tool != audit.Authenticate || r.Outcome != audit.Denied || r.Code != "invalid_token" || r.Client != "192.0.2.1" ||
		r.Reasons[0] != "the token has expired" ||
		strings.Contains(string(text), "eyJhbGciOi") {
		t.Errorf("the record is %s", text)
	}
	if line := audit.Line(r); !strings.Contains(line, "nobody known") {
		t.Errorf("for people it is %s", line)
	}
	now = now.Add(time.Hour)
	made.TurnAway(
		t.Context(),
		"192.0.2.1",
		&identity.AuthError{Code: identity.InsufficientAccess, Message: "agent bot may not act alone"},
	)
	if r := log.last(t); r.Code != "insufficient_access" {
		t.Errorf("who may not do this is recorded as %+v", r)
	}
}
