package mcp

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"

	"deputy/mcp/mcptest"
)

func TestMessagesThatCouldBeReadInTwoWaysAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		code      int
	}{
		{"no JSON", `hello`, mcp.PARSE_ERROR},
		{"nothing", ``, mcp.PARSE_ERROR},
		{"half a message", `{"jsonrpc":"2.0","id":1`, mcp.PARSE_ERROR},
		{"two messages", `{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}`, mcp.PARSE_ERROR},
		{"batch", ` [{"jsonrpc":"2.0","id":1,"method":"ping"}]`, mcp.INVALID_REQUEST},
		{"not an object", `7`, mcp.INVALID_REQUEST},
		{"method twice", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}`, mcp.INVALID_REQUEST},
		{"method twice, once in capitals", `{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call"}`, mcp.INVALID_REQUEST},
		{"method twice, once escaped", `{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call"}`, mcp.INVALID_REQUEST},
		{"method in capitals", `{"jsonrpc":"2.0","id":1,"Method":"ping"}`, mcp.INVALID_REQUEST},
		{"params with a long s, which Go folds", `{"jsonrpc":"2.0","id":1,"method":"ping","param\u017f":{}}`, mcp.INVALID_REQUEST},
		{"name twice", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","name":"other"}}`, mcp.INVALID_REQUEST},
		{"name in capitals", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"Name":"query"}}`, mcp.INVALID_REQUEST},
		{"_meta key twice", `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"a":1,"a":2}}}`, mcp.INVALID_PARAMS},
		{"id null", `{"jsonrpc":"2.0","id":null,"method":"notifications/cancelled"}`, mcp.INVALID_REQUEST},
		{"id of another kind", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, mcp.INVALID_REQUEST},
		{"id without end", `{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 300) + `","method":"ping"}`, mcp.INVALID_REQUEST},
		{"request without id", `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"query"}}`, mcp.INVALID_REQUEST},
		{"notification with id", `{"jsonrpc":"2.0","id":1,"method":"notifications/cancelled"}`, mcp.INVALID_REQUEST},
		{"response", `{"jsonrpc":"2.0","id":1,"result":{}}`, mcp.INVALID_REQUEST},
		{"another JSON-RPC", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, mcp.INVALID_REQUEST},
		{"params as a list", `{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}`, mcp.INVALID_REQUEST},
		{"too many keys to compare", `{"jsonrpc":"2.0","id":1,"method":"ping"` + manyKeys(200) + `}`, mcp.INVALID_REQUEST},
		{"parameters of another type", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}`, mcp.INVALID_PARAMS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if m, problem := ReadMessage([]byte(tt.raw)); problem == nil || problem.Code != tt.code {
				t.Errorf("read as %+v, error %+v, want code %d", m, problem, tt.code)
			}
		})
	}
}

func TestProperMessagesAreRead(t *testing.T) {
	for _, raw := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":"a","method":"ping","params":null}`,
		` {"jsonrpc":"2.0","id":-5,"method":"tools/list","params":{"cursor":null}} `,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":1,"method":"no/such","params":{"anything":[1]}}`,
		mcptest.QueryBody,
	} {
		if m, problem := ReadMessage([]byte(raw)); problem != nil || m.Method == "" {
			t.Errorf("%s: %+v", raw, problem)
		}
	}
}

func manyKeys(n int) string {
	var keys strings.Builder
	for i := range n {
		keys.WriteString(`,"` + strings.Repeat("x", i+1) + `":0`)
	}
	return keys.String()
}

// Whatever the bytes: encoding/json, which mcp-go uses, reads the method and the tool that we read.
func FuzzReadMessage(f *testing.F) {
	f.Add([]byte(mcptest.QueryBody))
	f.Add([]byte(mcptest.CancelBody))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"x"}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":"\u0000","method":"m","params":{"name":"a","_meta":{}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, problem := ReadMessage(raw)
		if problem != nil {
			if encoded, err := json.Marshal(problem); err != nil || !json.Valid(encoded) {
				t.Fatalf("the error cannot be sent: %v", err)
			}
			return
		}
		var theirs struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params struct {
				Name json.RawMessage `json:"name"`
			} `json:"params"`
		}
		if err := json.Unmarshal(raw, &theirs); err != nil {
			t.Fatalf("%q passed and cannot be read: %v", raw, err)
		}
		name, _ := find(m.params, "name")
		if theirs.Method != m.Method || !bytes.Equal(theirs.ID, m.ID) || !bytes.Equal(theirs.Params.Name, name) {
			t.Errorf(
				"%q is read as %q %s %s and as %q %s %s",
				raw,
				m.Method,
				m.ID,
				name,
				theirs.Method,
				theirs.ID,
				theirs.Params.Name,
			)
		}
	})
}
