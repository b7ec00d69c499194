package mcp

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
)

func TestToolDefinitionsAreSmall(t *testing.T) {
	encoded, err := json.Marshal([]mcp.Tool{queryTool([]string{"warehouse", "lake"}), describeTool([]string{"warehouse", "lake"})})
	if err != nil {
		t.Fatal(err)
	}
	if tokens := (len(encoded) + len(instructions)) / 4; tokens >= 1500 {
		t.Errorf("tools and instructions take about %d tokens of every conversation, want less than 1500", tokens)
	}
}

func TestToolsSayThatTheyChangeNothing(t *testing.T) {
	for _, tool := range []mcp.Tool{queryTool(nil), describeTool(nil)} {
		a := tool.Annotations
		if !*a.ReadOnlyHint || *a.DestructiveHint || !*a.IdempotentHint || *a.OpenWorldHint || tool.Title == "" {
			t.Errorf("%s: %+v", tool.Name, a)
		}
	}
}

func TestThePlatformIsAskedForWhenThereIsAChoice(t *testing.T) {
	for _, build := range []func([]string) mcp.Tool{queryTool, describeTool} {
		if one := build([]string{"lake"}); strings.Contains(string(one.RawInputSchema), `"platform"`) {
			t.Errorf("one platform: %s", one.RawInputSchema)
		}
		two := build([]string{"lake", "sales"})
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
