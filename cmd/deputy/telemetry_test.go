package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"deputy/audit"
	"deputy/identity"
	"deputy/internal/config"
	"deputy/internal/demo"
	mcpstdio "deputy/mcp/stdio"
)

const (
	traceA = "0af7651916cd43dd8448eb211c80319c"
	traceB = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanA  = "b7ad6b7169203331"
	spanB  = "00f067aa0ba902b7"
)

// watched is a stage whose traces go to a collector.
func watched(t testing.TB, engine string, sample config.Share) (*demo.Stage, *receiver) {
	t.Helper()
	c := startReceiver(t)
	s, err := demo.Start(t.Context(), demo.Config{Engine: engine, Log: zerolog.Nop(),
		Telemetry: config.Telemetry{OTLP: config.OTLP{Endpoint: c.URL, Sample: sample}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, c
}

func flush(t testing.TB, s *demo.Stage) {
	t.Helper()
	if err := s.Telemetry.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// callBody is a call of the query tool with something in its _meta.
func callBody(t testing.TB, sql string, meta map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
		"params": map[string]any{"name": "query", "arguments": map[string]any{"sql": sql}, "_meta": meta}})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// send posts a call as the person, and returns what came back.
func send(t testing.TB, s *demo.Stage, p demo.Person, body string, headers http.Header) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, headers)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Authorization", "Bearer "+s.Token(p))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s (%v)", response.StatusCode, answer, err)
	}
	return string(answer)
}

func header(values ...string) http.Header { return http.Header{"Traceparent": values} }

func TestOneCallIsOneTraceBelowTheCallers(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s, c := watched(t, engine, 1)
			for _, test := range []struct {
				name          string
				headers       http.Header
				meta          map[string]any
				trace, parent string
				link          string
			}{
				{name: "no trace of the caller's"},
				{"in the header", header("00-" + traceA + "-" + spanA + "-01"), nil, traceA, spanA, ""},
				{"in _meta", nil, map[string]any{"traceparent": "00-" + traceB + "-" + spanB + "-01"}, traceB, spanB, ""},
				{"in both", header("00-" + traceA + "-" + spanA + "-01"), map[string]any{"traceparent": "00-" + traceB + "-" + spanB + "-01"}, traceB, spanB, spanA},
				{"not sampled by the caller", header("00-" + traceA + "-" + spanA + "-00"), nil, traceA, spanA, ""},
			} {
				answer := send(t, s, demo.Taylor, callBody(t, demo.RecentOrders, test.meta), test.headers)
				flush(t, s)
				spans, sent := c.take()
				root, steps := tree(t, spans)
				if steps != "tools/call query: identity, analyse, decide, audit intent, vend and run, audit outcome" {
					t.Errorf("%s: the trace is %s", test.name, steps)
				}
				if hex.EncodeToString(root.ParentSpanId) != test.parent ||
					test.trace != "" && hex.EncodeToString(root.TraceId) != test.trace {
					t.Errorf("%s: the trace is %x below %x", test.name, root.TraceId, root.ParentSpanId)
				}
				if linked := fmt.Sprint(len(root.Links)); test.link == "" && linked != "0" ||
					test.link != "" && hex.EncodeToString(root.Links[0].SpanId) != test.link {
					t.Errorf("%s: the root is linked to %v", test.name, root.Links)
				}
				of := attributes(root)
				if id := of["deputy.audit.id"]; !strings.Contains(answer, `"audit_id":"`+id+`"`) ||
					records(t, s.AuditFile)[id].ID == "" {
					t.Errorf("%s: the trace names the record %s", test.name, id)
				}
				delete(of, "deputy.audit.id")
				if !maps.Equal(
					of,
					map[string]string{
						"mcp.method.name":       "tools/call",
						"gen_ai.operation.name": "execute_tool",
						"gen_ai.tool.name":      "query",
						"network.transport":     "tcp",
						"deputy.outcome":        "answered",
					},
				) {
					t.Errorf("%s: the root says %v", test.name, of)
				}
				i := slices.IndexFunc(spans, func(s *otlp.Span) bool { return s.Name == "vend and run" })
				if of := attributes(spans[i]); !maps.Equal(
					of,
					map[string]string{
						"db.system.name":            map[string]string{config.Postgres: "postgresql", config.SQLite: "sqlite"}[engine],
						"db.operation.name":         "SELECT",
						"deputy.platform":           "shop",
						"db.response.returned_rows": "5",
					},
				) {
					t.Errorf("%s: the step in the database says %v", test.name, of)
				}
				assertNothingPrivate(t, s, sent)
			}
			send(
				t,
				s,
				demo.Taylor,
				`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"describe_table","arguments":{"table":"customer_orders"}}}`,
				nil,
			)
			flush(t, s)
			spans, sent := c.take()
			if _, steps := tree(t, spans); steps != "tools/call describe_table: identity, decide, audit outcome" {
				t.Errorf("the trace is %s", steps)
			}
			assertNothingPrivate(t, s, sent)
		})
	}
}

