package sink_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deputy/audit"
	"deputy/audit/ocsf"
	"deputy/audit/sink"
)

func TestAnOpenTelemetryCollectorTakesLogRecords(t *testing.T) {
	var answer atomic.Value // func(http.ResponseWriter, []byte)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer s3cret" ||
			r.URL.Path != "/v1/logs" {
			t.Errorf("%s %s, headers %v", r.Method, r.URL, r.Header)
		}
		answer.Load().(func(http.ResponseWriter, []byte))(w, body)
	}))
	defer collector.Close()
	s, err := sink.NewOTLP(collector.URL+"/v1/logs", map[string]string{"Authorization": "Bearer s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := hostile()
	messages := []sink.Message{messageOf(t, audit.Native, intent("a")), messageOf(t, ocsf.Encode, r)}

	var body []byte
	answer.Store(func(w http.ResponseWriter, b []byte) { body = b; io.WriteString(w, `{}`) })
	if err := s.Deliver(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	var sent struct {
		ResourceLogs []struct {
			Resource  struct{ Attributes []any }
			ScopeLogs []struct {
				LogRecords []struct {
					TimeUnixNano   string
					SeverityNumber int
					Body           struct{ StringValue string }
					Attributes     []struct {
						Key   string
						Value struct{ StringValue string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatal(err)
	}
	records := sent.ResourceLogs[0].ScopeLogs[0].LogRecords
	if len(records) != 2 || records[1].TimeUnixNano != strconv.FormatInt(r.Time.UnixNano(), 10) ||
		records[1].SeverityNumber != 13 ||
		records[1].Body.StringValue != string(messages[1].Text) ||
		records[0].Attributes[0].Value.StringValue != "a" {
		t.Errorf("the collector got %s", body)
	}

	for name, c := range map[string]struct {
		answer   func(http.ResponseWriter, []byte)
		rejected bool
	}{
		"busy":        {func(w http.ResponseWriter, _ []byte) { w.WriteHeader(503) }, false},
		"not allowed": {func(w http.ResponseWriter, b []byte) { w.WriteHeader(401); w.Write(b) }, false},
		"elsewhere": {func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("Location", "http://127.0.0.1:9/")
			w.WriteHeader(307)
		}, false},
		"malformed": {func(w http.ResponseWriter, _ []byte) { w.WriteHeader(400) }, true},
		"too large": {func(w http.ResponseWriter, _ []byte) { w.WriteHeader(413) }, true},
		"partly": {func(w http.ResponseWriter, _ []byte) {
			io.WriteString(w, `{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"SELECT"}}`)
		}, true},
		"hangs up": {func(http.ResponseWriter, []byte) { panic(http.ErrAbortHandler) }, false},
	} {
		answer.Store(c.answer)
		err := s.Deliver(t.Context(), messages)
		var rejected *sink.Rejected
		if err == nil || errors.As(err, &rejected) != c.rejected || strings.Contains(err.Error(), "s3cret") ||
			strings.Contains(err.Error(), "SELECT") {
			t.Errorf("%s: %v", name, err)
		}
	}
	answer.Store(func(w http.ResponseWriter, b []byte) { io.WriteString(w, `{"partialSuccess":{}}`) })
	if err := s.Deliver(t.Context(), messages); err != nil {
		t.Errorf("it does not recover: %v", err)
	}
}

func TestASinkThatIsOverHTTPAndHangsIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer collector.Close()
	s, err := sink.NewOTLP(collector.URL+"/v1/logs", nil)
	if err != nil {
		t.Fatal(err)
	}
	heard := &said{}
	fan := sink.New(
		[]sink.Config{{Name: "otlp", Sink: s, Format: audit.Native, Required: true, Patience: 100 * time.Millisecond}},
		heard.report,
	)
	fan.Behind(&file{})
	if err := fan.Append(t.Context(), intent("a")); err == nil || !strings.Contains(err.Error(), "otlp") {
		t.Errorf("a call begins though a required sink hangs: %v", err)
	}
	close(release)
	for deadline := time.Now().Add(30 * time.Second); fan.Healthy() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not recover by itself: %s", heard.all())
		}
	}
	if err := errors.Join(fan.Append(t.Context(), intent("b")), fan.Close()); err != nil {
		t.Error(err)
	}
}
