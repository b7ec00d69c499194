package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"deputy/identity"
	"deputy/tools"
)

// watch makes the root of each request's trace, and counts the callers that are refused. Names and attributes are those
// of OpenTelemetry's conventions for MCP; nothing in them is a word that a caller made up.
//
// A request without a proved caller has no trace: nobody unknown writes into it.
type watch struct {
	tracer    trace.Tracer
	refused   metric.Int64Counter
	transport attribute.KeyValue
}

func newWatch(t tools.Telemetry, transport string) (*watch, error) {
	refused, err := t.Meter().
		Int64Counter("deputy.callers.refused", metric.WithDescription("Requests without a credential that holds, by code"))
	return &watch{tracer: t.Tracer(), refused: refused, transport: attribute.String("network.transport", transport)}, err
}

// begin starts the span of a request. What the caller sent as trace context says under which trace it is filed, and
// nothing else: no decision looks at it. The one in _meta is the request's own; that of the HTTP header comes after it,
// and is linked.
func (w *watch) begin(ctx context.Context, m message, header string, began time.Time) (context.Context, trace.Span) {
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
func (m message) traceparent() (s string) {
	meta, _ := find(m.params, "_meta")
	members, err := readObject(meta)
	if err != nil {
		return ""
	}
	if value, ok := find(members, "traceparent"); !ok || json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// otherName stands for whatever a caller made up.
const otherName = "_OTHER"

// known is the method, and the tool if it is one of ours. Whatever else a caller wrote has the same name.
func (m message) known() (method, tool string) {
	if parameters(m.method) == nil {
		return otherName, ""
	}
	if m.method != string(mcp.MethodToolsCall) {
		return m.method, ""
	}
	name, _ := find(m.params, "name")
	if json.Unmarshal(name, &tool) != nil || tool != toolQuery && tool != toolDescribe && tool != toolRequest {
		tool = otherName
	}
	return m.method, tool
}

// proof is one time that a caller was proved.
type proof struct{ began, ended time.Time }

// guard comes last: the trace begins when the first proof did, though its name and its parent stand in the body, which
// is read after that.
func (w *watch) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		call, _ := r.Context().Value(callKey{}).(httpCall)
		m, _ := r.Context().Value(messageKey{}).(message)
		if len(call.proofs) == 0 {
			next.ServeHTTP(rw, r)
			return
		}
		ctx, span := w.begin(r.Context(), m, onlyHeader(r, "Traceparent"), call.proofs[0].began)
		defer func() { span.End() }() // not deferred itself: it would write the text of a panic into the trace
		for _, p := range call.proofs {
			_, proving := w.tracer.Start(ctx, "identity", trace.WithTimestamp(p.began))
			proving.End(trace.WithTimestamp(p.ended))
		}
		next.ServeHTTP(rw, r.WithContext(ctx))
	})
}

// onlyHeader is a header that is there once.
func onlyHeader(r *http.Request, name string) string {
	if all := r.Header.Values(name); len(all) == 1 {
		return all[0]
	}
	return ""
}

// prove is what stdio has in the place of proofs: there the caller is proved when the request is being answered
// already.
func (w *watch) prove(ctx context.Context, auth Authenticator, c identity.Credentials) (identity.Principal, error) {
	ctx, span := w.tracer.Start(ctx, "identity")
	defer func() { span.End() }()
	principal, err := auth.Authenticate(ctx, c)
	if err != nil {
		tools.Failed(span, w.refuse(ctx, err))
	}
	return principal, err
}

// refuse counts a refused caller, and returns the code. An error that is not understood counts as one of ours.
func (w *watch) refuse(ctx context.Context, err error) string {
	code := identity.Unavailable
	if refusal, ok := errors.AsType[*identity.AuthError](err); ok && refusal != nil {
		code = refusal.Code
	}
	w.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("code", string(code))))
	return string(code)
}
