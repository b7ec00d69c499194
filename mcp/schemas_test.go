package mcp

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
)

func TestToolDefinitionsAreSmall(t *testing.T) {
	many := choices{[]string{"warehouse", "lake"}, map[string]string{"fraud-investigation": "looking into a payment that was reported", "support": "answering a customer"}}
	encoded, err := json.Marshal([]mcp.Tool{queryTool(many), describeTool(many)})
	if err != nil {
		t.Fatal(err)
	}
	if tokens := (len(encoded) + len(instructions)) / 4; tokens >= 1500 {
		t.Errorf("tools and instructions take about %d tokens of every conversation, want less than 1500", tokens)
	}
}

func TestToolsSayThatTheyChangeNothing(t *testing.T) {
	for _, tool := range []mcp.Tool{queryTool(choices{}), describeTool(choices{})} {
		a := tool.Annotations
		if !*a.ReadOnlyHint || *a.DestructiveHint || !*a.IdempotentHint || *a.OpenWorldHint || tool.Title == "" {
			t.Errorf("%s: %+v", tool.Name, a)
		}
	}
}

func TestThePlatformIsAskedForWhenThereIsAChoice(t *testing.T) {
	for _, build := range []func(choices) mcp.Tool{queryTool, describeTool} {
		if one := build(choices{platforms: []string{"lake"}}); strings.Contains(string(one.RawInputSchema), `"platform"`) {
			t.Errorf("one platform: %s", one.RawInputSchema)
		}
		two := build(choices{platforms: []string{"lake", "sales"}})
		var schema struct {
			Properties map[string]struct{ Enum []string }
			Required   []string
			Additional *bool `json:"additionalProperties"`
		}
		if err := json.Unmarshal(two.RawInputSchema, &schema); err != nil {
			t.Fatal(err)
		}
		if strings.Join(schema.Properties["platform"].Enum, " ") != "lake sales" || schema.Required[len(schema.Required)-1] != "platform" || *schema.Additional {
			t.Errorf("two platforms: %s", two.RawInputSchema)
		}
	}
}

func TestThePurposeIsOfferedWhenThereAreSomeAndNeverAskedFor(t *testing.T) {
	for _, build := range []func(choices) mcp.Tool{queryTool, describeTool} {
		if none := build(choices{}); strings.Contains(string(none.RawInputSchema), "purpose") {
			t.Errorf("no purposes: %s", none.RawInputSchema)
		}
		some := build(choices{purposes: map[string]string{"support": "answering a customer", "fraud-investigation": "looking into a payment"}})
		var schema struct {
			Properties map[string]struct {
				Enum        []string
				Description string
			}
			Required []string
		}
		if err := json.Unmarshal(some.RawInputSchema, &schema); err != nil {
			t.Fatal(err)
		}
		purpose := schema.Properties["purpose"]
		if strings.Join(purpose.Enum, " ") != "fraud-investigation support" || strings.Contains(strings.Join(schema.Required, " "), "purpose") {
			t.Errorf("two purposes: %s", some.RawInputSchema)
		}
		for _, says := range []string{"not verified", "on the record", "\n- fraud-investigation: looking into a payment", "\n- support: answering a customer"} {
			if !strings.Contains(purpose.Description, says) {
				t.Errorf("the purpose is described without %q: %s", says, purpose.Description)
			}
		}
	}
}
