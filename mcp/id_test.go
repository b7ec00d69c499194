package mcp

import (
	"encoding/json"
	"strings"
	"testing"
)

// An id comes back byte for byte, and nothing else of the answer changes.
func TestIDsComeBack(t *testing.T) {
	for _, id := range []string{
		`1`, `-7`, `0`, `1.0`, `1.5`, `1e3`, `-0`, `9007199254740993`, `18446744073709551616`, `1E400`,
		`"a"`, `""`, `"\u0061"`, `"<&>"`, `"ü"`, `"` + strings.Repeat("x", 198) + `"`,
	} {
		m, problem := ReadMessage(
			[]byte(`{"id":` + id + `,"jsonrpc":"2.0","method":"tools/call","params":{"name":"x","arguments":{"a":"` +
				`\"id\":1"}}}`),
		)
		if problem != nil {
			t.Errorf("%s: %+v", id, problem)
			continue
		}
		var sent struct {
			ID     json.RawMessage
			Params json.RawMessage
		}
		if err := json.Unmarshal(m.raw, &sent); err != nil || !strings.Contains(string(sent.Params), `"a":"\"id\":1"`) {
			t.Errorf("%s: mcp-go is given %s", id, m.raw)
		}
		answer := `{"jsonrpc":"2.0","id":` + string(sent.ID) + `,"result":{"id":` + string(sent.ID) + `}}`
		want := `{"jsonrpc":"2.0","id":` + id + `,"result":{"id":` + string(sent.ID) + `}}`
		if got := string(m.ownID([]byte(answer))); got != want {
			t.Errorf("the answer is\n%s, want\n%s", got, want)
		}
	}
	for _, id := range []string{
		`null`, `true`, `[1]`, `{}`, `"` + strings.Repeat("x", 199) + `"`, strings.Repeat("1", 201),
	} {
		if _, problem := ReadMessage([]byte(`{"jsonrpc":"2.0","id":` + id + `,"method":"ping"}`)); problem == nil {
			t.Errorf("the id %.20s is taken", id)
		}
	}
}
