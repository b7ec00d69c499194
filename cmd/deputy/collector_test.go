package main

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// receiver is an OpenTelemetry collector that keeps what it is sent.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*otlp.Span
	sent  strings.Builder // every text in the requests' bodies, of traces and metrics
}

func startReceiver(t testing.TB) *receiver {
	t.Helper()
	c := &receiver{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		var request collector.ExportTraceServiceRequest
		c.read(t, r, &request)
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
		c.read(t, r, &metrics.ExportMetricsServiceRequest{})
		w.Header().Set("Content-Type", "application/x-protobuf")
	})
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

func (c *receiver) read(t testing.TB, r *http.Request, into proto.Message) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	if err := proto.Unmarshal(body, into); err != nil || len(into.ProtoReflect().GetUnknown()) > 0 {
		t.Errorf("what was sent is not OTLP: %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent.WriteString(texts(into.ProtoReflect()))
}

var auditID = regexp.MustCompile(`^[0-9a-z]{26}$`)

// texts are all texts and bytes in a message, a line each, but those that are random and have every short word in them
// by chance: the ids of traces, spans and records.
func texts(m protoreflect.Message) string {
	var b strings.Builder
	one := func(f protoreflect.FieldDescriptor, v protoreflect.Value) {
		switch {
		case f.Kind() == protoreflect.MessageKind:
			b.WriteString(texts(v.Message()))
		case f.Kind() == protoreflect.StringKind && !auditID.MatchString(v.String()):
			b.WriteString(v.String() + "\n")
		case f.Kind() == protoreflect.BytesKind && !strings.HasSuffix(string(f.Name()), "_id"):
			b.WriteString(string(v.Bytes()) + "\n")
		}
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.IsList() {
			for i := range v.List().Len() {
				one(f, v.List().Get(i))
			}
		} else {
			one(f, v) // OTLP has no maps
		}
		return true
	})
	return b.String()
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
	slices.SortStableFunc(
		children,
		func(a, b *otlp.Span) int { return int(int64(a.StartTimeUnixNano) - int64(b.StartTimeUnixNano)) },
	)
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
