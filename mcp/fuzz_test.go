package mcp_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	protocol "github.com/mark3labs/mcp-go/mcp"

	"deputy/internal/strictjson"
	"deputy/mcp"
	"deputy/mcp/httpd"
	"deputy/mcp/stdio"
)

// everyMessage is what clients of all revisions send, one way or another, and some of what they should not.
func everyMessage() (bodies []string) {
	for _, revision := range revisions {
		bodies = append(
			bodies,
			`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"`+revision+`","capabilities":{"elicitation":{}},"clientInfo":{"name":"x","version":"1"}}}`,
		)
	}
	for _, method := range append([]string{"subscriptions/listen", "resources/read", "prompts/get", "completion/complete", "logging/setLevel", "tasks/get", "no/such"}, mcp.Told...) {
		bodies = append(bodies, listBody(method), modern(listBody(method), canElicit))
	}
	describe := strings.Replace(queryBody, `"query"`, `"describe_table"`, 1)
	bodies = append(
		bodies,
		queryBody,
		modern(queryBody),
		describe,
		modern(describe),
		withToken(`"p"`),
		modern(withToken(`7`)),
		cancelBody,
		strings.Replace(
			queryBody,
			`"query"`,
			`"confirm"`,
			1,
		),
		modern(strings.Replace(queryBody, `"query"`, `"confirm"`, 1), canElicit),
		strings.TrimSuffix(
			modern(strings.Replace(queryBody, `"query"`, `"confirm"`, 1), canElicit),
			"}}",
		)+answered(
			"AAAA",
			consent,
		)+"}}",
		strings.Replace(queryBody, `"arguments"`, `"task":{"ttl":1},"arguments"`, 1),
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":"deputy-1","result":{"action":"accept","content":{"reason":"x"}}}`,
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":""}}`,
		`[`+queryBody+`]`,
		`{}`,
		`null`,
		`{"jsonrpc":"2.0","id":"\ud800","method":"ping"}`,
	)
	return bodies
}

// unlimited: the fuzzer is one caller that comes very often.
func unlimited() Limits { return Limits{CallerPerMinute: 1 << 30, AddressPerMinute: 1 << 30} }

// Whatever is in the body: one answer, of one message, that can be read, and none of our faults.
func FuzzHTTPBody(f *testing.F) {
	for _, body := range everyMessage() {
		for i := range revisions {
			f.Add([]byte(body), uint8(i), i%2 == 0)
		}
	}
	cfg := (&confirming{}).config()
	cfg.Limits = unlimited
	handler, err := httpd.New(cfg)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, revision uint8, human bool) {
		m, problem := mcp.ReadMessage(body)
		if problem != nil {
			m.ID = problem.ID
		}
		r := httptest.NewRequest(http.MethodPost, endpoint, bytes.NewReader(body)).WithContext(t.Context())
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer token-taylor")
		if !human {
			agentKey(r)
		}
		var name string
		if raw, ok := strictjson.Find(m.Params(), "name"); ok {
			_ = json.Unmarshal(raw, &name)
		}
		inRevision(revisions[int(revision)%len(revisions)], m.Method, name)(r)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)

		if w.Code >= 500 || w.Code < 200 {
			t.Fatalf("answer %d %s to %q", w.Code, w.Body, body)
		}
		messages := messagesIn(t, w)
		switch {
		case w.Code == http.StatusAccepted:
			if !m.Notification() || problem != nil || len(messages) > 0 {
				t.Fatalf("%q is accepted, and answered %s", body, w.Body)
			}
		case w.Code == http.StatusForbidden || w.Code == http.StatusRequestEntityTooLarge: // said outside the protocol
			if human && w.Code == http.StatusForbidden {
				t.Fatalf("%q is forbidden: %s", body, w.Body)
			}
		default:
			assertOneAnswer(t, messages, m.ID, body)
		}
	})
}

// messagesIn are the messages of a response, which is one or a stream of them.
func messagesIn(t *testing.T, w *httptest.ResponseRecorder) (messages [][]byte) {
	t.Helper()
	if w.Header().Get("Content-Type") != "text/event-stream" {
		if body := bytes.TrimSpace(w.Body.Bytes()); len(body) > 0 {
			messages = append(messages, body)
		}
	} else {
		for lines := bufio.NewReader(w.Body); ; {
			event := nextEvent(t, lines)
			if event == "" {
				break
			}
			messages = append(messages, []byte(event))
		}
	}
	for _, m := range messages {
		if !json.Valid(m) {
			t.Fatalf("the answer is no JSON: %q", m)
		}
	}
	return messages
}

