package httpd

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"

	"deputy/mcp"
)

const readyTimeout = 5 * time.Second

// readiness answers /readyz. Every client may ask, as often as it likes, so the databases are asked by one request at a
// time, for all that come meanwhile.
type readiness struct {
	config Config
	asking singleflight.Group
}

// stopping reports whether the server has begun to end.
func (a *readiness) stopping() bool {
	select {
	case <-a.config.Stopping:
		return true
	default:
		return false
	}
}

func newReadiness(cfg Config) *readiness { return &readiness{config: cfg} }

func (a *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.stopping() {
		Refuse(w, http.StatusServiceUnavailable, "stopping", "not ready; this server is being stopped")
		return
	}
	ready, inForce := a.ready(r.Context()), a.config.Stops.Now()
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
	Answer(w, status, body)
}

// ready is not ended by the request that asked first: others wait for the same answer.
func (a *readiness) ready(ctx context.Context) bool {
	if a.config.Ready == nil {
		return true
	}
	asked := a.asking.DoChan("ready", func() (any, error) { return nil, a.ask(context.WithoutCancel(ctx)) })
	select {
	case answer := <-asked:
		return answer.Err == nil
	case <-ctx.Done(): // the client has gone
		return false
	}
}

// ask answers a panic itself: singleflight would end the process with it.
func (a *readiness) ask(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			mcp.LogPanic(a.config.Logger, "/readyz", p)
			err = errors.New("the question ended in a panic")
		}
	}()
	if err = a.config.Ready(ctx); err != nil {
		a.config.Logger.Warn().Err(err).Msg("not ready")
	}
	return err
}

// onlyRead is for what stands open: it takes no body and has no other use.
func onlyRead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			Refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "this is only read")
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
