package instruments

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
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
