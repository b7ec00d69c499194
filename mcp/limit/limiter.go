// Package limit bounds what callers may do: how often they come, how many of their calls run at once, and how many of
// their requests wait. It knows nothing of how calls come in; a transport asks it at each step, and answers.
package limit

import (
	"cmp"
	"context"
	"math"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"deputy/identity"
	"deputy/tools"
)

// Config is what a Limiter needs.
type Config struct {
	// Limits are asked for each time, since they may change from call to call. Nil: the defaults.
	Limits func() Limits
	// Now is the clock. It is needed.
	Now func() time.Time
	// Telemetry counts who is turned away; the zero value: it does not.
	Telemetry tools.Telemetry
}

// Limits bound what callers may do. A zero is the default.
type Limits struct {
	// Calls is how many run at once, of all callers. Default 512.
	Calls int
	// CallerCalls is how many run at once of one caller: an agent, and whom it acts for. Default 128.
	CallerCalls int
	// CallerPerMinute is how many requests one caller may make. Default 60000.
	CallerPerMinute int
	// AddressPerMinute is how many requests may come from one network address. Default 120000.
	AddressPerMinute int
	// AddressUnproved is how many of those there may be at once before it is known who calls. Default 256.
	AddressUnproved int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Calls:            cmp.Or(l.Calls, 512),
		CallerCalls:      cmp.Or(l.CallerCalls, 128),
		CallerPerMinute:  cmp.Or(l.CallerPerMinute, 60_000),
		AddressPerMinute: cmp.Or(l.AddressPerMinute, 120_000),
		AddressUnproved:  cmp.Or(l.AddressUnproved, 256),
	}
}

// callerKey is an agent and whom it acts for: one busy user of a chat host must not keep out the others.
type callerKey struct {
	agent, issuer, subject string
	whole                  bool // the agent, whomever it acts for
}

func keyOf(p identity.Principal) callerKey {
	key := callerKey{agent: p.Agent.ID}
	if p.User != nil {
		key.issuer, key.subject = p.User.Issuer, p.User.Subject
	}
	return key
}

func wholeAgent(p identity.Principal) callerKey { return callerKey{agent: p.Agent.ID, whole: true} }

// Limiter holds callers to the limits. What it has counted outlives a change of the configuration, which only changes
// the numbers.
//
// Who cannot be kept from coming has to be cheap, so the checks stand where each costs least: an address is counted
// before anything is verified, a caller once it is proved, and a call takes its place among those that run only when
// all of it has arrived. Requests that wait for their client, to send the rest or to take the answer, take no place
// from those that run: see waiting.
type Limiter struct {
	limits  func() Limits
	now     func() time.Time
	refused metric.Int64Counter

	addressRate *rates[string]
	callerRate  *rates[callerKey]
	unproved    *slots[string]
	running     *slots[callerKey]
	agents      *slots[callerKey] // the same calls, by agent
	reading     *waiting
	writing     *waiting
}

// New makes a limiter that has counted nothing yet.
func New(cfg Config) (*Limiter, error) {
	if cfg.Limits == nil {
		cfg.Limits = func() Limits { return Limits{} }
	}
	refused, err := cfg.Telemetry.Meter().Int64Counter("deputy.callers.limited",
		metric.WithDescription("Requests that were turned away because of a limit, by the limit"))
	return &Limiter{
		limits:      func() Limits { return cfg.Limits().withDefaults() },
		now:         cfg.Now,
		refused:     refused,
		addressRate: newRates[string](remembered),
		callerRate:  newRates[callerKey](remembered),
		unproved:    newSlots[string](),
		running:     newSlots[callerKey](),
		agents:      newSlots[callerKey](),
		reading:     newWaiting(),
		writing:     newWaiting(),
	}, err
}

// Excess is a limit that was reached.
type Excess struct {
	Limit string        // its name, for those who count
	Says  string        // what the caller is told
	Wait  time.Duration // until it is worth another try
	Full  bool          // the server is full, rather than that the caller wants too much
}

const (
	tooOften = "too many requests in a short time: wait before the next one"
	tooMany  = "too many calls are running: wait for one to end"
)

