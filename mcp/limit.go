package mcp

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"deputy/identity"
	"deputy/tools"
)

// Limits bound what callers may do. A zero is the default.
type Limits struct {
	Calls            int // that run at once, whoever makes them. Default 512
	CallerCalls      int // and those of one caller: an agent, and whom it acts for. Default 128
	CallerPerMinute  int // requests of one caller. Default 60000
	AddressPerMinute int // requests from one network address. Default 120000
	AddressUnproved  int // and those at once of which it is not known yet who calls. Default 256
}

func (l Limits) complete() Limits {
	return Limits{
		Calls: orDefault(
			l.Calls,
			512,
		), CallerCalls: orDefault(l.CallerCalls, 128), CallerPerMinute: orDefault(l.CallerPerMinute, 60_000),
		AddressPerMinute: orDefault(l.AddressPerMinute, 120_000), AddressUnproved: orDefault(l.AddressUnproved, 256),
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

// limiter holds callers to the limits. What it has counted outlives a change of the configuration, which only changes
// the numbers.
//
// Who cannot be kept from coming has to be cheap, so the checks stand where each costs least: an address is counted
// before anything is verified, a caller once it is proved, and a call takes its place among those that run only when
// all of it has arrived. Requests that wait for their client, to send the rest or to take the answer, take no place
// from those that run: see waiting.
type limiter struct {
	limits  func() Limits
	now     func() time.Time
	tools   Tools
	refused metric.Int64Counter

	addressRate *rates[string]
	callerRate  *rates[callerKey]
	unproved    *slots[string]
	running     *slots[callerKey]
	agents      *slots[callerKey] // the same calls, by agent
	reading     *waiting
	writing     *waiting
}

func newLimiter(cfg Config) (*limiter, error) {
	refused, err := cfg.Telemetry.Meter().
		Int64Counter("deputy.callers.limited", metric.WithDescription("Requests that were turned away because of a limit, by the limit"))
	return &limiter{
		limits: func() Limits { return cfg.Limits().complete() }, now: cfg.Now, tools: cfg.Tools, refused: refused,
		addressRate: newRates[string](remembered), callerRate: newRates[callerKey](remembered),
		unproved: newSlots[string](), running: newSlots[callerKey](), agents: newSlots[callerKey](), reading: newWaiting(), writing: newWaiting(),
	}, err
}

// excess is a limit that was reached.
type excess struct {
	limit string // for who counts them
	says  string
	wait  time.Duration // until it is worth another try
	full  bool          // it is the server that is full, and not the caller who wants too much
}

const (
	tooOften = "too many requests in a short time: wait before the next one"
	tooMany  = "too many calls are running: wait for one to end"
)

// frequent says whether a caller, or the agent that calls, comes too often. What the one has spent is spent, though the
// other refuses: there is no way to wait that costs less.
func (l *limiter) frequent(p identity.Principal) *excess {
	now := l.now()
	if wait := l.callerRate.take(keyOf(p), l.limits().CallerPerMinute, now); wait > 0 {
		return &excess{limit: "caller_rate", says: tooOften, wait: wait}
	}
	if wait := l.callerRate.take(wholeAgent(p), p.Agent.Limits.PerMinute, now); wait > 0 {
		return &excess{
			limit: "agent_rate",
			says:  "this agent sends too many requests in a short time, for all its users together: wait before the next one",
			wait:  wait,
		}
	}
	return nil
}

// enter takes a place among the calls that run.
func (l *limiter) enter(p identity.Principal) (leave func(), _ *excess) {
	limits, key, agent := l.limits(), keyOf(p), wholeAgent(p)
	if l.agents.enter(agent, orDefault(p.Agent.Limits.Concurrent, math.MaxInt), 0) != entered {
		return nil, &excess{
			limit: "agent_calls",
			says:  "this agent has too many calls running, for all its users together: wait for one to end",
		}
	}
	switch l.running.enter(key, limits.CallerCalls, limits.Calls) {
	case eachFull:
		l.agents.leave(agent)
		return nil, &excess{limit: "caller_calls", says: tooMany}
	case allFull:
		l.agents.leave(agent)
		return nil, &excess{limit: "calls", says: tooMany, full: true}
	}
	return sync.OnceFunc(func() {
		l.running.leave(key)
		l.agents.leave(agent)
	}), nil
}

// refuse counts and records whom a limit turned away, so that a flood is seen and does not fill the record.
func (l *limiter) refuse(ctx context.Context, call tools.Call, e *excess) *tools.Refusal {
	l.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("limit", e.limit)))
	return l.tools.Busy(ctx, call, e.says)
}

