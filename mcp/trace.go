package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"deputy/identity"
	"deputy/tools"
)

// Watch makes the root of each request's trace, and counts the callers that are refused. Names and attributes are those
// of OpenTelemetry's conventions for MCP; nothing in them is a word that a caller made up.
//
// A request without a proved caller has no trace: no unknown caller writes into it.
type Watch struct {
	tracer    trace.Tracer
	refused   metric.Int64Counter
	transport attribute.KeyValue
}

// NewWatch is for one transport: "tcp" or "pipe".
func NewWatch(t tools.Telemetry, transport string) (*Watch, error) {
	refused, err := t.Meter().
		Int64Counter("deputy.callers.refused", metric.WithDescription("Requests without a credential that holds, by code"))
	return &Watch{tracer: t.Tracer(), refused: refused, transport: attribute.String("network.transport", transport)}, err
}

// Begin starts the span of a request. What the caller sent as trace context says under which trace it is filed, and
// nothing else: no decision looks at it. The one in _meta is the request's own; that of the HTTP header comes after it,
// and is linked.
func (w *Watch) Begin(ctx context.Context, m Message, header string, began time.Time) (context.Context, trace.Span) {
	ambient, own := parent(header), parent(m.traceparent())
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithTimestamp(began),
		trace.WithAttributes(w.transport),
	}
	if own.IsValid() && ambient.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: ambient}))
	}
	if !own.IsValid() {
		own = ambient
	}
	method, tool := m.known()
	name := method
	options = append(options, trace.WithAttributes(attribute.String("mcp.method.name", method)))
	if tool != "" {
		name += " " + tool
		options = append(
			options,
			trace.WithAttributes(
				attribute.String("gen_ai.operation.name", "execute_tool"),
				attribute.String("gen_ai.tool.name", tool),
			),
		)
	}
	return w.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, own), name, options...)
}

// parent reads a traceparent, of which all is ids and flags of a fixed length. A tracestate and baggage are not read at
// all: they are the caller's own words, and would be stored with every span.
func parent(traceparent string) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": traceparent})
	return trace.SpanContextFromContext(ctx)
}

// traceparent is what _meta holds under that name: see SEP-414.
func (m Message) traceparent() (s string) {
	if value, ok := find(m.meta, "traceparent"); !ok || json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// otherName stands for whatever a caller made up.
const otherName = "_OTHER"

// known is the method, and the tool if it is one of ours. Whatever else a caller wrote has the same name.
func (m Message) known() (method, tool string) {
	if parameters(m.Method) == nil {
		return otherName, ""
	}
	if !m.Calls() {
		return m.Method, ""
	}
	switch m.tool {
	case toolQuery, toolDescribe, toolRequest:
		return m.Method, m.tool
	}
	return m.Method, otherName
}

// Proof is one time that a caller was proved.
type Proof struct{ Began, Ended time.Time }

// Proved adds a proof that has ended to the trace.
func (w *Watch) Proved(ctx context.Context, p Proof) {
	_, span := w.tracer.Start(ctx, "identity", trace.WithTimestamp(p.Began))
	span.End(trace.WithTimestamp(p.Ended))
}

// Prove proves a caller while the request is being answered already.
func (w *Watch) Prove(ctx context.Context, auth Authenticator, c identity.Credentials) (identity.Principal, error) {
	ctx, span := w.tracer.Start(ctx, "identity")
	defer func() { span.End() }()
	principal, err := auth.Authenticate(ctx, c)
	if err != nil {
		tools.Failed(span, w.Refuse(ctx, err))
	}
	return principal, err
}

// Refuse counts a refused caller, and returns the code. An error that is not understood counts as one of ours.
func (w *Watch) Refuse(ctx context.Context, err error) string {
	code := identity.Unavailable
	if refusal, ok := errors.AsType[*identity.AuthError](err); ok && refusal != nil {
		code = refusal.Code
	}
	w.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("code", string(code))))
	return string(code)
}