// Frequent says whether a caller, or the agent that calls, comes too often. What the one has spent is spent, though the
// other refuses: there is no way to wait that costs less.
func (l *Limiter) Frequent(p identity.Principal) *Excess {
	now := l.now()
	if wait := l.callerRate.take(keyOf(p), l.limits().CallerPerMinute, now); wait > 0 {
		return &Excess{Limit: "caller_rate", Says: tooOften, Wait: wait}
	}
	if wait := l.callerRate.take(wholeAgent(p), p.Agent.Limits.PerMinute, now); wait > 0 {
		return &Excess{
			Limit: "agent_rate",
			Says:  "this agent sends too many requests in a short time, for all its users together: wait before the next one",
			Wait:  wait,
		}
	}
	return nil
}

// Enter takes a place among the calls that run.
func (l *Limiter) Enter(p identity.Principal) (leave func(), _ *Excess) {
	limits, key, agent := l.limits(), keyOf(p), wholeAgent(p)
	if l.agents.enter(agent, cmp.Or(p.Agent.Limits.Concurrent, math.MaxInt), 0) != entered {
		return nil, &Excess{
			Limit: "agent_calls",
			Says:  "this agent has too many calls running, for all its users together: wait for one to end",
		}
	}
	switch l.running.enter(key, limits.CallerCalls, limits.Calls) {
	case eachFull:
		l.agents.leave(agent)
		return nil, &Excess{Limit: "caller_calls", Says: tooMany}
	case allFull:
		l.agents.leave(agent)
		return nil, &Excess{Limit: "calls", Says: tooMany, Full: true}
	}
	return sync.OnceFunc(func() {
		l.running.leave(key)
		l.agents.leave(agent)
	}), nil
}

// Refused counts a limit that was reached, by its name.
func (l *Limiter) Refused(ctx context.Context, e *Excess) {
	l.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("limit", e.Limit)))
}

// Admit is for a transport without requests of its own: there a call is what comes, and what runs.
func (l *Limiter) Admit(p identity.Principal) (leave func(), _ *Excess) {
	if e := l.Frequent(p); e != nil {
		return nil, e
	}
	return l.Enter(p)
}

// Address is asked before anything is verified: guessing and rubbish must cost less here than where they come from.
// proved ends what the request takes of its network's share, as soon as it is known who calls.
func (l *Limiter) Address(network string) (proved func(), _ *Excess) {
	limits := l.limits()
	if wait := l.addressRate.take(network, limits.AddressPerMinute, l.now()); wait > 0 {
		return nil, &Excess{Limit: "address_rate", Says: tooOften, Wait: wait}
	}
	if l.unproved.enter(network, limits.AddressUnproved, 0) != entered {
		return nil, &Excess{Limit: "address_unproved", Says: "too many requests at once: wait for one to end"}
	}
	return sync.OnceFunc(func() { l.unproved.leave(network) }), nil
}

// Reading notes that a body of the caller is read. giveUp may be called until arrived is; arrived reports whether it
// was not.
func (l *Limiter) Reading(p identity.Principal, giveUp func()) (arrived func() bool) {
	limits := l.limits()
	one := l.reading.enter(keyOf(p), limits.CallerCalls, limits.Calls, giveUp)
	return func() bool { return l.reading.leave(one) }
}

// Writing notes that an answer waits for the caller to read it. giveUp may be called until leave is.
func (l *Limiter) Writing(p identity.Principal, giveUp func()) (leave func()) {
	limits := l.limits()
	one := l.writing.enter(keyOf(p), limits.CallerCalls, limits.Calls, giveUp)
	return func() { l.writing.leave(one) }
}

// slots counts what there is at once, in all and of each.
type slots[K comparable] struct {
	mu   sync.Mutex
	all  int
	each map[K]int // only those that have some
}

func newSlots[K comparable]() *slots[K] { return &slots[K]{each: map[K]int{}} }

type fullness int

const (
	entered fullness = iota
	eachFull
	allFull
)

// enter takes a place if there is one; zero of all means any number. Who has some leaves at least as many free as it
// has, so that a few busy callers never have all of them.
func (s *slots[K]) enter(key K, each, all int) fullness {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.each[key] >= each:
		return eachFull
	case all > 0 && s.all >= all:
		return allFull
	case all > 0 && s.each[key] > 0 && s.each[key] >= all-s.all:
		return eachFull
	}
	s.all++
	s.each[key]++
	return entered
}

func (s *slots[K]) leave(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.each[key]--; s.each[key] == 0 {
		delete(s.each, key)
	}
}
