package httpd

import (
	"net/http"
	"strconv"
	"sync"

	"deputy/internal/budget"
	"deputy/mcp/limit"
	"deputy/tools"
)

// turnAway answers a caller whom a limit turns away. It needs nothing that a configuration makes, and must cost little:
// no call begins for it.
func (s *server) turnAway(w http.ResponseWriter, r *http.Request, c *call, who tools.Call, e *limit.Excess) {
	c.Taken()
	s.limits.Refused(r.Context(), e)
	s.config.Generations.Now().Tools().OverLimit(r.Context(), who, e.Says)
	status := http.StatusTooManyRequests
	if e.Full {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Retry-After", strconv.Itoa(e.Seconds()))
	Refuse(w, status, string(tools.TooBusy), e.Says)
}

// byAddress comes before anything is verified.
func (s *server) byAddress(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		known, e := s.limits.Address(c.client.network())
		if e != nil {
			s.turnAway(w, r, c, tools.Call{Client: c.client.text}, e)
			return
		}
		defer known()
		c.known = known
		next(w, r, c)
	}
}

// byCaller comes once the caller is proved: no caller can use up what is another's.
func (s *server) byCaller(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		if !c.proved {
			refuseFault(w)
			return
		}
		if c.known != nil {
			c.known()
		}
		if e := s.limits.Frequent(c.counted().Principal); e != nil {
			s.turnAway(w, r, c, c.counted(), e)
			return
		}
		defer holdConnection(r.Context())()
		next(w, r, c)
	}
}

// byPlace comes when all of a call has arrived.
func (s *server) byPlace(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c *call) {
		if !c.proved {
			refuseFault(w)
			return
		}
		principal := c.counted().Principal
		leave, e := s.limits.Enter(principal)
		if e != nil {
			s.turnAway(w, r, c, c.counted(), e)
			return
		}
		account := s.config.Budget.Account(principal.Caller())
		defer account.Close()
		c.request = budget.With(c.request, account)
		if c.Send == nil { // a stream of events copies the answer once more
			c.Sending = func(bytes int) { account.Lower(int64(bytes)) }
		}
		p := &place{leave: leave, wait: func() (leave func()) {
			return s.limits.Writing(principal, func() { _ = http.NewResponseController(w).SetWriteDeadline(past) })
		}}
		defer p.end()
		c.Ended = p.toolEnded
		next(w, r, c)
	}
}

// place is that of a call among those that run. It is free when the tool has ended: how long the answer takes to be
// read is for its client to say.
type place struct {
	mu    sync.Mutex
	leave func()        // the place
	wait  func() func() // begins to wait for the client to read its answer
	read  func()        // ends that; nil: it has not begun
	over  bool
}

// toolEnded is called when a tool has ended. When the request is over already, it does nothing.
func (p *place) toolEnded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over && p.read == nil {
		p.leave()
		p.read = p.wait()
	}
}

// end is that of the request.
func (p *place) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.leave()
	if p.read != nil {
		p.read()
	}
}
