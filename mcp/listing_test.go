package mcp_test

import (
	"encoding/json"
	"strings"
	"testing"

	protocol "github.com/mark3labs/mcp-go/mcp"
	"github.com/tiktoken-go/tokenizer"

	"deputy/mcp"
)

// tokensOf counts what a text takes of a conversation, by the tokenizer of a model of today. Others differ by a few in
// a hundred.
func tokensOf(t *testing.T, text string) int {
	t.Helper()
	encoding, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		t.Fatal(err)
	}
	n, err := encoding.Count(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// forHosts is what tools say to hosts alone.
const forHosts = `"_meta":{"anthropic/maxResultSizeChars":500000},`

func TestToolDefinitionsAreSmall(t *testing.T) {
	const limit = 1500
	fake := &fakeTools{PlatformNames: []string{"lake", "sales"},
		PurposeTexts: map[string]string{
			"fraud-investigation": "looking into a payment that was reported",
			"support":             "answering a customer",
		}}
	for revision, list := range map[string]string{
		protocol.ProtocolVersion20251125: `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`,
		protocol.ProtocolVersion20260728: modern(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`),
	} {
		_, body := do(t, request(t, serve(t, config(fake)), list, inRevision(revision, "tools/list", "")))
		var answer struct {
			Result struct{ Tools json.RawMessage }
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || !strings.Contains(body, `"icons"`) ||
			!strings.Contains(body, forHosts) ||
			!strings.Contains(body, `"purpose"`) {
			t.Fatalf("%s: what is counted is not all of it: %s", revision, body)
		}
		shown := strings.ReplaceAll(string(answer.Result.Tools), forHosts, "") // no model is shown it
		if tokens := tokensOf(t, shown+mcp.Instructions); tokens >= limit {
			t.Errorf(
				"%s: tools and instructions take %d tokens of every conversation, want less than %d",
				revision,
				tokens,
				limit,
			)
		}
	}
}
