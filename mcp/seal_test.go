package mcp

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/mcp/mcptest"
	"deputy/tools"
)

var confirmForm = Form{Message: "Ask for access to sales.orders?", Fields: []Field{
	{Name: "reason", Title: "Reason", Required: true, MaxLength: 20},
	{Name: "duration", Title: "For how long", Default: "4h", Choices: []string{"1h", "4h"}},
}}

func TestAnAnswerToAnotherFormCountsForNothing(t *testing.T) {
	h := newHandlers(Config{StateKey: bytes.Repeat([]byte("k"), 32), Now: time.Now})
	call := mcp.CallToolRequest{Params: mcp.CallToolParams{Name: "confirm", RawArguments: json.RawMessage(`{}`)}}
	taylor := tools.Call{Principal: mcptest.Principal("taylor")}
	asked := h.question(taylor, call, confirmForm)
	softer := confirmForm
	softer.Message = "Say hello?"
	agent := taylor
	agent.Principal.Agent.ID = "other"
	elsewhere := tools.Call{Principal: mcptest.Principal("taylor")}
	elsewhere.Principal.User.Issuer = "https://other.test"
	alone := taylor
	alone.Principal.User = nil
	for name, other := range map[string][]byte{
		"form": h.question(taylor, call, softer), "agent": h.question(agent, call, confirmForm), "nobody": h.question(alone, call, confirmForm),
		"issuer": h.question(elsewhere, call, confirmForm),
	} {
		if h.seal.holds(h.seal.make(asked), other) {
			t.Errorf("another %s has the same question", name)
		}
	}
	if !h.seal.holds(h.seal.make(asked), h.question(taylor, call, confirmForm)) {
		t.Error("the same question is not the same")
	}
}

func TestConsentThatCanBeReadInTwoWaysIsNone(t *testing.T) {
	for _, raw := range []string{
		``, `null`, `[]`, `"accept"`, `{}`, `{"action":null}`, `{"Action":"accept","content":{"reason":"x"}}`,
		`{"action":"decline","action":"accept","content":{"reason":"x"}}`,
		`{"action":"decline","ACTION":"accept","content":{"reason":"x"}}`,
		`{"action":"accept","content":{"reason":"x","reason":"y"}}`, `{"action":"accept","content":{"Reason":"x"}}`,
		`{"action":"accept","content":[]}`, `{"action":"accept","content":{"reason":""}}`, `{"action":"accept","content":{"reason":null}}`,
		"{\"action\":\"accept\",\"content\":{\"reason\":\"\xff\"}}", `{"action":["accept"]}`,
	} {
		if got := readAnswer(json.RawMessage(raw), confirmForm); got.Action != Dismissed || got.Values != nil {
			t.Errorf("%s is read as %+v", raw, got)
		}
	}
}
