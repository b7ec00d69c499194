package httpd

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"deputy/mcp"
)

const readyTimeout = 5 * time.Second

// Part is how one part of the server is. It names no table and no column: every client may read it.
type Part struct {
	Status       string   `json:"status"`                  // "ready", or in one word why not.
	ClosedTables int      `json:"closed_tables,omitempty"` // Tables of a platform that are closed to every caller.
	Policies     []string `json:"policies,omitempty"`      // Those that do not fit, so that tables are closed.
}

// PartReady is the status of a part with which nothing is wrong.
const PartReady = "ready"

func (p Part) ready() bool { return p.Status == PartReady && p.ClosedTables == 0 }

// Parts are what a server is made of and can do without one by one. Trouble with one of them is reported, and does not
// make the server unready, unless the client asks for ?strict=1.
type Parts struct {
	Platforms     map[string]Part `json:"platforms,omitempty"` // By name.
	Issuers       map[string]Part `json:"issuers,omitempty"`   // By URL.
	Configuration *Part           `json:"configuration,omitempty"`
}

func (p Parts) ready() bool {
	for _, all := range []map[string]Part{p.Platforms, p.Issuers} {
		for _, part := range all {
			if !part.ready() {
				return false
			}
		}
	}
	return p.Configuration == nil || p.Configuration.ready()
}

// answer is the JSON of /readyz.
type answer struct {
	Error   string `json:"error,omitempty"`
	Message string `json:"message"`
	Stops   string `json:"stops,omitempty"`
	// Shared names the list of stops that servers share.
	Shared string `json:"shared_stops,omitempty"`
	Parts
}

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
	parts, err := a.ready(r.Context())
	inForce := a.config.Stops.Now()
	notice := ""
	if a.config.Notice != nil {
		notice = a.config.Notice()
	}
	body := answer{Message: "ready", Parts: parts}
	strict := r.URL.Query().Get("strict") == "1"
	switch {
	case inForce.Err != nil:
		body.Message = "not ready; the list of stops cannot be read, so every call is refused; the log says why"
	case inForce.Shared.Err != nil:
		body.Message = "not ready; " + inForce.Shared.Err.Error()
	case err != nil:
		body.Message = "not ready; the log says why"
	case strict && !parts.ready():
		body.Message = "not ready in every part; the log says why"
	}
	status := http.StatusOK
	if body.Message != "ready" {
		status, body.Error = http.StatusServiceUnavailable, "not_ready"
	}
	if notice != "" && inForce.Err == nil && err == nil {
		body.Message += "; " + notice
	}
	if inForce.Err == nil && inForce.Shared.Err == nil {
		body.Message += inForce.Shared.Notice()
	}
	if inForce.Err == nil && inForce.Gone {
		body.Message += "; the list of stops is gone: the one that was last read goes on"
	}
	body.Stops, body.Shared = inForce.Name(), inForce.Shared.Name()
	Answer(w, status, body)
}

// ready is not ended by the request that asked first: others wait for the same answer.
func (a *readiness) ready(ctx context.Context) (Parts, error) {
	asked := a.asking.DoChan("ready", func() (any, error) { return a.ask(context.WithoutCancel(ctx)) })
	select {
	case answer := <-asked:
		return answer.Val.(Parts), answer.Err
	case <-ctx.Done(): // the client has gone
		return Parts{}, ctx.Err()
	}
}

// ask asks for the parts and for the whole at once.
func (a *readiness) ask(ctx context.Context) (parts Parts, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	var both sync.WaitGroup
	if a.config.Parts != nil {
		both.Go(func() { parts, _ = recoverPanic(a, func() (Parts, error) { return a.config.Parts(ctx), nil }) })
	}
	if a.config.Ready != nil {
		both.Go(func() { _, err = recoverPanic(a, func() (any, error) { return nil, a.config.Ready(ctx) }) })
	}
	both.Wait()
	if err != nil {
		a.config.Logger.Warn().Err(err).Msg("not ready")
	}
	return parts, err
}

// recoverPanic answers a panic: it would end the process.
func recoverPanic[T any](a *readiness, ask func() (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			mcp.LogPanic(a.config.Logger, "/readyz", p)
			err = errors.New("the question ended in a panic")
		}
	}()
	return ask()
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
