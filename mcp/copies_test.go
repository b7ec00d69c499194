package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"deputy/mcp"
	"deputy/tools"
)

// sent is an answer as a client is sent it.
type sent struct {
	ID     json.RawMessage
	Result struct {
		Content           []struct{ Text string }
		StructuredContent json.RawMessage
		IsError           bool
	}
}

func readSent(t *testing.T, body string) (s sent) {
	t.Helper()
	if data, stream := strings.CutPrefix(body, "event: message\ndata: "); stream {
		body = data
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil || len(s.Result.Content) != 1 {
		t.Fatalf("%v: %.300s", err, body)
	}
	return s
}

func withMeta(body, meta string) string {
	return strings.Replace(body, `"params":{`, `"params":{"_meta":`+meta+`,`, 1)
}

// Large copies go past mcp-go's encoder. They come as small ones do: in both transports, with any id, and as events.
func TestLargeAnswersComeWhole(t *testing.T) {
	big := orders()
	big.Rows = nil
	for i := range 2000 {
		big.Rows = append(big.Rows, []any{fmt.Sprintf("%d \"quoted\" <&> \n aside \\ |", i), nil})
	}
	big.RowCount = len(big.Rows)
	fake := &fakeTools{OnQuery: func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error) {
		return big, nil
	}}
	check := func(how, body, id string) {
		t.Helper()
		got := readSent(t, body)
		var read tools.QueryResult
		err := json.Unmarshal(got.Result.StructuredContent, &read)
		if err != nil || !reflect.DeepEqual(read.Rows, big.Rows) || got.Result.Content[0].Text != big.Text() {
			t.Errorf("%s: %v: %.300s", how, err, body)
		}
		if string(got.ID) != id {
			t.Errorf("%s: the id is %s, not %s", how, got.ID, id)
		}
	}
	web := serve(t, config(fake))
	for _, id := range []string{`1`, `"x"`, `1e0`, `"aside"`} {
		body := strings.Replace(queryBody, `"id":1`, `"id":`+id, 1)
		_, got := do(t, request(t, web, body, func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer token-taylor")
		}))
		check("HTTP", got, id)
		check("stdio", piped(t, config(fake), body+"\n", taylorsKey)[id], id)
	}
}

// A client is sent what it says that it reads, or else what the server is told to send; refusals come in both copies.
func TestCopiesAreThoseThatAreRead(t *testing.T) {
	refused := &tools.Refusal{Code: tools.NotPermitted, Message: "no"}
	fake := &fakeTools{OnQuery: func(_ context.Context, _ tools.Call, a tools.QueryArgs) (*tools.QueryResult, error) {
		if strings.Contains(a.SQL, "payroll") {
			return nil, refused
		}
		return orders(), nil
	}}
	for _, tt := range []struct {
		server           mcp.Copies
		header, meta     string
		structured, text bool
	}{
		{"", "", "", true, true},
		{mcp.OnlyText, "", "", false, true},
		{mcp.OnlyStructured, "", "", true, false},
		{"", "text", "", false, true},
		{"", "structured", "", true, false},
		{mcp.OnlyText, "both", "", true, true},
		{"", "text", `{"deputy/answers":"structured"}`, true, false},
		{"", "", `{"deputy/answers":"text"}`, false, true},
		{"", "markdown", `{"deputy/answers":7}`, true, true},
		{mcp.OnlyText, "", `{"deputy/answers":"markdown"}`, false, true},
	} {
		cfg := config(fake)
		cfg.Answers = tt.server
		web := serve(t, cfg)
		ask := func(body string) sent {
			if tt.meta != "" {
				body = withMeta(body, tt.meta)
			}
			_, got := do(t, request(t, web, body, func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer token-taylor")
				if tt.header != "" {
					r.Header.Set(mcp.HeaderAnswers, tt.header)
				}
			}))
			return readSent(t, got)
		}
		got := ask(queryBody).Result
		if s := got.StructuredContent != nil; s != tt.structured {
			t.Errorf("%+v: structured content is %s", tt, got.StructuredContent)
		}
		if text := strings.HasPrefix(got.Content[0].Text, "2 rows."); text != tt.text || got.Content[0].Text == "" {
			t.Errorf("%+v: the text is %s", tt, got.Content[0].Text)
		}
		no := ask(strings.Replace(queryBody, `"arguments":{"sql":"`, `"arguments":{"sql":"payroll `, 1)).Result
		if no.StructuredContent == nil || !strings.HasPrefix(no.Content[0].Text, "no") || !no.IsError {
			t.Errorf("%+v: a refusal is %+v", tt, no)
		}
	}
}

// Some clients refuse an answer without structured content where the tool has an output schema.
func TestNoOutputSchemaWithoutStructuredContent(t *testing.T) {
	for copies, want := range map[string]bool{"both": true, "structured": true, "text": false} {
		_, body := do(t, request(t, serve(t, config(&fakeTools{})), listBody("tools/list"), func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer token-taylor")
			r.Header.Set(mcp.HeaderAnswers, copies)
		}))
		if got := strings.Count(body, `"outputSchema"`); got != map[bool]int{true: 3}[want] {
			t.Errorf("%s: %d of three tools have an output schema: %s", copies, got, body)
		}
		if strings.Count(body, `"_meta":{"anthropic/maxResultSizeChars":500000}`) != 3 {
			t.Errorf("the tools do not say how large results may be: %s", body)
		}
	}
}

func TestUnknownCopiesAreRefused(t *testing.T) {
	if _, err := (mcp.Config{Generations: mcp.Fixed(nil, nil), Answers: "markdown"}).WithDefaults(); err == nil {
		t.Error("a server is told to send copies that there are not")
	}
}
