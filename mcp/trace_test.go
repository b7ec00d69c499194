package mcp_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"

	"deputy/identity"
	"deputy/mcp"
	"deputy/mcp/stdio"
	"deputy/tools"
)

func TestSpansAreNamedByWhatThereIsAndNotByWhatCallersWrite(t *testing.T) {
	for body, want := range map[string]string{
		queryBody: "tools/call query",
		strings.Replace(queryBody, "query", "request_access", 1):    "tools/call request_access",
		strings.Replace(queryBody, "query", "made up", 1):           "tools/call _OTHER",
		strings.Replace(queryBody, `"query"`, `null`, 1):            "tools/call _OTHER",
		`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`:            "tools/list",
		`{"jsonrpc":"2.0","id":1,"method":"made/up","params":{}}`:   "_OTHER",
		`{"jsonrpc":"2.0","method":"notifications/cancelled"}`:      "",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":7}`: "",
	} {
		spans := tracetest.NewSpanRecorder()
		cfg := config(&fakeTools{})
		cfg.Telemetry.Traces = trace.NewTracerProvider(trace.WithSpanProcessor(spans))
		do(t, request(t, serve(t, cfg), body))
		name := ""
		for _, s := range spans.Ended() {
			if !s.Parent().IsValid() {
				name = s.Name()
			}
		}
		if name != want {
			t.Errorf("%s is the span %q, not %q", body, name, want)
		}
	}
}

// Whatever the sampler and the exporter would do with them.
func TestTheCallersTracestateAndBaggageAreNotTaken(t *testing.T) {
	const given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	spans := tracetest.NewSpanRecorder()
	var carried int
	cfg := config(
		&fakeTools{OnQuery: func(ctx context.Context, _ tools.Call, _ tools.QueryArgs) (*tools.QueryResult, error) {
			carried = baggage.FromContext(ctx).Len()
			return orders(), nil
		}},
	)
	cfg.Telemetry.Traces = trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	meta := `"params":{"_meta":{"traceparent":"` + given + `","tracestate":"vendor=evil","baggage":"user=priya"},`
	r := request(t, serve(t, cfg), strings.Replace(queryBody, `"params":{`, meta, 1))
	r.Header = http.Header{"Content-Type": r.Header["Content-Type"], "Authorization": r.Header["Authorization"],
		"Traceparent": {given}, "Tracestate": {"vendor=evil"}, "Baggage": {"user=priya"}}
	if response, body := do(t, r); response.StatusCode != 200 {
		t.Fatal(body)
	}
	for _, s := range spans.Ended() {
		stub := tracetest.SpanStubFromReadOnlySpan(s)
		for _, of := range append([]api.SpanContext{stub.SpanContext, stub.Parent}, links(stub)...) {
			if of.TraceState().Len() > 0 {
				t.Errorf("%q has the caller's tracestate %s", s.Name(), of.TraceState())
			}
		}
	}
	if len(spans.Ended()) == 0 || carried > 0 {
		t.Errorf("there are %d spans, and %d things in the baggage", len(spans.Ended()), carried)
	}
}

func links(s tracetest.SpanStub) (out []api.SpanContext) {
	for _, l := range s.Links {
		out = append(out, l.SpanContext)
	}
	return out
}

// Whenever a call begins there is another configuration, and the caller is proved anew in it.
func TestEveryProofOfACallerIsAStep(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	fake := &fakeTools{}
	cfg := config(fake)
	cfg.Generations = &changing{tools: fake, who: func(int64) mcp.Authenticator { return fakeAuthenticator{} }}
	cfg.Telemetry.Traces = trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	if response, body := do(t, request(t, serve(t, cfg), queryBody)); response.StatusCode != 200 {
		t.Fatal(body)
	}
	var names []string
	for _, s := range spans.Ended() {
		names = append(names, s.Name())
	}
	if !slices.Equal(names, []string{"identity", "identity", "tools/call query"}) {
		t.Errorf("a caller who was proved twice left the spans %q", names)
	}
}

func TestRefusedCallersAreCountedByCode(t *testing.T) {
	count := func(send func(*testing.T, Config, string), token string) (code string) {
		reader := metric.NewManualReader()
		cfg := config(&fakeTools{})
		cfg.Telemetry = tools.Telemetry{Metrics: metric.NewMeterProvider(metric.WithReader(reader))}
		send(t, cfg, token)
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if m.Name != "deputy.arguments.ignored" { // which begins at 0
					value, _ := m.Data.(metricdata.Sum[int64]).DataPoints[0].Attributes.Value("code")
					code += m.Name + " " + value.AsString()
				}
			}
		}
		return code
	}
	for name, send := range map[string]func(*testing.T, Config, string){
		"HTTP": func(t *testing.T, cfg Config, token string) {
			r := request(t, serve(t, cfg), queryBody)
			r.Header.Set("Authorization", "Bearer "+token)
			do(t, r)
		},
		"stdio": func(t *testing.T, cfg Config, token string) {
			key := func() (identity.Credentials, error) { return identity.Credentials{AgentKey: token}, nil }
			if err := stdio.Serve(t.Context(), overPipes(cfg, key), strings.NewReader(queryBody+"\n"), &syncBuffer{}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for token, want := range map[string]string{
			"token-taylor": "", "": "missing", "expired": "invalid_token", "forbidden": "insufficient_access", "issuer-down": "unavailable", "mystery": "unavailable",
		} {
			if want != "" {
				want = "deputy.callers.refused " + want
			}
			if got := count(send, token); got != want {
				t.Errorf("over %s the token %q counts as %q, not %q", name, token, got, want)
			}
		}
	}
}
