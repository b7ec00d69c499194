// Package telemetry sends what Deputy says of itself to those who watch over it: traces and metrics to an OpenTelemetry
// collector, metrics to a Prometheus server that asks for them. It is the only package that knows OpenTelemetry's SDK;
// what there is to say, packages mcp and tools decide, which know its API.
//
// The audit log has nothing to do with all this. A call that nobody traces, or whose trace is lost, is on the record
// like any other.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	bridge "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"

	"deputy/internal/config"
	"deputy/tools"
)

// farewell is how long the last spans may take to leave, when Deputy ends and the collector does not answer.
const farewell = 5 * time.Second

// Telemetry is what is running for one configuration. Without a collector and without Prometheus nothing is.
type Telemetry struct {
	tools.Telemetry
	registry *prometheus.Registry // nil: nobody reads metrics here
	traces   *trace.TracerProvider
	metrics  *metric.MeterProvider
}

// Start starts what is configured. A collector that does not answer is no reason to refuse: what cannot be sent is
// dropped, and the log says so.
func Start(ctx context.Context, c config.Telemetry, log zerolog.Logger) (*Telemetry, error) {
	t := &Telemetry{}
	if c.Prometheus == "" && c.OTLP.Endpoint == "" {
		return t, nil
	}
	reportTo(log)
	deputy, err := resource.Merge(resource.Default(), resource.NewSchemaless(attribute.String("service.name", "deputy")))
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	readers := []metric.Option{metric.WithResource(deputy)}
	if c.Prometheus != "" {
		t.registry = prometheus.NewRegistry()
		t.registry.MustRegister(
			collectors.NewGoCollector(),
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		)
		reader, err := bridge.New(bridge.WithRegisterer(t.registry), bridge.WithoutScopeInfo(), bridge.WithoutTargetInfo())
		if err != nil {
			return nil, fmt.Errorf("telemetry: %w", err)
		}
		readers = append(readers, metric.WithReader(reader))
	}
	if c.OTLP.Endpoint != "" {
		reader, err := t.connect(ctx, c.OTLP, deputy)
		if err != nil {
			return nil, fmt.Errorf("telemetry.otlp: %w", err)
		}
		readers = append(readers, metric.WithReader(reader))
	}
	t.metrics = metric.NewMeterProvider(readers...)
	t.Metrics = t.metrics
	return t, nil
}

// connect starts the tracing, and returns what sends the metrics.
func (t *Telemetry) connect(ctx context.Context, c config.OTLP, deputy *resource.Resource) (metric.Reader, error) {
	endpoint, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, err
	}
	spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint.JoinPath("v1/traces").String()))
	if err != nil {
		return nil, err
	}
	t.traces = trace.NewTracerProvider(
		trace.WithBatcher(spans),
		trace.WithResource(deputy),
		trace.WithSampler(newSampler(float64(c.Sample))),
	)
	t.Traces = t.traces
	metrics, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(endpoint.JoinPath("v1/metrics").String()))
	if err != nil {
		return nil, errors.Join(err, t.traces.Shutdown(ctx))
	}
	return metric.NewPeriodicReader(metrics), nil
}

// Handler answers /metrics; nil: Prometheus is not configured.
func (t *Telemetry) Handler() http.Handler {
	if t.registry == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle(
		"GET /metrics",
		promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}),
	)
	return mux
}

// Flush sends what is waiting.
func (t *Telemetry) Flush(ctx context.Context) error {
	var failures []error
	if t.traces != nil {
		failures = append(failures, t.traces.ForceFlush(ctx))
	}
	if t.metrics != nil {
		failures = append(failures, t.metrics.ForceFlush(ctx))
	}
	return errors.Join(failures...)
}

// Close sends what is waiting, if that is quick, and ends everything. A collector that is away does not make it fail.
func (t *Telemetry) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if t.traces != nil {
		t.traces.Shutdown(ctx)
	}
	if t.metrics != nil {
		t.metrics.Shutdown(ctx)
	}
}
