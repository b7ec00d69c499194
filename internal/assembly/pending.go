package assembly

import (
	"context"
	"math/rand/v2"
	"time"

	"deputy/internal/config"
)

const (
	callsWait    = 2 * time.Second // for a new configuration to be in force; then they are decided by both
	firstRetry   = time.Second
	longestRetry = time.Minute
)

// pending is a configuration that is understood and not in force yet: the first attempt is under way, or has failed and
// is repeated.
type pending struct {
	config  *config.Config
	version string             // of the configuration as it was read; trying it may change its own
	until   time.Time          // calls wait for the first attempt
	tried   chan struct{}      // closed when it has ended
	cancel  context.CancelFunc // ends the attempts

	// What follows is of the last attempt, guarded by Live's mutex.

	text  string // why it failed; empty: none has
	place string // file and line of that, if it is one
}

// await returns when the first attempt has ended, and does not wait long for it.
func (p *pending) await(ctx context.Context) {
	if p == nil {
		return
	}
	select {
	case <-p.tried:
		return
	default:
	}
	wait := time.NewTimer(time.Until(p.until))
	defer wait.Stop()
	select {
	case <-p.tried:
	case <-wait.C:
	case <-ctx.Done():
	}
}

// await has a configuration wait, and calls be decided by both until it is in force. What waited before does not any
// more. One that says the same as what is in force, or waits already, is taken up again only when an administrator says
// so (SIGHUP).
func (l *Live) await(c *config.Config, seen sight, told bool) {
	l.mu.Lock()
	if l.life.Err() != nil {
		l.mu.Unlock()
		return
	}
	l.seen, l.misread = seen, nil
	var unused []*engine
	takenBack := false
	switch {
	case !told && c.Version == l.current.Config.Version:
		takenBack = l.pending != nil
		unused = l.drop()
	case !told && l.pending != nil && c.Version == l.pending.version:
	default:
		both, err := l.current.both(c)
		if err != nil { // the file was checked when it was read
			l.mu.Unlock()
			l.refuse(seen, err)
			return
		}
		for _, e := range both.engines {
			e.generations++
		}
		unused = append(l.drop(), l.serve(both)...)
		ctx, cancel := context.WithCancel(l.life)
		p := &pending{
			config:  c,
			version: c.Version,
			until:   time.Now().Add(callsWait),
			tried:   make(chan struct{}),
			cancel:  cancel,
		}
		l.pending = p
		l.begin(func() { l.apply(ctx, p) })
	}
	version := l.current.Config.Version
	l.mu.Unlock()
	closeEngines(unused)
	if takenBack {
		l.log.Info().Str("policy_version", version).Msg("the configuration is again the one that is in force")
	}
}

// drop ends what waits: calls begin with what is in force. l.mu is held.
func (l *Live) drop() (unused []*engine) {
	if l.pending == nil {
		return nil
	}
	l.pending.cancel()
	l.pending = nil
	return l.serve(l.current)
}

// apply tries to put the configuration in force until it is, or does not wait any more.
func (l *Live) apply(ctx context.Context, p *pending) {
	defer p.cancel()
	for tries := 0; ; tries++ {
		done := l.try(ctx, p)
		if tries == 0 {
			close(p.tried)
		}
		if done {
			return
		}
		wait := time.NewTimer(backoff(tries))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

// try tries once; done: there is nothing more to try.
func (l *Live) try(ctx context.Context, p *pending) (done bool) {
	l.applying.Lock()
	defer l.applying.Unlock()
	limited, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	next, err := l.next(limited, p.config)
	switch {
	case err == nil && l.replace(p, next):
		l.count(l.life, "applied")
		l.log.Info().
			Str("policy_version", p.config.Version).
			Strs("platforms", next.Deputy.Tools.Platforms()).
			Msg("the configuration is reloaded")
		return true
	case err == nil || ctx.Err() != nil:
		return true
	}
	l.postpone(p, err)
	l.count(l.life, "refused")
	return false
}

// postpone says why the configuration is not in force yet. The same reason is said once.
func (l *Live) postpone(p *pending, err error) {
	text := InFile(p.config, err).Error()
	l.mu.Lock()
	repeated := p.text == text
	p.text, p.place = text, firstPlace(p.config, err)
	version := l.current.Config.Version
	l.mu.Unlock()
	if !repeated {
		l.log.Error().Str("policy_version", version).Str("waiting_version", p.config.Version).Str("error", text).
			Msg("the new configuration is not in force yet: until it is, callers get only what both it and the one before give")
	}
}

// backoff is how long to wait after so many attempts that failed before the last: twice as long each time, and for
// several servers not all at once.
func backoff(tries int) time.Duration {
	most := min(firstRetry<<min(tries, 10), longestRetry)
	return most/2 + rand.N(most/2) //nolint:gosec // servers only have to differ, the time is no secret
}
