package httpd

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A slash at the end and ids of any form are no fault of the person whose host writes them.
func TestHostsOwnWays(t *testing.T) {
	web := serve(t, config(&fakeTools{}))
	post := func(path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		r.Header.Set("Authorization", "Bearer token-taylor")
		response, err := web.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(answer)
	}
	for _, id := range []string{`1`, `1.0`, `1e3`, `9007199254740993`, `"a"`, `"\u0061"`} {
		for _, path := range []string{"/mcp", "/mcp/"} {
			status, answer := post(path, `{"jsonrpc":"2.0","id":`+id+`,"method":"tools/call","params":{"name":"query",`+
				`"arguments":{"sql":"SELECT 1","max_rows":10.0,"platform":null,"toolCallId":"call_1"}}}`)
			var said struct{ ID, Result json.RawMessage }
			if err := json.Unmarshal([]byte(answer), &said); status != http.StatusOK || err != nil ||
				string(said.ID) != id || !strings.Contains(string(said.Result), `"isError":false`) &&
				strings.Contains(string(said.Result), `"isError":true`) {
				t.Errorf("%s with the id %s: %d %.300s", path, id, status, answer)
			}
		}
	}
	if status, _ := post("/mcp/more", `{}`); status != http.StatusNotFound {
		t.Errorf("/mcp/more is answered with %d", status)
	}
	for _, path := range []string{metadataPath, metadataPath + "/mcp", metadataPath + "/mcp/"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := web.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || !strings.Contains(string(body), `/mcp"`) {
			t.Errorf("%s is answered with %d %s", path, response.StatusCode, body)
		}
	}
}
