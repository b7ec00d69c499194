package mcp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mark3labs/mcp-go/server"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"deputy/identity"
	"deputy/identity/stops"
	"deputy/internal/budget"
	"deputy/tools"
	"deputy/tools/queries"
)

// Tools is what this package needs of the use cases. Errors are *tools.Refusal; any other error is answered with a
// refusal that says nothing, and logged.
type Tools interface {
	Query(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error)
	DescribeTable(context.Context, tools.Call, tools.DescribeArgs) (*tools.Description, error)
	RequestAccess(context.Context, tools.Call, tools.RequestArgs) (*tools.AccessRequest, error)
	// Proposal is what a human would be asked to confirm before RequestAccess; nil: nothing, since it asks for nothing or
	// is refused.
	Proposal(context.Context, tools.Call, tools.RequestArgs) *tools.Proposal
	// Refuse records a call that never got as far as its tool, because its arguments could not be read or there is no such
	// tool, and, with no tool, a message that is no call.
	Refuse(ctx context.Context, call tools.Call, tool, reason string) *tools.Refusal
	// Ceiling records a call that the caller's credential was not given for; nil: it was.
	Ceiling(ctx context.Context, call tools.Call, tool string) *tools.Refusal
	// TurnAway records a caller whose credential was not accepted.
	TurnAway(ctx context.Context, client string, why *identity.AuthError)
	// OverLimit records a caller that a limit turned away. Of a call without a principal only the address is known.
	OverLimit(ctx context.Context, call tools.Call, reason string) *tools.Refusal
	// Platforms are the names of all platforms. No caller is told them: see Choices.
	Platforms() []string
	// Choices are the names that the platform argument may have for the caller. The argument is only offered when there
	// are several.
	Choices(context.Context, tools.Call) []string
	// Dialects say which SQL each platform speaks: "PostgreSQL".
	Dialects() map[string]string
	// Purposes are the names that the purpose argument may have, and what each means. It is only offered when there are
	// some.
	Purposes() map[string]string
	// HasQueries reports whether any query is named, for whichever callers.
	HasQueries() bool
	// Queries are the named queries that the caller can run. Others are not there for the caller.
	Queries(context.Context, tools.Call) []queries.Query
}

// Authenticator turns a credential into a principal, or says no. Errors are *identity.AuthError.
type Authenticator interface {
	Authenticate(context.Context, identity.Credentials) (identity.Principal, error)
}

// Generation is everything that one configuration makes. A call is answered by one generation from its beginning to
// its end: who the caller is, what is decided, and the policy version on its record belong together. Two generations
// are the same when they are equal.
type Generation interface {
	Tools() Tools
	Authenticator() Authenticator
}

// Generations gives each call the generation that answers it.
type Generations interface {
	// Begin marks the beginning of a call, end its end. The generation is the one that holds when Begin returns. A call
	// may begin again while it runs, and learns so whether another generation holds.
	Begin(context.Context) (_ Generation, end func())
	// Now is the generation that holds, for what needs nothing of a configuration and must cost little: no call begins.
	Now() Generation
}

// Fixed is for a server whose configuration does not change.
func Fixed(t Tools, a Authenticator) Generations { return &fixed{t, a} }

type fixed struct {
	tools         Tools
	authenticator Authenticator
}

func (f *fixed) Begin(context.Context) (Generation, func()) { return f, func() {} }
func (f *fixed) Now() Generation                            { return f }
func (f *fixed) Tools() Tools                               { return f.tools }
func (f *fixed) Authenticator() Authenticator               { return f.authenticator }

// Stops is who is stopped now: see package identity/stops. The Authenticator refuses them; here their calls end.
type Stops interface {
	// Running notes that a call of a principal runs, until leave is called. The context that it returns ends when the
	// principal is stopped.
	Running(context.Context, identity.Principal) (_ context.Context, leave func())
	// Now is what is in force, for /readyz to name it.
	Now() stops.State
}

