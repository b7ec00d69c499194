package mcp

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const readyTimeout = 5 * time.Second

// readiness answers /readyz. Anybody may ask, as often as they like, so the databases are asked by one request at a time, for all that
// come meanwhile.
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
	if !a.ready(r.Context()) {
		answer(w, http.StatusServiceUnavailable, "not_ready", "not ready; the log says why")
		return
	}
	text := "ready"
	if a.config.Notice != nil && a.config.Notice() != "" {
		text += "; " + a.config.Notice()
	}
	answer(w, http.StatusOK, "", text)
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