// assertNothingPrivate looks through all that left for the collector: who asked, for whom, what, and what came back.
func assertNothingPrivate(t *testing.T, s *demo.Stage, sent string) {
	t.Helper()
	for _, secret := range append([]string{"SELECT l", "customer_orders", "lastname", "taylor", "Taylor", "sam", "marketing", "Marketing", "hide personal data", "REDACTED",
		"US-EAST", "95.67", "127.0.0.1", s.Token(demo.Taylor)[:20], s.AgentKey}, demo.Names...) {
		if strings.Contains(sent, secret) {
			t.Errorf("%q has left in a trace or a metric", secret)
		}
	}
}

func TestARefusedCallIsATraceThatSaysSoAndNotWhy(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s, c := watched(t, engine, 1)
			send(t, s, demo.Sam, callBody(t, demo.RecentOrders, nil), nil)
			flush(t, s)
			spans, sent := c.take()
			root, steps := tree(t, spans)
			if steps != "tools/call query: identity, analyse, decide, diagnose, audit outcome" {
				t.Errorf("the trace is %s", steps)
			}
			of := attributes(root)
			if of["error.type"] != "tool_error" || of["deputy.code"] != "not_permitted" || of["deputy.outcome"] != "denied" ||
				root.Status.Message != "" {
				t.Errorf("the root says %v, %v", of, root.Status)
			}
			assertNothingPrivate(t, s, sent)
			// What the tool's name and the method are, is the caller's to write.
			for _, body := range []string{
				`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"customer_orders","arguments":{}}}`,
				`{"jsonrpc":"2.0","id":"taylor","method":"customer_orders","params":{}}`,
				`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":{"sql":"SELECT lastname","platform":"customer_orders"}}}`,
				`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":{"customer_orders":"Taylor"}}}`,
			} {
				send(t, s, demo.Sam, body, nil)
			}
			flush(t, s)
			spans, sent = c.take()
			if len(spans) == 0 {
				t.Error("there is no trace")
			}
			assertNothingPrivate(t, s, sent)
		})
	}
}

func TestNobodyWithoutAProvedCallerWritesIntoTheTraces(t *testing.T) {
	s, c := watched(t, config.SQLite, 1)
	for _, bearer := range []string{"", "Bearer nobody"} {
		r, _ := http.NewRequestWithContext(
			t.Context(),
			http.MethodPost,
			s.URL,
			strings.NewReader(callBody(t, "SELECT 1", nil)),
		)
		r.Header = http.Header{
			"Content-Type":  {"application/json"},
			"Authorization": {bearer},
			"Traceparent":   {"00-" + traceA + "-" + spanA + "-01"},
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil || response.StatusCode != http.StatusUnauthorized {
			t.Fatal(response, err)
		}
		response.Body.Close()
	}
	flush(t, s)
	if spans, _ := c.take(); len(spans) > 0 {
		t.Errorf("somebody unknown made %d spans", len(spans))
	}
}

func TestOverStdioACallIsATraceToo(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s, c := watched(t, engine, 1)
			in := strings.NewReader(
				callBody(t, demo.RecentOrders, map[string]any{"traceparent": "00-" + traceB + "-" + spanB + "-01"}) + "\n",
			)
			who := func() (identity.Credentials, error) {
				return identity.Credentials{AgentKey: s.AgentKey, UserToken: s.Token(demo.Taylor)}, nil
			}
			var out strings.Builder
			served := s.Stdio("test")
			served.Credentials = who
			if err := mcpstdio.Serve(t.Context(), served, in, &out); err != nil {
				t.Fatal(err)
			}
			flush(t, s)
			spans, _ := c.take()
			root, steps := tree(t, spans)
			if steps != "tools/call query: identity, analyse, decide, audit intent, vend and run, audit outcome" ||
				hex.EncodeToString(root.ParentSpanId) != spanB {
				t.Errorf("the trace is %s below %x", steps, root.ParentSpanId)
			}
			if of := attributes(root); of["network.transport"] != "pipe" ||
				!strings.Contains(out.String(), of["deputy.audit.id"]) {
				t.Errorf("the root says %v", of)
			}
		})
	}
}