// assertOneAnswer: to the request with the id; what else there is, is a notification.
func assertOneAnswer(t *testing.T, messages [][]byte, id json.RawMessage, request []byte) {
	t.Helper()
	answers := 0
	for _, raw := range messages {
		members, err := strictjson.Members(raw)
		if err != nil {
			t.Fatalf("%q is answered %q: %v", request, raw, err)
		}
		if _, notifies := strictjson.Find(members, "method"); notifies {
			continue
		}
		answers++
		theirs, _ := strictjson.Find(members, "id")
		_, result := strictjson.Find(members, "result")
		_, failed := strictjson.Find(members, "error")
		if result == failed || !sameID(theirs, id) {
			t.Fatalf("%q is answered %q", request, raw)
		}
	}
	if answers != 1 {
		t.Fatalf("%q has %d answers: %q", request, answers, messages)
	}
}

// sameID: as values, since the text of an id can be written in several ways.
func sameID(theirs, ours json.RawMessage) bool {
	if len(ours) == 0 {
		return string(theirs) == "null"
	}
	var a, b any
	return json.Unmarshal(theirs, &a) == nil && json.Unmarshal(ours, &b) == nil && a == b
}

// Whatever is on the lines: each request has one answer, nothing else has any, and every line that comes back is a
// message.
func FuzzStdioLine(f *testing.F) {
	all := everyMessage()
	for i, line := range all {
		f.Add([]byte(line + "\n"))
		f.Add([]byte(initializeLine + line + "\r\n\n" + all[(i+7)%len(all)]))
	}
	f.Add([]byte(strings.Join(all, "\n")))
	f.Add([]byte(queryLine(1) + cancelBody + "\n" + queryLine(`"1"`) + queryLine(1)))
	f.Fuzz(func(t *testing.T, input []byte) {
		cfg := (&confirming{}).config()
		cfg.MaxMessage = 4096
		var out bytes.Buffer
		if err := stdio.Serve(t.Context(), overPipes(cfg, taylorsKey), bytes.NewReader(input), &out); err != nil {
			t.Fatal(err)
		}
		wanted, free := expected(input, int(cfg.MaxMessage))
		got := map[string]int{}
		for lines := bufio.NewReader(&out); ; {
			line, err := lines.ReadBytes('\n')
			if err == io.EOF && len(line) == 0 {
				break
			}
			members, bad := strictjson.Members(bytes.TrimSuffix(line, []byte("\n")))
			if err != nil || bad != nil {
				t.Fatalf("%q is no message: %v, %v", line, err, bad)
			}
			if _, asks := strictjson.Find(members, "method"); asks {
				continue // a question, or progress
			}
			id, _ := strictjson.Find(members, "id")
			got[canonicalID(id)]++
		}
		for id, n := range got {
			if n > wanted[id] {
				t.Errorf("%q: %d answers to %s, want %d", input, n, id, wanted[id])
			}
		}
		for id, n := range wanted {
			if got[id] < n && !free[id] {
				t.Errorf("%q: %d answers to %s, want %d", input, got[id], id, n)
			}
		}
	})
}

// expected is how many answers each id has to get, and the ids of calls that a line cancels: these may have fewer.
func expected(input []byte, longest int) (wanted map[string]int, free map[string]bool) {
	wanted, free = map[string]int{}, map[string]bool{}
	for _, line := range bytes.SplitAfter(input, []byte("\n")) {
		text := bytes.TrimRight(line, "\r\n")
		if len(line) > longest {
			wanted["null"]++
			continue
		}
		if len(text) == 0 {
			continue
		}
		m, problem := mcp.ReadMessage(text)
		switch {
		case problem != nil:
			if _, reply := mcp.ReadReply(text); !reply {
				wanted[canonicalID(problem.ID)]++
			}
		case m.Method == string(protocol.MethodNotificationCancelled):
			id, _ := strictjson.Find(m.Params(), "requestId")
			free[canonicalID(id)] = true
		case !m.Notification():
			wanted[canonicalID(m.ID)]++
		}
	}
	return wanted, free
}

func canonicalID(id json.RawMessage) string {
	if len(id) == 0 {
		return "null"
	}
	return string(mcp.Canonical(id))
}