func (l *limiter) turnAway(w http.ResponseWriter, r *http.Request, call tools.Call, e *excess) {
	taken(r.Context())
	l.refuse(r.Context(), call, e)
	status := http.StatusTooManyRequests
	if e.full {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Retry-After", strconv.Itoa(seconds(e.wait)))
	answer(w, status, string(tools.TooBusy), e.says)
}

// admit is for a transport without requests of its own: there a call is what comes, and what runs.
func (l *limiter) admit(ctx context.Context, call tools.Call) (leave func(), _ error) {
	e := l.frequent(call.Principal)
	if e == nil {
		leave, e = l.enter(call.Principal)
	}
	if e != nil {
		return nil, asError(l.refuse(ctx, call, e))
	}
	return leave, nil
}

type unprovedKey struct{}

// byAddress comes before anything is verified: guessing and rubbish must cost less here than where they come from.
func (l *limiter) byAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, limits := clientOf(r), l.limits()
		network := client.network()
		call := tools.Call{Client: client.text}
		if wait := l.addressRate.take(network, limits.AddressPerMinute, l.now()); wait > 0 {
			l.turnAway(w, r, call, &excess{limit: "address_rate", says: tooOften, wait: wait})
			return
		}
		if l.unproved.enter(network, limits.AddressUnproved, 0) != entered {
			l.turnAway(w, r, call, &excess{limit: "address_unproved", says: "too many requests at once: wait for one to end"})
			return
		}
		proved := sync.OnceFunc(func() { l.unproved.leave(network) })
		defer proved()
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), unprovedKey{}, proved)))
	})
}

// byCaller comes once the caller is proved: nobody can use up what is somebody else's.
func (l *limiter) byCaller(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, ok := callOf(w, r)
		if !ok {
			return
		}
		if proved, ok := r.Context().Value(unprovedKey{}).(func()); ok {
			proved()
		}
		if e := l.frequent(call.Principal); e != nil {
			l.turnAway(w, r, call, e)
			return
		}
		defer holdConnection(r.Context())()
		next.ServeHTTP(w, r)
	})
}

// arriving is for whoever reads a body: it may be given up until it has arrived.
func (l *limiter) arriving(r *http.Request, giveUp func()) (arrived func() bool) {
	var key callerKey
	if came, ok := r.Context().Value(callKey{}).(httpCall); ok {
		key = keyOf(came.counted().Principal)
	}
	limits := l.limits()
	one := l.reading.enter(key, limits.CallerCalls, limits.Calls, giveUp)
	return func() bool { return l.reading.leave(one) }
}

// byPlace comes when all of a call has arrived.
func (l *limiter) byPlace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, ok := callOf(w, r)
		if !ok {
			return
		}
		leave, e := l.enter(call.Principal)
		if e != nil {
			l.turnAway(w, r, call, e)
			return
		}
		p := &place{leave: leave, wait: func() *waiter {
			limits := l.limits()
			return l.writing.enter(keyOf(call.Principal), limits.CallerCalls, limits.Calls, func() {
				_ = http.NewResponseController(w).SetWriteDeadline(past)
			})
		}}
		defer func() { l.writing.leave(p.end()) }()
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), placeKey{}, p)))
	})
}

type placeKey struct{}

// place is that of a call among those that run. It is free when the tool has ended: how long the answer takes to be
// read is for its client to say.
type place struct {
	mu    sync.Mutex
	leave func()
	wait  func() *waiter
	waits *waiter
	over  bool
}

// toolEnded is called by whoever ran a tool in the context; one whose request is over already does nothing.
func toolEnded(ctx context.Context) {
	p, ok := ctx.Value(placeKey{}).(*place)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over && p.waits == nil {
		p.leave()
		p.waits = p.wait()
	}
}

// end is that of the request.
func (p *place) end() *waiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.leave()
	return p.waits
}

// callOf is the call as it counts against somebody: an agent without its human, which may only be told what there is,
// counts as itself.
func callOf(w http.ResponseWriter, r *http.Request) (tools.Call, bool) {
	came, ok := r.Context().Value(callKey{}).(httpCall)
	if !ok {
		answer(
			w,
			http.StatusInternalServerError,
			"internal",
			"the call could not be completed, because of a fault on the server",
		)
	}
	return came.counted(), ok
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

// enter takes a place if there is one; zero of all means any number.
func (s *slots[K]) enter(key K, each, all int) fullness {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.each[key] >= each:
		return eachFull
	case all > 0 && s.all >= all:
		return allFull
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