func TestSamplingCostsNoRecord(t *testing.T) {
	for _, engine := range engines {
		for name, sample := range map[string]config.Share{"no call": 0, "some calls": 0.5} {
			t.Run(engine+" with "+name+" sampled", func(t *testing.T) {
				s, c := watched(t, engine, sample)
				const calls = 10
				for i := range calls {
					flag := fmt.Sprintf("00-%032x-%016x-0%d", i+1, i+1, i%2) // half of the callers say that they are to be sampled
					send(t, s, demo.Taylor, callBody(t, demo.RecentOrders, map[string]any{"traceparent": flag}), header(flag))
					send(t, s, demo.Sam, callBody(t, demo.RecentOrders, nil), header(flag))
				}
				flush(t, s)
				got := map[audit.Phase]int{}
				for _, r := range allRecords(t, s.AuditFile) {
					got[r.Phase]++
				}
				if got[audit.Intent] != calls || got[audit.Ended] != 2*calls {
					t.Errorf("%d calls, half of them refused, are %v records", 2*calls, got)
				}
				if spans, _ := c.take(); sample == 0 && len(spans) > 0 {
					t.Errorf("%d spans left though nothing is sampled", len(spans))
				}
			})
		}
	}
}

func TestACollectorThatIsAwayCostsNoCallAndNoRecord(t *testing.T) {
	s, c := watched(t, config.SQLite, 1)
	c.Close()
	for range 5 {
		if answer := send(t, s, demo.Taylor, callBody(t, demo.RecentOrders, nil), nil); !strings.Contains(
			answer,
			"REDACTED",
		) {
			t.Error(answer)
		}
	}
	if got := len(records(t, s.AuditFile)); got != 5 {
		t.Errorf("5 calls are %d records", got)
	}
}

func TestAHostileTraceContextIsHarmless(t *testing.T) {
	const evil = "evil"
	huge := strings.Repeat(evil, 12_000) // headers end at 64 KiB
	good := "00-" + traceA + "-" + spanA + "-01"
	members := []string{}
	for i := range 32 {
		members = append(members, fmt.Sprintf("%s%d=%s", evil, i, strings.Repeat(evil, 60)))
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s, c := watched(t, engine, 1)
			for _, test := range []struct {
				name    string
				headers http.Header
				meta    map[string]any
			}{
				{"huge", header(huge), map[string]any{"traceparent": strings.Repeat(evil, 100_000), "tracestate": huge, "baggage": huge}},
				{"malformed", header("00-" + evil), map[string]any{"traceparent": "00-" + evil + traceA[4:] + "-" + spanA + "-01"}},
				{"in capitals", header(strings.ToUpper(good)), map[string]any{"traceparent": strings.ToUpper(good)}},
				{"all zero", header("00-" + strings.Repeat("0", 32) + "-" + strings.Repeat("0", 16) + "-01"), nil},
				{"a version that is none", header("ff-" + good[3:]), nil},
				{"more than it may have", header(good + "-" + evil), map[string]any{"traceparent": good + "\x00" + evil}},
				{"another type", nil, map[string]any{"traceparent": map[string]any{evil: []int{1}}, "tracestate": 7, "baggage": nil}},
				{"several", header(good, "00-"+traceB+"-"+spanB+"-01"), nil},
				{"a tracestate and baggage", http.Header{"Traceparent": {good}, "Tracestate": members, "Baggage": {"user=priya," + evil + "=" + huge[:8000]}},
					map[string]any{"traceparent": good, "tracestate": strings.Join(members, ","), "baggage": "user.id=priya,groups=Privacy"}},
			} {
				answer := send(t, s, demo.Taylor, callBody(t, demo.RecentOrders, test.meta), test.headers)
				flush(t, s)
				spans, sent := c.take()
				if !strings.Contains(answer, "REDACTED") || strings.Contains(answer, demo.Names[0]) ||
					strings.Contains(answer, evil) {
					t.Errorf("%s: Taylor is answered with %s", test.name, answer)
				}
				root, _ := tree(t, spans)
				if r := records(t, s.AuditFile)[attributes(root)["deputy.audit.id"]]; r.User == nil || r.User.ID != "taylor" {
					t.Errorf("%s: the record is %+v", test.name, r)
				}
				if strings.Contains(strings.ToLower(sent), evil) || root.TraceState != "" {
					t.Errorf("%s: the caller's words have left in the trace", test.name)
				}
				if below := len(root.ParentSpanId) > 0; below != strings.HasPrefix(test.name, "a tracestate") {
					t.Errorf("%s: the trace is below %x", test.name, root.ParentSpanId)
				}
			}
		})
	}
}
