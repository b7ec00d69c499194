package mcp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/mark3labs/mcp-go/server"
	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/identity/stops"
	"deputy/tools"
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
	// Busy records a caller that a limit turned away. Of a call without a principal only the address is known.
	Busy(ctx context.Context, call tools.Call, reason string) *tools.Refusal
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
}

// Authenticator turns a credential into a principal, or says no. Errors are *identity.AuthError.
type Authenticator interface {
	Authenticate(context.Context, identity.Credentials) (identity.Principal, error)
}

// Stops is who is stopped now: see package identity/stops. The Authenticator refuses them; here their calls end.
type Stops interface {
	// Running notes that a call of a principal runs, until leave is called. The context that it returns ends when the
	// principal is stopped.
	Running(context.Context, identity.Principal) (_ context.Context, leave func())
	// Now is what is in force, for /readyz to name it.
	Now() stops.State
}

// Config is what a server needs, whatever it listens to.
type Config struct {
	Tools         Tools
	Authenticator Authenticator
	// Begin marks the beginning of a call, end its end. What Tools and Authenticator are asked in the context that it
	// returns, they answer out of one configuration: the one that holds when Begin returns. A context that has begun with
	// that one already comes back as it is. Nil: the configuration does not change while the server runs.
	Begin   func(context.Context) (_ context.Context, end func())
	Version string         // told to clients
	Logger  zerolog.Logger // never writes to standard output when serving stdio

	// Stops is the list of those who are stopped; nil: there is none.
	Stops Stops

	// Telemetry is how requests are watched; the zero value: not at all.
	Telemetry tools.Telemetry

	// StateKey signs the questions that a client brings back together with the human's answers, so that any replica can
	// tell that it was asked. Replicas need the same one, of 32 random bytes or more. Nil: a random one for each handler.
	StateKey []byte
	// Now is the clock that questions expire by, and of the limits. Default time.Now.
	Now func() time.Time
	// Every ticks until stop is called. Default a time.Ticker.
	Every func(time.Duration) (ticks <-chan time.Time, stop func())

	more func(*handlers) []server.ServerTool // tools beside the two; nil: none

	// MaxMessage is the size of the largest message that is read, in bytes: an HTTP body or a line. Default 1 MiB.
	MaxMessage int64

	// Limits bound what callers may do, with numbers that may change from call to call. Nil: the defaults.
	Limits func() Limits

	admit admission // nil: whoever gets as far as a tool

	// What follows is for HTTP.

	PublicURL string                      // where clients reach this server, without a path: https://deputy.example.com
	Issuers   func() []string             // authorization servers, for clients that look for a token; nil: none
	Scopes    func() []string             // what clients ask those for, as they write it; nil: nothing
	Login     func() []identity.Offer     // how people sign in with deputy login; nil: they do not
	Ready     func(context.Context) error // nil: always ready
	Notice    func() string               // what /readyz adds to its answer for everybody to read; nil or empty: nothing
	Desk      Desk                        // where people decide on access requests, at /api/requests; nil: nowhere
	People    People                      // who they are; needed with Desk
	Proxies   Proxies                     // whose X-Forwarded-For is believed; nil: nobody's
	// WriteTimeout is how long a client may take to read its answer. Default 30 seconds.
	WriteTimeout time.Duration
}

const minStateKey = 32

func (c *Config) complete() error {
	if c.Tools == nil || c.Authenticator == nil {
		return errors.New("mcp: Tools and Authenticator are needed")
	}
	if c.Desk != nil && c.People == nil {
		return errors.New("mcp: a Desk needs People")
	}
	if c.MaxMessage < 0 || c.WriteTimeout < 0 {
		return errors.New("mcp: limits cannot be negative")
	}
	if c.StateKey == nil {
		c.StateKey = make([]byte, minStateKey)
		rand.Read(c.StateKey) // never fails: see crypto/rand
	}
	if len(c.StateKey) < minStateKey {
		return fmt.Errorf("mcp: StateKey has %d bytes: %d random ones are needed", len(c.StateKey), minStateKey)
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
	if c.Begin == nil {
		c.Begin = func(ctx context.Context) (context.Context, func()) { return ctx, func() {} }
	}
	if c.Limits == nil {
		c.Limits = func() Limits { return Limits{} }
	}
	c.MaxMessage = orDefault(c.MaxMessage, 1<<20)
	c.WriteTimeout = orDefault(c.WriteTimeout, 30*time.Second)
	c.Version = orDefault(c.Version, "dev")
	return nil
}

// noStops is for a server without a list of stops.
type noStops struct{}

func orNoStops(s Stops) Stops {
	if s == nil {
		return noStops{}
	}
	return s
}

func (noStops) Running(ctx context.Context, _ identity.Principal) (context.Context, func()) {
	return ctx, func() {}
}
func (noStops) Now() stops.State { return stops.State{} }

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
