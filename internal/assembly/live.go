package assembly

import (
	"context"
	"net/http"
	"sync"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/metric"

	"deputy/entitlements/requests/notify"
	"deputy/entitlements/requests/store"
	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/identity/stops"
	"deputy/internal/config"
	"deputy/internal/telemetry"
	"deputy/mcp"
	"deputy/tools"
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
	state     *store.State         // opened once, when there is a rule for access requests
	telemetry *telemetry.Telemetry // started once
	reloads   metric.Int64Counter

	life    context.Context // of reloads, and of what is done without a call
	end     context.CancelFunc
	tending sync.WaitGroup

	applying sync.Mutex // held by the one attempt to put a configuration in force

	mu      sync.Mutex
	current *generation   // that is in force
	serving *generation   // that calls begin with: the current one, or both it and the pending configuration
	pending *pending      // nil: nothing waits
	seen    sight         // the files, as they were last read
	reading chan struct{} // closed when the reading under way has ended; nil: there is none
	misread *misread      // why the files as they are cannot be understood; nil: they can
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
	if l.reloads, err = l.telemetry.Meter().Int64Counter("deputy.policy.reloads", metric.WithDescription("Configurations that were read anew, by result")); err != nil {
		l.current.Close()
		return nil, err
	}
	l.life, l.end = context.WithCancel(context.WithoutCancel(ctx))
	var sender *notify.Sender
	if l.current.State != nil {
		sender = l.sender(l.current) // before anybody can ask for anything
	}
	l.tending.Go(func() { l.tend(l.life, sender) })
	go l.lookOut(l.life)
	return l, nil
}

// Config is the configuration that holds now.
func (l *Live) Config() *config.Config { return l.now().Config }

// Log is made once.
func (l *Live) Log() zerolog.Logger { return l.log }

// Metrics answers those who ask for metrics; nil: nobody is meant to.
func (l *Live) Metrics() http.Handler { return l.telemetry.Handler() }

func (l *Live) now() *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.serving
}

// MCP is what the transports need.
func (l *Live) MCP(version string) mcp.Config {
	c := l.now().MCP(version)
	c.Tools, c.Authenticator, c.Begin, c.Desk, c.People = l, l, l.Begin, l, l
	c.Limits = func() mcp.Limits { return l.now().limits() }
	c.Issuers, c.Ready, c.Notice = func() []string { return l.now().Issuers() }, l.Ready, l.Notice
	c.Scopes = func() []string { return l.now().Config.Identity.Scopes() }
	c.Login = func() []identity.Offer { return l.now().Login() }
	return c
}

type generationKey struct{}

// Begin takes the generation that holds now and puts it into the context: everything asked there is answered by it. A
// context that ends while the configuration is being reloaded gets what is there; nobody is left to read the answer.
func (l *Live) Begin(ctx context.Context) (context.Context, func()) {
	l.catchUp(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.serving
	if ctx.Value(generationKey{}) == g {
		return ctx, func() {}
	}
	g.calls++
	return context.WithValue(ctx, generationKey{}, g), sync.OnceFunc(func() { l.leave(g) })
}

// of is the generation that a context has begun with. A context that has not begins and ends with this one question.
func (l *Live) of(ctx context.Context) (*generation, func()) {
	if g, ok := ctx.Value(generationKey{}).(*generation); ok {
		return g, func() {}
	}
	ctx, end := l.Begin(ctx)
	return ctx.Value(generationKey{}).(*generation), end
}

// Authenticate implements mcp.Authenticator.
func (l *Live) Authenticate(ctx context.Context, c identity.Credentials) (identity.Principal, error) {
	g, end := l.of(ctx)
	defer end()
	return g.callers().Authenticate(ctx, c)
}

// SignedIn says whose a token is that a human got for themself.
func (l *Live) SignedIn(ctx context.Context, token string) (identity.SignedIn, error) {
	g, end := l.of(ctx)
	defer end()
	return g.callers().SignedIn(ctx, token)
}

// Query implements mcp.Tools.
func (l *Live) Query(ctx context.Context, call tools.Call, args tools.QueryArgs) (*tools.QueryResult, error) {
	g, end := l.of(ctx)
	defer end()
	return g.Tools.Query(ctx, call, args)
}

// DescribeTable implements mcp.Tools.
func (l *Live) DescribeTable(
	ctx context.Context,
	call tools.Call,
	args tools.DescribeArgs,
) (*tools.Description, error) {
	g, end := l.of(ctx)
	defer end()
	return g.Tools.DescribeTable(ctx, call, args)
}

// RequestAccess implements mcp.Tools.
func (l *Live) RequestAccess(
	ctx context.Context,
	call tools.Call,
	args tools.RequestArgs,
) (*tools.AccessRequest, error) {
	g, end := l.of(ctx)
	defer end()
	return g.Tools.RequestAccess(ctx, call, args)
}

// Proposal implements mcp.Tools.
func (l *Live) Proposal(ctx context.Context, call tools.Call, args tools.RequestArgs) *tools.Proposal {
	g, end := l.of(ctx)
	defer end()
	return g.Tools.Proposal(ctx, call, args)
}

// Refuse implements mcp.Tools.
func (l *Live) Refuse(ctx context.Context, call tools.Call, tool, reason string) *tools.Refusal {
	g, end := l.of(ctx)
	defer end()
	return g.Tools.Refuse(ctx, call, tool, reason)
}

// Ceiling implements mcp.Tools.
func (l *Live) Ceiling(ctx context.Context, call tools.Call, tool string) *tools.Refusal {
	g, end := l.of(ctx)
	defer end()
	return g.Tools.Ceiling(ctx, call, tool)
}

// TurnAway implements mcp.Tools.
func (l *Live) TurnAway(ctx context.Context, client string, why *identity.AuthError) {
	g, end := l.of(ctx)
	defer end()
	g.Tools.TurnAway(ctx, client, why)
}

// Busy implements mcp.Tools. It needs nothing that a configuration makes, and must cost little: no call begins for it.
func (l *Live) Busy(ctx context.Context, call tools.Call, reason string) *tools.Refusal {
	return l.now().Tools.Busy(ctx, call, reason)
}

// Platforms implements mcp.Tools.
func (l *Live) Platforms() []string { return l.now().Tools.Platforms() }

// Choices implements mcp.Tools.
func (l *Live) Choices(ctx context.Context, call tools.Call) []string {
	g, end := l.of(ctx)
	defer end()
	return g.Tools.Choices(ctx, call)
}

// Dialects implements mcp.Tools.
func (l *Live) Dialects() map[string]string { return l.now().Tools.Dialects() }

// Purposes implements mcp.Tools.
func (l *Live) Purposes() map[string]string { return l.now().Tools.Purposes() }

// Ready returns nil when a call could be answered, if only by the configuration from before.
func (l *Live) Ready(ctx context.Context) error {
	g, end := l.of(ctx)
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
