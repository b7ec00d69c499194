package mcp_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	protocol "github.com/mark3labs/mcp-go/mcp"

	"deputy/identity"
)

// unserved are messages that no tool takes, and what the record says of them: "tool: reason".
var unserved = []struct{ name, body, want string }{
	{
		"unknown tool",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop_table","arguments":{}}}`,
		"drop_table: there is no such tool",
	},
	{
		"tool in capitals",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"Query","arguments":{"sql":"SELECT 1"}}}`,
		"Query: there is no such tool",
	},
	{
		"control characters",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\u001b[2Jb\nc"}}`,
		"(no plain name): there is no such tool",
	},
	{
		"long name",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + strings.Repeat("x", 100_000) + `"}}`,
		"(no plain name): there is no such tool",
	},
	{
		"a key as name",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"deputy_ak_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}}`,
		"(no plain name): there is no such tool",
	},
	{
		"no name",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{}}}`,
		"(no plain name): there is no such tool",
	},
	{"no params", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}`, "(no plain name): there is no such tool"},
	{
		"name is no text",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["query"]}}`,
		": the message cannot be read: the parameters are not those of the method",
	},
	{
		"key twice",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","Name":"x"}}`,
		": the message cannot be read: params is not one object with each key once, in its own letters",
	},
	{
		"params is a list",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["query"]}`,
		": the message cannot be read: params is not one object with each key once, in its own letters",
	},
	{
		"a batch",
		`[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query"}}]`,
		": the message cannot be read: batches are not taken: send one message at a time",
	},
	{"no JSON", `SELECT * FROM secrets`, ": the message cannot be read: the message is not JSON"},
	{
		"unknown method",
		`{"jsonrpc":"2.0","id":1,"method":"tools/execute","params":{}}`,
		`: there is no method "tools/execute" here`,
	},
	{
		"a method with a line break",
		`{"jsonrpc":"2.0","id":1,"method":"x\ny","params":{}}`,
		`: there is no method "(no plain name)" here`,
	},
	{
		"a prompt",
		`{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"x"}}`,
		`: there is no method "prompts/get" here`,
	},
	{
		"a resource",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}`,
		`: there is no method "resources/read" here`,
	},
	{
		"too large",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":{"sql":"` + strings.Repeat(
			"x",
			1<<20,
		) + `"}}}`,
		": the message cannot be read: ",
	},
}

func TestUnservedOnRecord(t *testing.T) {
	check := func(t *testing.T, fake *fakeTools, want string) {
		t.Helper()
		got := fake.Refusals()
		if len(got) != 1 || !strings.HasPrefix(got[0], want) || len(got[0]) > 200 {
			t.Errorf("recorded %.300q, want %q", got, want)
		}
		if callers := fake.Callers(); !reflect.DeepEqual(callers, []string{"taylor"}) {
			t.Errorf("recorded for %v", callers)
		}
	}
	for _, tt := range unserved {
		t.Run(tt.name+"/http", func(t *testing.T) {
			fake := &fakeTools{}
			do(t, request(t, serve(t, config(fake)), tt.body))
			check(t, fake, tt.want)
		})
		if strings.HasPrefix(tt.want, ": the message") {
			continue // the headers of the newest revision repeat what is read
		}
		t.Run(tt.name+"/newest", func(t *testing.T) {
			fake := &fakeTools{}
			do(
				t,
				request(
					t,
					serve(t, config(fake)),
					modern(tt.body),
					inRevision(protocol.ProtocolVersion20260728, "tools/call", "drop_table"),
				),
			)
			check(t, fake, tt.want)
		})
	}
	for _, tt := range unserved {
		t.Run(tt.name+"/stdio", func(t *testing.T) {
			fake := &fakeTools{}
			piped(t, config(fake), tt.body+"\n", taylorsKey)
			check(t, fake, tt.want)
		})
	}
}

// What mcp-go itself refuses of a call of a tool that is there is on the record too.
func TestProtocolRefusalOnRecord(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"another method in the header": inRevision(protocol.ProtocolVersion20260728, "tools/list", "query"),
		"another name in the header":   inRevision(protocol.ProtocolVersion20260728, "tools/call", "describe_table"),
		"unknown revision":             header(protocol.HeaderProtocolVersion, "1999-01-01"),
	} {
		t.Run(name, func(t *testing.T) {
			fake := &fakeTools{}
			_, body := do(t, request(t, serve(t, config(fake)), modern(queryBody), change))
			if got := fake.Refusals(); !reflect.DeepEqual(
				got,
				[]string{"query: the call does not fit the protocol, so no tool took it"},
			) {
				t.Errorf("recorded %q, answered %s", got, body)
			}
		})
	}
}

// What says what there is, what a tool took and what a notification says is no refusal.
func TestServedIsNoRefusal(t *testing.T) {
	fake := &fakeTools{}
	web, input := serve(t, config(fake)), ""
	for i, body := range []string{
		listBody("tools/list"), listBody("prompts/list"), listBody("resources/list"), listBody("ping"), queryBody,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`, `{"jsonrpc":"2.0","method":"notifications/no/such"}`,
	} {
		do(t, request(t, web, body))
		input += strings.Replace(body, `"id":1`, fmt.Sprintf(`"id":%d`, i), 1) + "\n"
	}
	piped(t, config(fake), input, taylorsKey)
	if got := fake.Refusals(); len(got) > 0 {
		t.Errorf("recorded as refused: %q", got)
	}
}

// A caller who is turned away is on the record as that, once.
func TestUnprovedIsTurnedAwayOnce(t *testing.T) {
	fake := &fakeTools{}
	do(
		t,
		request(
			t,
			serve(t, config(fake)),
			unserved[0].body,
			func(r *http.Request) { r.Header.Set("Authorization", "Bearer nonsense") },
		),
	)
	do(t, request(t, serve(t, config(fake)), unserved[0].body, agentKey))
	piped(
		t,
		config(fake),
		unserved[0].body+"\n",
		func() (identity.Credentials, error) { return identity.Credentials{AgentKey: "nonsense"}, nil },
	)
	if got, away := fake.Refusals(), fake.TurnedAway(); len(got) > 0 || len(away) != 3 {
		t.Errorf("recorded as refused %q, as turned away %q", got, away)
	}
}