// Config is what the protocol needs, whatever transport it is spoken over.
type Config struct {
	// Generations answer the calls. They are needed.
	Generations Generations
	// Stops is the list of those who are stopped; nil: there is none.
	Stops Stops
	// Budget is the memory that all calls share; nil: it is not counted.
	Budget *budget.Budget
	// Telemetry is how requests are watched; the zero value: they are not.
	Telemetry tools.Telemetry
	// Version is told to clients. Default "dev".
	Version string
	// IgnoredArguments are names that hosts add to the arguments of a call beside those that they are known to add. They
	// are ignored and counted. CheckIgnored says which names cannot be.
	IgnoredArguments []string
	// Answers are the copies of answers that are sent to clients which do not say what they read. Default BothCopies.
	Answers Copies
	// Logger never writes to standard output when that is the client's.
	Logger zerolog.Logger

	// StateKey signs the questions that a client brings back together with the human's answers, so that any replica can
	// tell that it was asked. Replicas need the same one, of 32 random bytes or more. Nil: a random one for each server.
	StateKey []byte
	// Now is the clock that questions expire by, and of the limits. Default time.Now.
	Now func() time.Time
	// Every ticks until stop is called. Default a time.Ticker.
	Every func(time.Duration) (ticks <-chan time.Time, stop func())
	// MaxMessage is the size of the largest message that is read, in bytes: an HTTP body or a line. Default 1 MiB.
	MaxMessage int64

	ignored metric.Int64Counter                 // arguments that were ignored, by name
	more    func(*handlers) []server.ServerTool // tools beside the three; nil: none
}

const minStateKey = 32

// WithDefaults fills in what is left out, or says what cannot be.
func (c Config) WithDefaults() (Config, error) {
	if c.Generations == nil {
		return c, errors.New("mcp: Generations are needed")
	}
	if c.MaxMessage < 0 {
		return c, errors.New("mcp: limits cannot be negative")
	}
	if c.StateKey == nil {
		c.StateKey = make([]byte, minStateKey)
		rand.Read(c.StateKey) // never fails: see crypto/rand
	}
	if len(c.StateKey) < minStateKey {
		return c, fmt.Errorf("mcp: StateKey has %d bytes: %d random ones are needed", len(c.StateKey), minStateKey)
	}
	err := CheckIgnored(c.IgnoredArguments)
	if err != nil {
		return c, fmt.Errorf("mcp: IgnoredArguments: %w", err)
	}
	if c.ignored, err = c.Telemetry.Meter().Int64Counter(
		"deputy.arguments.ignored",
		metric.WithDescription("Arguments that hosts added to calls of tools and that were ignored, by name"),
	); err != nil {
		return c, fmt.Errorf("mcp: %w", err)
	}
	for _, name := range slices.Concat(hostArguments, c.IgnoredArguments) { // a rate needs a count from before the first
		c.ignored.Add(context.Background(), 0, metric.WithAttributes(attribute.String("argument", name)))
	}
	if err := measureMemory(c.Telemetry.Meter(), c.Budget); err != nil {
		return c, fmt.Errorf("mcp: %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Every == nil {
		c.Every = func(d time.Duration) (<-chan time.Time, func()) {
			ticker := time.NewTicker(d)
			return ticker.C, ticker.Stop
		}
	}
	if c.Stops == nil {
		c.Stops = noStops{}
	}
	if c.MaxMessage == 0 {
		c.MaxMessage = 1 << 20
	}
	if c.Answers == "" {
		c.Answers = BothCopies
	}
	if !c.Answers.known() {
		return c, fmt.Errorf("mcp: Answers: %q is none of both, structured and text", c.Answers)
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	return c, nil
}

// noStops is for a server without a list of stops.
type noStops struct{}

func (noStops) Running(ctx context.Context, _ identity.Principal) (context.Context, func()) {
	return ctx, func() {}
}
func (noStops) Now() stops.State { return stops.State{} }
