package mcp

import (
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
)

func TestIconsAreSmallDrawingsThatNobodyFetches(t *testing.T) {
	icons := []mcp.Icon{icon(markShield)}
	for _, tool := range []mcp.Tool{queryTool(choices{}), describeTool(choices{}), requestTool(choices{})} {
		icons = append(icons, tool.Icons...)
	}
	seen := map[string]bool{}
	for _, i := range icons {
		uri, err := url.Parse(i.Src)
		if err != nil || uri.Scheme != "data" || strings.ContainsAny(i.Src, "<># \"") || len(i.Src) > 200 || seen[i.Src] {
			t.Errorf("%s: %v", i.Src, err)
			continue
		}
		seen[i.Src] = true
		media, drawing, _ := strings.Cut(uri.Opaque, ",")
		text, err := url.PathUnescape(drawing)
		if err != nil || media != "image/svg+xml" || xml.Unmarshal([]byte(text), new(struct {
			XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
		})) != nil {
			t.Errorf("%s is no drawing: %v", text, err)
		}
	}
	if len(seen) != 4 {
		t.Errorf("there are %d icons, want one for the server and for each tool", len(seen))
	}
}

func TestToolsSayThatTheyChangeNothingButThatOneAsks(t *testing.T) {
	for _, tool := range []mcp.Tool{queryTool(choices{}), describeTool(choices{}), requestTool(choices{})} {
		a := tool.Annotations
		if *a.ReadOnlyHint != (tool.Name != toolRequest) || *a.DestructiveHint || !*a.IdempotentHint || *a.OpenWorldHint ||
			tool.Title == "" {
			t.Errorf("%s: %+v", tool.Name, a)
		}
	}
}

func TestThePlatformIsAskedForWhenThereIsAChoice(t *testing.T) {
	for _, build := range []func(choices) mcp.Tool{queryTool, describeTool} {
		if one := build(choices{platforms: []string{"lake"}}); strings.Contains(string(one.RawInputSchema), `"platform"`) {
			t.Errorf("one platform: %s", one.RawInputSchema)
		}
		two := build(
			choices{platforms: []string{"lake", "sales"}, dialects: map[string]string{"lake": "SQLite", "sales": "PostgreSQL"}},
		)
		var schema struct {
			Properties map[string]struct{ Enum []string }
			Required   []string
			Additional *bool `json:"additionalProperties"`
		}
		if err := json.Unmarshal(two.RawInputSchema, &schema); err != nil {
			t.Fatal(err)
		}
		if strings.Join(schema.Properties["platform"].Enum, " ") != "lake sales" ||
			schema.Required[len(schema.Required)-1] != "platform" ||
			*schema.Additional {
			t.Errorf("two platforms: %s", two.RawInputSchema)
		}
	}
}

func TestThePurposeIsOfferedWhenThereAreSomeAndNeverAskedFor(t *testing.T) {
	for _, build := range []func(choices) mcp.Tool{queryTool, describeTool} {
		if none := build(choices{}); strings.Contains(string(none.RawInputSchema), "purpose") {
			t.Errorf("no purposes: %s", none.RawInputSchema)
		}
		some := build(
			choices{
				purposes: map[string]string{"support": "answering a customer", "fraud-investigation": "looking into a payment"},
			},
		)
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
		if strings.Join(purpose.Enum, " ") != "fraud-investigation support" ||
			strings.Contains(strings.Join(schema.Required, " "), "purpose") {
			t.Errorf("two purposes: %s", some.RawInputSchema)
		}
		if build(choices{}).Name == toolDescribe { // what is said once need not be said twice
			if purpose.Description != asForQuery {
				t.Errorf("the purpose of describe_table is described as %s", purpose.Description)
			}
			continue
		}
		for _, says := range []string{"not verified", "on the record", "\n- fraud-investigation: looking into a payment", "\n- support: answering a customer"} {
			if !strings.Contains(purpose.Description, says) {
				t.Errorf("the purpose is described without %q: %s", says, purpose.Description)
			}
		}
	}
}
