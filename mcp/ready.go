package mcp

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const (
	readyTimeout = 5 * time.Second
	readyEvery   = time.Second
)

// readiness answers /readyz. Anybody may ask, as often as they like, so the databases are asked once a second at most, by one request
// for all that come meanwhile.
type readiness struct {
	config Config

	mu    sync.Mutex
	ready bool
	until time.Time // when to ask again
}

func newReadiness(cfg Config) *readiness { return &readiness{config: cfg} }

func (a *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.now(r.Context()) {
		answer(w, http.StatusServiceUnavailable, "not_ready", "not ready; the log says why")
		return
	}
	text := "ready"
	if a.config.Notice != nil && a.config.Notice() != "" {
		text += "; " + a.config.Notice()
	}
	answer(w, http.StatusOK, "", text)
}

// now is not ended by who asked: others wait for the same answer.
func (a *readiness) now(ctx context.Context) bool {
	if a.config.Ready == nil {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.config.Now().Before(a.until) {
		return a.ready
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	err := a.config.Ready(ctx)
	if err != nil {
		a.config.Logger.Warn().Err(err).Msg("not ready")
	}
	a.ready, a.until = err == nil, a.config.Now().Add(readyEvery)
	return a.ready
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
