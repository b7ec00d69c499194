package tools

import (
	"context"
	"errors"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"deputy/audit"
	"deputy/vending"
)

// Telemetry is how calls can be watched from outside; nothing of it is needed.
//
// A trace has the steps of a call, how long each took and how it ended, and the id of its record. It names no user, no
// agent, no table and no SQL: who may see those reads the audit log, by that id. A metric has no label that a caller
// could put words into.
type Telemetry struct {
	Traces  trace.TracerProvider
	Metrics metric.MeterProvider
}

// Scope is what Deputy's traces and metrics are filed under.
const Scope = "deputy"

// Tracer makes spans, or nothing.
func (t Telemetry) Tracer() trace.Tracer {
	if t.Traces == nil {
		return tracenoop.NewTracerProvider().Tracer(Scope)
	}
	return t.Traces.Tracer(Scope)
}

// Meter makes instruments that measure, or do nothing.
func (t Telemetry) Meter() metric.Meter {
	if t.Metrics == nil {
		return metricnoop.NewMeterProvider().Meter(Scope)
	}
	return t.Metrics.Meter(Scope)
}

// Failed marks a span as failed. It never gets the error itself, whose words may be for the record only.
func Failed(span trace.Span, errorType string) {
	span.SetStatus(codes.Error, "")
	span.SetAttributes(attribute.String("error.type", errorType))
}

// instruments are what is counted of calls.
type instruments struct {
	calls    metric.Int64Counter
	rows     metric.Int64Counter
	duration metric.Float64Histogram
	vends    metric.Int64UpDownCounter
	appends  metric.Float64Histogram
	clocks   metric.Float64Gauge
}

// seconds are the limits that durations are sorted by.
var seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

func newInstruments(m metric.Meter) (i instruments, err error) {
	var failures [6]error
	i.calls, failures[0] = m.Int64Counter(
		"deputy.calls",
		metric.WithDescription("Calls that ended, by tool, platform, outcome and code of refusal"),
	)
	i.rows, failures[1] = m.Int64Counter("deputy.rows", metric.WithDescription("Rows that were answered with"))
	i.duration, failures[2] = m.Float64Histogram(
		"deputy.call.duration",
		metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(seconds...),
		metric.WithDescription("How long calls took, from the verified caller to the durable record"),
	)
	i.vends, failures[3] = m.Int64UpDownCounter(
		"deputy.vends.running",
		metric.WithDescription("Roles that are vended now, each with its statement"),
	)
	i.appends, failures[4] = m.Float64Histogram(
		"deputy.audit.append.duration",
		metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(seconds...),
		metric.WithDescription("How long the audit log took to have a record on disk"),
	)
	i.clocks, failures[5] = m.Float64Gauge("deputy.platform.clock.ahead", metric.WithUnit("s"),
		metric.WithDescription("How far Deputy's clock is ahead of the platform's"))
	return i, errors.Join(failures[:]...)
}

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
	t.instruments.calls.Add(
		ctx,
		1,
		metric.WithAttributes(
			attribute.String("tool", tool),
			attribute.String("platform", platform),
			outcome,
			attribute.String("code", r.Code),
		),
	)
	t.instruments.duration.Record(
		ctx,
		t.config.Now().Sub(r.started).Seconds(),
		metric.WithAttributes(attribute.String("tool", tool), outcome),
	)
	of := metric.WithAttributes(attribute.String("platform", platform))
	if r.Outcome == audit.Answered && r.Rows > 0 {
		t.instruments.rows.Add(ctx, int64(r.Rows), of)
	}
	for _, p := range t.platforms {
		if clocked, ok := p.Engine.(vending.Clocked); ok && p.Name == platform {
			if ahead, known := clocked.ClockAhead(); known {
				t.instruments.clocks.Record(ctx, ahead.Seconds(), of)
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
		t.instruments.appends.Record(
			ctx,
			t.config.Now().Sub(began).Seconds(),
			metric.WithAttributes(attribute.String("result", result)),
		)
		return err
	}
}
