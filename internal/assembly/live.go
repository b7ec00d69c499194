package assembly

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/sync/singleflight"

	"deputy/entitlements/requests/keeper"
	"deputy/entitlements/requests/notify"
	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/identity/stops"
	"deputy/internal/config"
	"deputy/internal/console"
	"deputy/internal/telemetry"
	"deputy/mcp"
	"deputy/mcp/httpd"
	"deputy/mcp/limit"
	"deputy/mcp/stdio"
	"deputy/tools/desk"
)

// Live is a Deputy that follows its configuration. Every call first looks whether a file of it has changed; if so, it
// waits a moment for the new one to be in force. While any part of that one cannot be in force, because a platform or
// an issuer does not answer say, calls get only what both give, so that what an administrator takes away is gone with
// the very next call; and it is tried again by itself. A file that cannot be understood changes nothing. The log and
// /readyz say so.
//
// Each configuration makes a generation. A call is answered by one generation from its beginning to its end: who the
// caller is, what is decided, and the policy version on its record belong together.
type Live struct {
	load  func() (*config.Config, error)
	log   zerolog.Logger
	audit *AuditLog // opened once

	proofs    *oidc.Proofs         // of all generations: what was used with one is used with the next
	stops     *stops.List          // the same one for all generations
	state     *keeper.Keeper       // opened once, when there is a rule for access requests
	telemetry *telemetry.Telemetry // started once
	reloads   metric.Int64Counter

	life    context.Context // of reloads, and of what is done without a call
	end     context.CancelFunc
	tending sync.WaitGroup

	reading  singleflight.Group // one reading of the files at a time
	applying sync.Mutex         // held by the one attempt to put a configuration in force

	mu      sync.Mutex
	current *generation // that is in force
	serving *generation // that calls begin with: the current one, or both it and the pending configuration
	pending *pending    // nil: nothing waits
	seen    sight       // the files, as they were last read
	misread *misread    // why the files as they are cannot be understood; nil: they can
}

// Follow loads the configuration and starts what it says. newLog makes the log, by the configured level.
func Follow(
	ctx context.Context,
	load func() (*config.Config, error),
	newLog func(level string) zerolog.Logger,
) (*Live, error) {
	l := &Live{load: load, proofs: oidc.NewProofs()}
	c, seen, err := l.read(ctx)
	if err != nil {
		return nil, err
	}
	l.seen = seen
	l.log = newLog(c.Server.LogLevel)
	if l.current, err = l.next(ctx, c); err != nil {
		return nil, InFile(c, err)
	}
	l.serving = l.current
	l.audit, l.telemetry, l.state, l.stops = l.current.Audit, l.current.Telemetry, l.current.State, l.current.Stops
	if l.reloads, err = l.telemetry.Meter().
		Int64Counter("deputy.policy.reloads",
			metric.WithDescription("Configurations that were read anew, by result")); err != nil {
		l.current.Close()
		return nil, err
	}
	if err = l.measurePlatforms(l.telemetry.Meter()); err != nil {
		l.current.Close()
		return nil, err
	}
	l.life, l.end = context.WithCancel(context.WithoutCancel(ctx))
	var sender *notify.Sender
	if g := l.current; g.State != nil && g.State.State() != nil {
		sender = l.sender(g) // before a caller can ask for anything
	}
	l.tending.Go(func() { l.tend(l.life, sender) })
	l.tending.Go(func() { l.tendPlatforms(l.life) })
	return l, nil
}

// Config is the configuration that holds now.
func (l *Live) Config() *config.Config { return l.now().Config }

// Log is made once.
func (l *Live) Log() zerolog.Logger { return l.log }

// Metrics answers those who ask for metrics; nil: there is nothing to ask.
func (l *Live) Metrics() http.Handler { return l.telemetry.Handler() }

func (l *Live) now() *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.serving
}

// HTTP is what the HTTP server needs.
func (l *Live) HTTP(version string) httpd.Config {
	c := l.now().serving(version, l, console.Config{
		Desk:   func(g mcp.Generation) console.Desk { return desk.New(g.(*generation).Deputy.Tools) },
		People: func(g mcp.Generation) console.People { return g.(*generation).callers() },
		Logger: l.log,
	})
	c.Limits = func() limit.Limits { return l.now().limits() }
	c.Metadata = func() httpd.Metadata { return l.now().metadata() }
	c.Ready, c.Notice, c.Parts = l.Ready, l.Notice, l.Parts
	return c
}

// Ending is how much time there is when the server has to end.
func (l *Live) Ending() httpd.End {
	c := l.Config()
	return httpd.End{Drain: c.Server.Drain, Calls: cmp.Or(c.Server.Stop, c.Limits.Timeout)}
}

// Stdio is what a server over standard input and output needs. It lacks the credentials.
func (l *Live) Stdio(version string) stdio.Config {
	c := l.HTTP(version)
	return stdio.Config{
		Config: c.Config, Limits: c.Limits,
		Ending: func() time.Duration { return l.Ending().Calls },
	}
}

// Begin implements mcp.Generations: a changed file is read before a call begins. A context that ends while the
// configuration is being reloaded gets what is there: its caller does not read the answer.
func (l *Live) Begin(ctx context.Context) (mcp.Generation, func()) {
	g, end := l.begun(ctx)
	return g, end
}

// Now implements mcp.Generations.
func (l *Live) Now() mcp.Generation { return l.now() }

func (l *Live) begun(ctx context.Context) (*generation, func()) {
	l.catchUp(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.serving
	g.calls++
	return g, sync.OnceFunc(func() { l.leave(g) })
}

// SignedIn says whose a token is that a human got for themself.
func (l *Live) SignedIn(ctx context.Context, token string) (identity.SignedIn, error) {
	g, end := l.begun(ctx)
	defer end()
	return g.callers().SignedIn(ctx, token)
}

// Ready returns nil when a call could be answered, if only by the configuration from before.
func (l *Live) Ready(ctx context.Context) error {
	g, end := l.begun(ctx)
	defer end()
	return g.Ready(ctx)
}

// Close ends everything that Follow started. Calls that still run fail.
func (l *Live) Close() error {
	l.mu.Lock()
	l.end() // from now on nothing more is begun: see begin
	l.mu.Unlock()
	l.tending.Wait()
	return l.now().Close()
}
