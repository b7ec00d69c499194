package mcp

import (
	"net/http"
	"sync"

	"deputy/identity"
)

// limit bounds how many calls run at once, and how many of them are one caller's.
type limit struct {
	all, each int

	mu      sync.Mutex
	running int
	callers map[callerKey]int // only those with a call running
}

// callerKey is an agent and whom it acts for: one busy user of a chat host must not keep out the others.
type callerKey struct{ agent, issuer, subject string }

func keyOf(p identity.Principal) callerKey {
	key := callerKey{agent: p.Agent.ID}
	if p.User != nil {
		key.issuer, key.subject = p.User.Issuer, p.User.Subject
	}
	return key
}

func newLimit(all, each int) *limit {
	return &limit{all: all, each: each, callers: map[callerKey]int{}}
}

// guard comes after authentication: nobody can use up what is somebody else's.
func (l *limit) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, ok := r.Context().Value(callKey{}).(httpCall)
		if !ok {
			answer(w, http.StatusInternalServerError, "internal", "the call could not be completed, because of a fault on the server")
			return
		}
		key := call.caller()
		if status := l.enter(key); status != http.StatusOK {
			w.Header().Set("Retry-After", "1")
			answer(w, status, "too_busy", "too many calls are running: wait for one to end")
			return
		}
		defer l.leave(key)
		next.ServeHTTP(w, r)
	})
}

func (l *limit) enter(key callerKey) (status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.callers[key] >= l.each:
		return http.StatusTooManyRequests
	case l.running >= l.all:
		return http.StatusServiceUnavailable
	}
	l.running++
	l.callers[key]++
	return http.StatusOK
}

func (l *limit) leave(key callerKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	if l.callers[key]--; l.callers[key] == 0 {
		delete(l.callers, key)
	}
}
