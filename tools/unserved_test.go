package tools_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/tools"
)

// What names no tool is on the record with its caller, and a flood of it is counted there.
func TestUnservedOnRecord(t *testing.T) {
	log := &memory{}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	config := toolsConfig(t, onSQLite(t), log, "")
	config.Now = func() time.Time { return now }
	made, err := tools.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		made.Refuse(t.Context(), seller(), "drop_table", "there is no such tool")
		made.Refuse(t.Context(), seller(), "", "the message cannot be read")
	}
	if len(log.records) != 20 {
		t.Errorf("of a thousand %d are on the record", len(log.records))
	}
	if r := log.records[0]; r.Tool != "drop_table" || r.Outcome != audit.Failed ||
		r.Agent.ID != seller().Principal.Agent.ID ||
		r.User == nil ||
		!reflect.DeepEqual(r.Reasons, []string{"there is no such tool"}) {
		t.Errorf("the record is %+v", r)
	}
	if r := log.records[1]; r.Tool != audit.Message ||
		!reflect.DeepEqual(r.Reasons, []string{"the message cannot be read"}) {
		t.Errorf("the record of a message is %+v", r)
	}
	now = now.Add(2 * time.Second)
	refusal := made.Refuse(t.Context(), seller(), "drop_table", "there is no such tool")
	if r := log.last(t); refusal.AuditID != r.ID ||
		!strings.Contains(strings.Join(r.Reasons, ";"), "980 more were turned away") {
		t.Errorf("the next one says %q", r.Reasons)
	}
	// The arguments of a tool that is there are its own record, each of them.
	for range 30 {
		made.Refuse(t.Context(), seller(), "query", "the argument sql is missing")
	}
	if r := log.last(t); len(log.records) != 51 || r.Tool != "query" ||
		!reflect.DeepEqual(r.Reasons, []string{"the argument sql is missing"}) {
		t.Errorf("there are %d records, and the last is %+v", len(log.records), r)
	}
}
