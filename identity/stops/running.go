package stops

import (
	"context"
	"time"

	"deputy/identity"
)

// Running notes that a call of a principal runs, until leave is called. The context that it returns ends as soon as
// the principal is stopped; the cause is the *identity.AuthError. It has ended when Running returns if the principal
// is stopped already.
func (l *List) Running(ctx context.Context, p identity.Principal) (_ context.Context, leave func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	one := &running{p, cancel}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh()
	if why := l.state.refuses(p); why != nil {
		cancel(why)
		return ctx, func() {}
	}
	l.running[one] = struct{}{}
	if !l.watching {
		l.watching = true
		go l.watch()
	}
	return ctx, func() {
		l.mu.Lock()
		delete(l.running, one)
		l.mu.Unlock()
		cancel(nil)
	}
}

// running is a call that may have to be ended.
type running struct {
	principal identity.Principal
	end       context.CancelCauseFunc
}

// every is how often the list is looked at while calls run.
const every = 250 * time.Millisecond

// watch looks at the list until no call runs any more.
func (l *List) watch() {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for range tick.C {
		l.mu.Lock()
		if len(l.running) == 0 {
			l.watching = false
			l.mu.Unlock()
			return
		}
		l.refresh()
		l.mu.Unlock()
	}
}

// end ends the calls that are stopped now. l.mu is held.
func (l *List) end() {
	for one := range l.running {
		if why := l.state.refuses(one.principal); why != nil {
			one.end(why)
			delete(l.running, one)
		}
	}
}
