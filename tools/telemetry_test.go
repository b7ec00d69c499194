package tools_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"deputy/tools"
	"deputy/vending"
)

// watcher keeps what tools say of themselves.
type watcher struct {
	spans  *tracetest.SpanRecorder
	reader *metric.ManualReader
}

func watchedTools(t *testing.T, e vending.Engine) (*tools.Tools, *memory, *watcher) {
	t.Helper()
	w, log := &watcher{tracetest.NewSpanRecorder(), metric.NewManualReader()}, &memory{}
	config := toolsConfig(t, e, log, "")
	config.Telemetry = tools.Telemetry{
		Traces:  trace.NewTracerProvider(trace.WithSpanProcessor(w.spans)),
		Metrics: metric.NewMeterProvider(metric.WithReader(w.reader)),
	}
	made, err := tools.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return made, log, w
}

// values are all numbers there are, each as "metric label=value …: number"; of a histogram, how often something was
// measured.
func (w *watcher) values(t *testing.T) (out []string) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				out = append(out, fmt.Sprintf("%s %s: %d", m.Name, labels(p.Attributes), p.Value))
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				out = append(out, fmt.Sprintf("%s %s: %d", m.Name, labels(p.Attributes), p.Count))
			}
		}
	}
	slices.Sort(out)
	return out
}

func labels(set attribute.Set) string {
	var out []string
	for _, kv := range set.ToSlice() {
		out = append(out, string(kv.Key)+"="+kv.Value.AsString())
	}
	return strings.Join(out, " ")
}

func TestEveryCallIsCountedAndNothingOfTheCallersIsALabel(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log, w := watchedTools(t, e)
		taylor := as("taylor", "Marketing")
		made.Query(t.Context(), taylor, tools.QueryArgs{SQL: "SELECT region FROM customer_orders"})
		made.Query(t.Context(), as("sam"), tools.QueryArgs{SQL: "SELECT region FROM customer_orders"})
		made.Query(t.Context(), taylor, tools.QueryArgs{SQL: "SELECT", Platform: "made up"})
		made.DescribeTable(t.Context(), taylor, tools.DescribeArgs{})
		made.Refuse(t.Context(), taylor, "made up", "there is no such tool")
		log.failure = errors.New("the disk is full")
		made.Query(t.Context(), taylor, tools.QueryArgs{SQL: "SELECT region FROM customer_orders"})
		want := []string{
			"deputy.audit.append.duration result=failed: 2",
			"deputy.audit.append.duration result=written: 6",
			"deputy.call.duration outcome=answered tool=describe_table: 1",
			"deputy.call.duration outcome=answered tool=query: 1",
			"deputy.call.duration outcome=denied tool=query: 1",
			"deputy.call.duration outcome=failed tool=other: 1",
			"deputy.call.duration outcome=failed tool=query: 2",
			"deputy.calls code= outcome=answered platform=shop tool=describe_table: 1",
			"deputy.calls code= outcome=answered platform=shop tool=query: 1",
			"deputy.calls code=bad_request outcome=failed platform= tool=other: 1",
			"deputy.calls code=invalid_argument outcome=failed platform= tool=query: 1",
			"deputy.calls code=not_permitted outcome=denied platform=shop tool=query: 1",
			"deputy.calls code=unavailable outcome=failed platform=shop tool=query: 1",
			"deputy.rows platform=shop: 2",
			"deputy.vends.running platform=shop: 0",
		}
		if got := w.values(t); !slices.Equal(got, want) {
			t.Errorf("the metrics are\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestAPanicIsCountedAndItsWordsAreInNoTrace(t *testing.T) {
	e := &changing{Engine: onSQLite(t)}
	made, _, w := watchedTools(t, e)
	e.run = func(context.Context, vending.Lease) (vending.Result, error) { panic("Lindqvist") }
	made.Query(t.Context(), as("taylor", "Marketing"), tools.QueryArgs{SQL: "SELECT region FROM customer_orders"})
	for _, span := range w.spans.Ended() {
		if text := fmt.Sprintf("%+v", tracetest.SpanStubFromReadOnlySpan(span)); strings.Contains(text, "Lindqvist") {
			t.Errorf("the trace holds %s", text)
		}
	}
	got := w.values(t)
	if !slices.Contains(got, "deputy.vends.running platform=shop: 0") ||
		!slices.Contains(got, "deputy.calls code=unavailable outcome=failed platform=shop tool=query: 1") {
		t.Errorf("after a panic the metrics are %q", got)
	}
}
