package httpd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestNothingIsToldAfterTheAnswerHasBegun(t *testing.T) {
	w := httptest.NewRecorder()
	events := &eventWriter{ResponseWriter: w, timeout: time.Second}
	events.WriteHeader(http.StatusOK)
	events.send("late")
	io.WriteString(events, "answer")
	events.finish()
	if w.Body.String() != "answer" {
		t.Errorf("written: %s", w.Body)
	}
}

func TestAnEventIsOneEventWhateverIsInIt(t *testing.T) {
	w := httptest.NewRecorder()
	events := &eventWriter{ResponseWriter: w, timeout: time.Second}
	events.send("first")
	events.Header().Set("Content-Type", "application/json") // mcp-go's, for the answer
	io.WriteString(events, "{\n\n\"a\":1}\n")
	events.finish()
	if got := w.Body.String(); got != "event: message\ndata: \"first\"\n\nevent: message\ndata: {\ndata: \ndata: \"a\":1}\n\n" ||
		w.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("written %q, headers %v", got, w.Header())
	}
}
