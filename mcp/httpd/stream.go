package httpd

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"deputy/mcp"
)

// stream lets the answer to a tool call become a stream of events when the call takes longer than a moment and its
// client wants to be told: notifications of progress, and then the answer. It is mcp-go's way without mcp-go's
// sessions, to which any client that knows a request's id can talk: the stream is the response to one POST, only the
// call that came with it can write into it, and nothing of it is left when the response is over. A call that is
// answered at once is answered as ever.
func (s *server) stream(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		if !c.Message.Calls() || c.Message.ProgressToken() == nil || !takesEvents(r) {
			next(w, r, c)
			return
		}
		events := &eventWriter{ResponseWriter: w, timeout: s.config.WriteTimeout}
		c.Send = events.send
		next(events, r, c)
		events.finish()
	}
}

// takesEvents is true when the client says so in as many words. The first revision of the protocol knows no such
// responses.
func takesEvents(r *http.Request) bool {
	if r.Header.Get(mcp.HeaderRevision) == mcp.FirstRevision || !r.ProtoAtLeast(1, 1) {
		return false
	}
	for _, accepted := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		media, params, err := mime.ParseMediaType(accepted)
		if q, weighed := params["q"]; err == nil && media == "text/event-stream" &&
			(!weighed || strings.Trim(q, "0.") != "") {
			return true
		}
	}
	return false
}

// eventWriter passes an answer through, unless events went before it: then it is the last of them.
type eventWriter struct {
	http.ResponseWriter
	timeout time.Duration

	mu        sync.Mutex
	streaming bool // the first event has gone
	answered  bool // the answer has begun: there are no events any more
	answer    bytes.Buffer
}

// Unwrap is for http.ResponseController. There is no Flush, on purpose: mcp-go makes no stream of its own where it
// finds none.
func (w *eventWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// send writes one event. A client that does not take it in time has its connection cut, and so its call.
func (w *eventWriter) send(message any) {
	encoded, err := json.Marshal(message)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil || w.answered {
		return
	}
	if !w.streaming {
		w.streaming = true
		h := w.ResponseWriter.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("X-Accel-Buffering", "no") // a proxy that saves up the response would save up the events
		w.ResponseWriter.WriteHeader(http.StatusOK)
	}
	w.event(encoded)
}

// event gives the client its time anew: a statement may take longer than one answer may take to be read.
func (w *eventWriter) event(data []byte) {
	controller := http.NewResponseController(w.ResponseWriter)
	_ = controller.SetWriteDeadline(time.Now().Add(w.timeout))
	_, err := w.ResponseWriter.Write(
		[]byte("event: message\ndata: " + string(bytes.ReplaceAll(data, []byte("\n"), []byte("\ndata: "))) + "\n\n"),
	)
	if err == nil {
		_ = controller.Flush()
	}
}

// Header is that of the answer, which has none any more when it is an event.
func (w *eventWriter) Header() http.Header {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.streaming {
		return http.Header{}
	}
	return w.ResponseWriter.Header()
}

func (w *eventWriter) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = true
	if !w.streaming {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *eventWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = true
	if w.streaming {
		return w.answer.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

func (w *eventWriter) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if answer := bytes.TrimSpace(w.answer.Bytes()); w.streaming && len(answer) > 0 {
		w.event(answer)
	}
}
