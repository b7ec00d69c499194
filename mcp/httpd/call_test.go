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

// knownCall sends one known call on its whole way through the real handler, with tools that answer at once.
func knownCall(tb testing.TB) (send func()) {
	cfg := config(&fakeTools{})
	cfg.Limits = func() Limits { return Limits{CallerPerMinute: 1 << 30, AddressPerMinute: 1 << 30} }
	handler, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	known := httptest.NewRequest(http.MethodPost, endpoint, nil)
	known.Header.Set("Content-Type", "application/json")
	known.Header.Set("Authorization", "Bearer token-taylor")
	known.Header.Set("Accept", "application/json, text/event-stream")
	known.ContentLength = int64(len(queryBody))
	return func() {
		r := *known
		r.Body = io.NopCloser(strings.NewReader(queryBody))
		handler.ServeHTTP(&sink{http.Header{}}, &r)
	}
}

func BenchmarkCall(b *testing.B) {
	send := knownCall(b)
	b.ReportAllocs()
	for b.Loop() {
		send()
	}
}

// The guards carried a call in nine values of its context, and it took 392 allocations. Most of what is left is
// mcp-go's.
func TestCallAllocatesLittle(t *testing.T) {
	if got := testing.AllocsPerRun(200, knownCall(t)); got > 300 {
		t.Errorf("a known call allocates %.0f times", got)
	}
}

// counting is a body that knows how often it was read to its end.
type counting struct {
	*strings.Reader
	ends int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF {
		c.ends++
	}
	return n, err
}

// What mcp-go is handed is what was read, and no other reader of it.
func TestBodyIsReadOnce(t *testing.T) {
	handler, err := New(config(&fakeTools{}))
	if err != nil {
		t.Fatal(err)
	}
	body := &counting{Reader: strings.NewReader(queryBody)}
	r := httptest.NewRequest(http.MethodPost, endpoint, body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer token-taylor")
	w := httptest.NewRecorder()
	if handler.ServeHTTP(w, r); w.Code != http.StatusOK || body.ends != 1 {
		t.Errorf("answer %d %s; the body was read %d times", w.Code, w.Body, body.ends)
	}
}
