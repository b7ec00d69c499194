package platforms

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"deputy/entitlements"
)

const (
	tendEvery   = 10 * time.Second // an open platform, of which everything is served
	reopenEvery = time.Second / 2  // one with closed tables; longer where looking takes long
	longestWait = 5 * time.Second  // between two attempts to open a closed platform
	probeTime   = 2 * time.Second
	share       = 20 // of the time, one part at most goes into looking at a platform with closed tables
)

// renewing is an engine that can be asked for its catalog as it is now, however old the last one is.
type renewing interface {
	Renew(ctx context.Context) (*entitlements.Catalog, error)
}

// lookAfresh asks the engine for its catalog as it is now.
func (p *Platform) lookAfresh(ctx context.Context) error {
	e, can := p.Engine.(renewing)
	if !can {
		return p.look(ctx)
	}
	catalog, err := e.Renew(ctx)
	if err == nil {
		p.saw(catalog)
	}
	return err
}

// Tend does what is due for a platform that is served. It opens the platform, or its closed tables, once they can be
// served again, and rehearses what is new in the catalog. It returns at once when nothing is due, or another does it.
func (p *Platform) Tend(ctx context.Context) {
	if !p.serve.opening.TryLock() {
		return
	}
	defer p.serve.opening.Unlock()
	began := time.Now()
	if began.Before(p.serve.due) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	wait := tendEvery
	if p.Closed() != nil {
		if !p.reopen(ctx) {
			wait = min(time.Second<<min(p.serve.tries, 10), longestWait)
			p.serve.tries++
		}
	} else if p.lookOut(ctx); len(p.shutTables()) > 0 {
		wait = max(reopenEvery, share*time.Since(began))
		p.serve.looked = time.Now()
	}
	p.serve.due = time.Now().Add(wait)
}

// reopen tries to open the platform.
func (p *Platform) reopen(ctx context.Context) (open bool) {
	if err := p.answers(ctx, probeTime); err != nil {
		p.close(err)
		return false
	}
	for _, step := range []func(context.Context) (func(), error){p.reach, p.fit} {
		keep, err := step(ctx)
		if err != nil {
			p.close(err)
			return false
		}
		keep()
	}
	p.log.Info().Msg("the platform is served again")
	return true
}

// lookOut holds the policies against the catalog while no call does, and has the database try what is new of them.
func (p *Platform) lookOut(ctx context.Context) {
	if p.Status(ctx).Closed != nil {
		return
	}
	look := p.look
	if len(p.shutTables()) > 0 {
		look = p.lookAfresh
	}
	if look(ctx) != nil {
		return // the next look says so
	}
	if _, err := p.fitting(); err != nil {
		return
	}
	catalog := p.Catalog()
	p.mu.Lock()
	shut := len(p.serve.shut)
	p.mu.Unlock()
	if catalog == p.serve.rehearsed && shut == 0 {
		return
	}
	if shut, passed, err := p.rehearseNew(ctx, catalog); err == nil {
		p.opened(catalog, shut, passed)
	}
}

// Misfits are the problems with policies that close tables of the platform.
func (p *Platform) Misfits() []entitlements.Problem {
	return slices.DeleteFunc(p.shutTables(), func(t entitlements.Problem) bool { return t.Warning })
}

// BeyondMisfits are those of the problems that the platform does not have itself when it looks at the database as it is
// now. The catalog that it has may be an old one.
func (p *Platform) BeyondMisfits(ctx context.Context, of []entitlements.Problem) []entitlements.Problem {
	beyond := func(now entitlements.Problem) bool {
		return !now.Warning && !slices.ContainsFunc(p.Troubles(), now.Same)
	}
	fresh := func() (out []entitlements.Problem) {
		for _, now := range of {
			if beyond(now) {
				out = append(out, now)
			}
		}
		return out
	}
	if len(fresh()) == 0 {
		return nil
	}
	p.serve.opening.Lock()
	defer p.serve.opening.Unlock()
	p.serve.passed = nil
	if keep, err := p.fit(ctx); err == nil {
		keep()
	}
	return fresh()
}

// Serves reports whether any table of the platform is open to any caller whom policies let in.
func (p *Platform) Serves() bool {
	closed := map[entitlements.TableName]bool{}
	for _, t := range p.shutTables() {
		closed[t.Table] = true
	}
	c := p.Catalog()
	return c != nil && (len(c.Tables) == 0 || slices.ContainsFunc(c.Tables, func(t entitlements.Table) bool {
		return !closed[t.TableName]
	}))
}

// Ready returns nil when one of the platforms can be asked at least. They are asked side by side.
func Ready(ctx context.Context, all []*Platform) error {
	failures := make([]error, len(all))
	var each sync.WaitGroup
	for i, p := range all {
		each.Go(func() {
			if s := p.Status(ctx); s.Closed != nil {
				failures[i] = s.Closed
			}
		})
	}
	each.Wait()
	if slices.Contains(failures, nil) {
		return nil
	}
	return errors.Join(failures...)
}

// Status is how a platform is, for those who watch.
type Status struct {
	Closed   *ClosedError           // Nil: calls are answered from it.
	Troubles []entitlements.Problem // What came with a change of the database, the closed tables among it.
}

// Status asks the platform whether it is there. Those who ask at the same time get the same answer.
func (p *Platform) Status(ctx context.Context) Status {
	ctx = context.WithoutCancel(ctx) // others wait for the same answer
	s, _, _ := p.asking.Do("status", func() (any, error) { return p.status(ctx), nil })
	return s.(Status)
}

func (p *Platform) status(ctx context.Context) Status {
	s := Status{Closed: p.Closed(), Troubles: p.Troubles()}
	if s.Closed != nil {
		return s
	}
	err := p.answers(ctx, probeTime)
	if err == nil {
		_, err = p.Entitlements(ctx)
	}
	if err != nil {
		s.Closed = &ClosedError{Platform: p.Name, Reason: reason(err), Err: err}
	}
	p.mu.Lock()
	before := p.serve.down
	p.serve.down = s.Closed
	p.mu.Unlock()
	switch {
	case before == nil && s.Closed != nil:
		p.log.Error().Str("reason", string(s.Closed.Reason)).Err(err).Msg("the platform cannot answer calls")
	case before != nil && s.Closed == nil:
		p.log.Info().Msg("the platform can answer calls again")
	}
	return s
}

// Down says why no call can be answered, as of the last look at the platform; nil: calls can be.
func (p *Platform) Down() *ClosedError {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.serve.closed != nil {
		return p.serve.closed
	}
	return p.serve.down
}

// Trouble is what a change of a platform's database did to the policies.
type Trouble struct {
	Platform string
	entitlements.Problem
}

// AllTroubles are those of all the platforms.
func AllTroubles(all []*Platform) (out []Trouble) {
	for _, p := range all {
		for _, problem := range p.Troubles() {
			out = append(out, Trouble{p.Name, problem})
		}
	}
	return out
}

// AllWarnings are those of all the platforms.
func AllWarnings(all []*Platform) (out []entitlements.Problem) {
	for _, p := range all {
		out = append(out, p.Warnings()...)
	}
	return out
}

// AnyClosed reports whether nothing of one of the platforms is served.
func AnyClosed(all []*Platform) bool {
	return slices.ContainsFunc(all, func(p *Platform) bool { return p.Closed() != nil })
}
