package httpd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// sink is a response that is thrown away.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Flush()                      {}

// BenchmarkCall is one known call on its whole way through the real handler, with tools that answer at once.
func BenchmarkCall(b *testing.B) {
	cfg := config(&fakeTools{})
	cfg.Limits = func() Limits { return Limits{CallerPerMinute: 1 << 30, AddressPerMinute: 1 << 30} }
	handler, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	known := httptest.NewRequest(http.MethodPost, endpoint, nil)
	known.Header.Set("Content-Type", "application/json")
	known.Header.Set("Authorization", "Bearer token-taylor")
	known.Header.Set("Accept", "application/json, text/event-stream")
	known.ContentLength = int64(len(queryBody))
	b.ReportAllocs()
	for b.Loop() {
		r := *known
		r.Body = io.NopCloser(strings.NewReader(queryBody))
		handler.ServeHTTP(&sink{http.Header{}}, &r)
	}
}
