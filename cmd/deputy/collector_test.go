package main

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver is an OpenTelemetry collector that keeps what it is sent.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*otlp.Span
	sent  bytes.Buffer // every request's body, of traces and metrics
}

func startReceiver(t testing.TB) *receiver {
	t.Helper()
	c := &receiver{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		var request collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(c.read(t, r), &request); err != nil {
			t.Errorf("what was sent is not OTLP: %v", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	})
	mux.HandleFunc("POST /v1/metrics", func(w http.ResponseWriter, r *http.Request) {
		c.read(t, r)
		w.Header().Set("Content-Type", "application/x-protobuf")
	})
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

func (c *receiver) read(t testing.TB, r *http.Request) []byte {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent.Write(body)
	return body
}

// take returns what has come, and forgets it.
func (c *receiver) take() (spans []*otlp.Span, sent string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	spans, sent = c.spans, c.sent.String()
	c.spans = nil
	c.sent.Reset()
	return spans, sent
}

// tree writes the spans of one trace as a line: the root's name, and its children's in the order in which they began.
func tree(t testing.TB, spans []*otlp.Span) (root *otlp.Span, line string) {
	t.Helper()
	ids := map[string]*otlp.Span{}
	for _, s := range spans {
		ids[hex.EncodeToString(s.SpanId)] = s
	}
	var children []*otlp.Span
	for _, s := range spans {
		if ids[hex.EncodeToString(s.ParentSpanId)] == nil {
			if root != nil {
				t.Fatalf("%q and %q are both nobody's child", root.Name, s.Name)
			}
			root = s
			continue
		}
		children = append(children, s)
	}
	if root == nil {
		t.Fatal("there is no trace")
	}
	slices.SortStableFunc(children, func(a, b *otlp.Span) int { return int(int64(a.StartTimeUnixNano) - int64(b.StartTimeUnixNano)) })
	names := []string{}
	for _, s := range children {
		if !bytes.Equal(s.ParentSpanId, root.SpanId) || !bytes.Equal(s.TraceId, root.TraceId) {
			t.Errorf("%q is not a step of %q", s.Name, root.Name)
		}
		if s.StartTimeUnixNano < root.StartTimeUnixNano || s.EndTimeUnixNano > root.EndTimeUnixNano {
			t.Errorf("%q is not within %q", s.Name, root.Name)
		}
		names = append(names, s.Name)
	}
	return root, root.Name + ": " + strings.Join(names, ", ")
}

// attributes are what a span says, numbers as text.
func attributes(s *otlp.Span) map[string]string {
	out := map[string]string{}
	for _, a := range s.Attributes {
		out[a.Key] = a.Value.GetStringValue()
		if out[a.Key] == "" {
			out[a.Key] = strings.TrimPrefix(a.Value.String(), "int_value:")
		}
	}
	return out
}
