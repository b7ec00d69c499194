package tools

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"deputy/audit"
	"deputy/audit/sparse"
	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/tools/instruments"
	"deputy/tools/kept"
	"deputy/tools/platforms"
	"deputy/tools/queries"
	"deputy/tools/turns"
)

// Config is what the tools are made of. All but Purposes, Queries, Requests and what goes with it, Statements, Version,
// Log, Telemetry, Now, Random and Begun is needed.
type Config struct {
	Platforms []platforms.Config
	Purposes  map[string]string // those a call may declare, and what each means; none: calls have no purpose
	Queries   []queries.Query   // that are named, in the order of their names
	Audit     Recorder
	Limits    Limits
	// Requests is where access requests are kept; nil: access cannot be asked for.
	Requests requests.Store
	Agents   []identity.Agent // that are registered, for those who decide to see what a request of theirs would be about
	Pending  time.Duration    // how long a request waits for an answer
	Again    time.Duration    // how long after a denial the same is not asked for again
	// Statements is what of the callers' statements is on the record. Empty: the whole text.
	Statements kept.Statements
	Version    string         // of the configuration that all this comes from; on every record
	Log        zerolog.Logger // for operators; carries the ids that callers are given
	Telemetry  Telemetry
	Now        func() time.Time
	Random     io.Reader
	// Begun is told of a call before it does anything, with the record as it is then. Each such record comes to Audit as
	// an outcome. Nil: no receiver wants to know.
	Begun func(audit.Record)
	// Silence makes New serve what can be served: see platforms.Serve. It is how long a platform may leave a simple
	// question unanswered before New gives it up. Zero: New fails when any platform or policy does not work.
	Silence time.Duration

	waitingAgents []identity.Agent // of a configuration that is not in force yet: see Both
}

// Recorder makes a record durable. It returns nil only when the record is.
type Recorder interface {
	Append(ctx context.Context, r audit.Record) error
}

// Limits hold for every call.
type Limits struct {
	MaxRows     int           // rows of one answer
	Answer      int           // tokens of each copy of one answer; zero: what MaxBytes is
	MaxBytes    int           // size of one answer's values
	Timeout     time.Duration // of one statement in the database
	Concurrency int           // calls at the same time on one platform; more wait
	CallerShare int           // of Concurrency, those of one caller; zero: half
	LockTimeout time.Duration // that a statement waits for a lock in all; zero: a moment
}

// answer is the budget of a copy: no byte is more than a token.
func (l Limits) answer() int { return cmp.Or(l.Answer, l.MaxBytes) }

func (l Limits) share() int { return cmp.Or(l.CallerShare, (l.Concurrency+1)/2) }

// Tools answers calls. All methods may be called concurrently.
type Tools struct {
	config      Config
	platforms   []*platform
	tracer      trace.Tracer
	instruments instruments.Instruments
	unproved    *sparse.Limiter // of callers that prove nothing
	proved      *sparse.Limiter // of callers that prove who they are, and are rejected all the same
	limited     *sparse.Limiter // of callers that a limit turns away
	unserved    *sparse.Limiter // of calls that name no tool
	waiting     *waiting        // decides beside what is in force: see Both; nil: nothing does
}

// New checks the configuration, and with it that every policy fits what the platforms have, unless Config.Silence says
// that what fits is to be served.
func New(ctx context.Context, c Config) (*Tools, error) {
	l := c.Limits
	switch {
	case c.Audit == nil:
		return nil, errors.New("no audit log is configured: without one, nothing is answered")
	case l.MaxRows <= 0 || l.MaxBytes <= 0 || l.Timeout <= 0 || l.Concurrency <= 0:
		return nil, fmt.Errorf("every limit must be positive: %+v", l)
	}
	c.Limits.Answer = l.answer()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Begun == nil {
		c.Begun = func(audit.Record) {}
	}
	t := &Tools{
		config:   c,
		tracer:   c.Telemetry.Tracer(),
		unproved: &sparse.Limiter{},
		proved:   &sparse.Limiter{},
		limited:  &sparse.Limiter{},
		unserved: &sparse.Limiter{},
	}
	var err error
	if t.instruments, err = instruments.New(c.Telemetry.Meter()); err != nil {
		return nil, err
	}
	opened, err := platforms.Start(ctx, c.Platforms, slices.Sorted(maps.Keys(c.Purposes)), c.Log, c.Silence)
	if err != nil {
		return nil, err
	}
	for _, p := range opened {
		t.platforms = append(t.platforms, &platform{p, turns.New(l.Concurrency, l.share())})
	}
	return t, nil
}

// Platforms are the names of all platforms: see Choices for those that a caller may know of.
func (t *Tools) Platforms() []string {
	var names []string
	for _, p := range t.platforms {
		names = append(names, p.Name)
	}
	return names
}

// Dialects say which SQL each platform speaks, as people call it.
func (t *Tools) Dialects() map[string]string {
	out := map[string]string{}
	for _, p := range t.platforms {
		out[p.Name] = p.Engine.Dialect().Product
	}
	return out
}

// Purposes are those a caller may declare, and what each means.
func (t *Tools) Purposes() map[string]string { return t.config.Purposes }

// Entitlements are what is decided with on a platform, for the catalog as it is now: for those who explain and compare.
func (t *Tools) Entitlements(ctx context.Context, platform string) (*entitlements.Entitlements, error) {
	compiled, err := t.Compiled(ctx, platform)
	if err != nil {
		return nil, err
	}
	return compiled.Entitlements, nil
}

// Compiled is the same with the rules for requests.
func (t *Tools) Compiled(ctx context.Context, platform string) (*requests.Compiled, error) {
	p, err := t.platform(platform)
	if err != nil {
		return nil, err
	}
	return p.Entitlements(ctx)
}

// Held are the platforms with what holds on each now, for those who look after them.
func (t *Tools) Held() (out []*platforms.Platform) {
	for _, p := range t.platforms {
		out = append(out, p.Platform)
	}
	return out
}

// Ready returns nil when one of the platforms at least can be asked and its policies fit.
func (t *Tools) Ready(ctx context.Context) error { return platforms.Ready(ctx, t.Held()) }

func (t *Tools) platform(name string) (*platform, error) {
	if name == "" && len(t.platforms) == 1 {
		return t.platforms[0], nil
	}
	for _, p := range t.platforms {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, &Error{
		Code:    InvalidArgument,
		Message: fmt.Sprintf("say which platform to ask: one of %q", t.Platforms()),
	}
}

// crockford has no letters that people mistake for digits, and sorts as the bytes do.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newID makes the id of a call: 26 letters and digits, sorted by time, 80 bits of it random. It names the record and
// the role.
func (t *Tools) newID() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(t.config.Now().UnixMilli())<<16)
	if _, err := io.ReadFull(t.config.Random, b[6:]); err != nil {
		panic(fmt.Errorf("no randomness: %w", err))
	}
	return crockford.EncodeToString(b[:])
}

// Troubles are what changes of databases did to the policies and lasts, as of the last look at each catalog.
func (t *Tools) Troubles() []platforms.Trouble { return platforms.AllTroubles(t.Held()) }

// Warnings are about what may not be meant as it is written, though every platform works with it.
func (t *Tools) Warnings() []entitlements.Problem { return platforms.AllWarnings(t.Held()) }
