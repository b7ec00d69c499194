package assembly_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"deputy/identity"
	"deputy/internal/config"
	"deputy/tools"
)

const prometheus = "\ntelemetry: {prometheus: '127.0.0.1:0'}\n"

// families are the metrics that Prometheus is given, by name, with the label names that each has. A histogram is three
// of them.
func (w *world) families() map[string][]string {
	w.t.Helper()
	answer := httptest.NewRecorder()
	w.Metrics().ServeHTTP(answer, httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "/metrics", nil))
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string][]string{}
	for name, family := range all {
		var labels []string
		for _, m := range family.Metric {
			for _, pair := range m.Label {
				labels = append(labels, pair.GetName())
			}
		}
		if family.Metric[0].Histogram != nil {
			out[name+"_bucket"] = append([]string{"le"}, labels...)
			name, out[name+"_sum"] = name+"_count", labels
		}
		out[name] = labels
	}
	return out
}

// everything has something of all there is to measure happen once.
func (w *world) everything() {
	w.sees()
	w.write(w.but(masked, unmasked) + prometheus)
	w.sees()
	w.write("nonsense")
	w.sees()
	w.Now().
		Tools().
		Query(w.t.Context(), tools.Call{Principal: identity.Principal{}}, tools.QueryArgs{SQL: "SELECT secret FROM nowhere"})
	response, err := http.Post(w.serve()+"/mcp", "application/json", strings.NewReader("{}"))
	if err != nil || response.StatusCode != http.StatusUnauthorized {
		w.t.Fatal(response, err)
	}
	response.Body.Close()
}

func TestTheDashboardAsksForMetricsThatThereAre(t *testing.T) {
	w := followText(t, config.SQLite, prometheus)
	w.everything()
	there := w.families()
	shown := map[string]bool{}
	for _, query := range dashboard(t) {
		for _, name := range metricNames(query) {
			shown[name] = true
			if _, ok := there[name]; !ok {
				t.Errorf("there is no metric %s, which the dashboard asks for in %s", name, query)
			}
		}
		for _, label := range labelNames(query) {
			if !slices.ContainsFunc(
				metricNames(query),
				func(metric string) bool { return slices.Contains(there[metric], label) },
			) {
				t.Errorf("no metric of %s has the label %s", query, label)
			}
		}
	}
	for name := range there {
		if strings.HasPrefix(name, "deputy_") && !strings.HasSuffix(name, "_sum") && !shown[name] {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}

func TestNoLabelCanHoldWhoOrWhat(t *testing.T) {
	w := followText(t, config.SQLite, prometheus)
	w.everything()
	for name, labels := range w.families() {
		for _, label := range labels {
			if strings.HasPrefix(name, "deputy_") &&
				!slices.Contains([]string{
					"tool", "platform", "outcome", "code", "result", "le", "policy",
					"argument", // one that hosts are known to add, or that the configuration names
				}, label) {
				t.Errorf(
					"%s has the label %s: is it sure to have few values, and nothing of users, agents and tables?",
					name,
					label,
				)
			}
		}
	}
}

func TestWithoutConfigurationNothingIsMeasured(t *testing.T) {
	w := follow(t, config.SQLite)
	w.sees()
	if w.Metrics() != nil {
		t.Error("metrics are served though nobody asked for them")
	}
}

func TestWhereTelemetryGoesCannotChangeWhileDeputyRuns(t *testing.T) {
	for key, text := range map[string]string{
		"telemetry.prometheus":    "\ntelemetry:\n  prometheus: 127.0.0.1:1\n",
		"telemetry.readers":       "\ntelemetry:\n  prometheus: 127.0.0.1:0\n  readers: anybody\n",
		"telemetry.otlp.endpoint": "\ntelemetry:\n  prometheus: 127.0.0.1:0\n  otlp: {endpoint: 'http://127.0.0.1:1'}\n",
		"telemetry.otlp.sample":   "\ntelemetry:\n  prometheus: 127.0.0.1:0\n  otlp: {sample: 1%}\n",
	} {
		w := followText(t, config.SQLite, prometheus)
		w.write(w.text + text)
		w.Reload(context.Background())
		if !strings.Contains(w.log.String(), key+": it cannot change while Deputy runs") || w.Notice() == "" {
			t.Errorf("%s changes: %s", key, w.log.String())
		}
	}
}

// dashboard are the queries of the example.
func dashboard(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile("../../examples/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("the panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

var (
	beside   = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|"[^"]*"`)
	grouping = regexp.MustCompile(`\bby \(([^)]*)\)`)
	matching = regexp.MustCompile(`[{,]\s*([a-z_]+)\s*[!=]`)
	word     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*(\s*\()?`)
)

// metricNames are all words of a query but labels and functions.
func metricNames(query string) (names []string) {
	query = beside.ReplaceAllString(grouping.ReplaceAllString(query, "("), "")
	for _, w := range word.FindAllString(query, -1) {
		if !strings.HasSuffix(w, "(") {
			names = append(names, w)
		}
	}
	return names
}

func labelNames(query string) (names []string) {
	for _, m := range slices.Concat(grouping.FindAllStringSubmatch(query, -1), matching.FindAllStringSubmatch(query, -1)) {
		for label := range strings.SplitSeq(m[1], ",") {
			names = append(names, strings.TrimSpace(label))
		}
	}
	return names
}
