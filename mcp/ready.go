package mcp

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const readyTimeout = 5 * time.Second

// readiness answers /readyz. Anybody may ask, as often as they like, so the databases are asked by one request at a
// time, for all that come meanwhile.
type readiness struct {
	config Config

	mu     sync.Mutex
	asking *probe // nil: nobody is
}

// probe is one look at whether calls could be answered.
type probe struct {
	done  chan struct{} // closed when ready is set
	ready bool
}

func newReadiness(cfg Config) *readiness { return &readiness{config: cfg} }

func (a *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ready, inForce := a.ready(r.Context()), orNoStops(a.config.Stops).Now()
	status, body := http.StatusOK, map[string]string{"message": "ready"}
	if !ready || inForce.Err != nil {
		status, body = http.StatusServiceUnavailable, map[string]string{
			"error":   "not_ready",
			"message": "not ready; the log says why",
		}
	}
	switch {
	case inForce.Err != nil:
		body["message"] = "not ready; the list of stops cannot be read, so every call is refused; the log says why"
	case ready && a.config.Notice != nil && a.config.Notice() != "":
		body["message"] += "; " + a.config.Notice()
	}
	if inForce.Err == nil && inForce.Gone {
		body["message"] += "; the list of stops is gone: the one that was last read goes on"
	}
	if name := inForce.Name(); name != "" {
		body["stops"] = name
	}
	answerJSON(w, status, body)
}

// ready is not ended by whoever asked first: others wait for the same answer.
func (a *readiness) ready(ctx context.Context) bool {
	if a.config.Ready == nil {
		return true
	}
	a.mu.Lock()
	one := a.asking
	if one == nil {
		one = &probe{done: make(chan struct{})}
		a.asking = one
		go a.ask(context.WithoutCancel(ctx), one)
	}
	a.mu.Unlock()
	<-one.done
	return one.ready
}

func (a *readiness) ask(ctx context.Context, one *probe) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			logPanic(a.config.Logger, "/readyz", p)
		}
		a.mu.Lock()
		a.asking = nil
		a.mu.Unlock()
		close(one.done)
	}()
	err := a.config.Ready(ctx)
	if err != nil {
		a.config.Logger.Warn().Err(err).Msg("not ready")
	}
	one.ready = err == nil
}

// onlyRead is for what stands open: it takes no body and has no other use.
func onlyRead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			answer(w, http.StatusMethodNotAllowed, "method_not_allowed", "this is only read")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// strictTransport has browsers keep to TLS once it was spoken. Behind a proxy it is the proxy's to say.
func strictTransport(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
