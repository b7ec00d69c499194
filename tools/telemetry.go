package tools

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"deputy/audit"
	"deputy/tools/instruments"
	"deputy/vending"
)

// Telemetry is how calls can be watched from outside; nothing of it is needed.
type Telemetry = instruments.Telemetry

// Failed marks a span as failed: see instruments.Failed.
func Failed(span trace.Span, errorType string) { instruments.Failed(span, errorType) }

// step is one step of a call, in a span of its own.
func step[T any](
	ctx context.Context,
	t *Tools,
	name string,
	do func(context.Context) (T, error),
	about ...attribute.KeyValue,
) (T, error) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(about...), trace.WithSpanKind(kind(about)))
	defer func() { span.End() }() // not deferred itself: it would write the text of a panic into the trace
	result, err := do(ctx)
	if err != nil {
		Failed(span, string(asError(err).Code))
	}
	return result, err
}

// kind: what is said about a step is about the database, whose client we are.
func kind(about []attribute.KeyValue) trace.SpanKind {
	if len(about) > 0 {
		return trace.SpanKindClient
	}
	return trace.SpanKindInternal
}

// database is what a trace says of a platform.
func database(p *platform) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("db.system.name", p.Engine.Dialect().System),
		attribute.String("db.operation.name", "SELECT"),
		attribute.String("deputy.platform", p.Name),
	}
}

// measure says how a call ended, to the span that it began with and to the metrics.
func (t *Tools) measure(ctx context.Context, r *record) {
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.String("deputy.audit.id", r.ID), attribute.String("deputy.outcome", string(r.Outcome)))
	if r.Code != "" {
		span.SetAttributes(attribute.String("deputy.code", r.Code))
		Failed(span, "tool_error")
	}
	tool, platform := r.Tool, r.Platform
	if !slices.Contains(names, tool) {
		tool = "other" // whatever a caller made up
	}
	if !slices.Contains(t.Platforms(), platform) {
		platform = ""
	}
	outcome := attribute.String("outcome", string(r.Outcome))
	t.instruments.Calls.Add(
		ctx,
		1,
		metric.WithAttributes(
			attribute.String("tool", tool),
			attribute.String("platform", platform),
			outcome,
			attribute.String("code", r.Code),
		),
	)
	t.instruments.Duration.Record(
		ctx,
		t.config.Now().Sub(r.started).Seconds(),
		metric.WithAttributes(attribute.String("tool", tool), outcome),
	)
	of := metric.WithAttributes(attribute.String("platform", platform))
	if r.Outcome == audit.Answered && r.Rows > 0 {
		t.instruments.Rows.Add(ctx, int64(r.Rows), of)
	}
	for _, p := range t.platforms {
		if clocked, ok := p.Engine.(vending.Clocked); ok && p.Name == platform {
			if ahead, known := clocked.ClockAhead(); known {
				t.instruments.Clocks.Record(ctx, ahead.Seconds(), of)
			}
		}
	}
}

// names are the tools there are, and what an administrator has done on the record.
var names = []string{"query", "describe_table", "request_access", "test", "scan",
	audit.Approve, audit.Deny, audit.Revoke, audit.Cancel, audit.Expire, audit.Look, audit.Confirm}

// writing begins to watch how a record is made durable, and returns what does it. That it is watched, sampled or not,
// makes no difference to it, and neither does a caller who goes away.
func (t *Tools) writing(ctx context.Context, name string, r audit.Record) (write func() error) {
	began := t.config.Now()
	ctx, span := t.tracer.Start(context.WithoutCancel(ctx), name)
	return func() error {
		defer func() { span.End() }()
		err := t.config.Audit.Append(ctx, r)
		result := "written"
		if err != nil {
			result = "failed"
			Failed(span, string(Unavailable))
		}
		t.instruments.Appends.Record(
			ctx,
			t.config.Now().Sub(began).Seconds(),
			metric.WithAttributes(attribute.String("result", result)),
		)
		return err
	}
}
