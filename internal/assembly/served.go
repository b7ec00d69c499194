package assembly

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"deputy/entitlements"
	"deputy/internal/config"
	"deputy/mcp/httpd"
	"deputy/tools/platforms"
)

// A server serves what can be served. A platform that cannot be reached, is not set up or does not fit the file is
// closed alone, and so is a table; both are opened again by themselves: see tendPlatforms. Administrators' commands and
// servers whose configuration does not change want all of it.

const (
	startSilence  = 5 * time.Second        // for which a platform may be silent before a server starts without it
	reloadSilence = 700 * time.Millisecond // and before a changed file is in force without it
	tendTick      = time.Second / 4
)

// nothingServed is the error of a start after which no table of any platform could be read; nil: one could be.
func (d *Deputy) nothingServed() error {
	var wrong config.Error
	var misfits []entitlements.Problem
	for _, p := range d.Tools.Held() {
		closed := p.Closed()
		switch {
		case closed == nil && p.Serves():
			return nil
		case closed == nil:
			misfits = append(misfits, p.Troubles()...)
			continue
		}
		for _, f := range closed.Findings {
			wrong.Problems = append(wrong.Problems, PlatformProblem(d.Config, p.Name, f))
		}
		if policies, misfit := errors.AsType[*platforms.PolicyError](closed.Err); misfit {
			misfits = append(misfits, policies.Problems...)
		} else if closed.Err != nil {
			wrong.Problems = append(wrong.Problems, d.Config.Problem("platforms."+p.Name, "%v", closed.Err))
		}
	}
	policies := InFile(d.Config, &platforms.PolicyError{Problems: misfits})
	switch {
	case len(misfits) == 0:
		return &wrong
	case len(wrong.Problems) == 0:
		return policies
	}
	return errors.Join(&wrong, policies)
}

// loses is why a configuration is not put in the place of the one in force: of a platform that is served now, it would
// close something because of what it says, or names what only a platform can have that was never reached: a mistyped
// name would take a mask away. What the one in force closes by now as well is no reason, nor is a platform that only
// cannot be reached.
func (d *Deputy) loses(ctx context.Context, inForce *Deputy) error {
	served := map[string]*platforms.Platform{}
	for _, p := range inForce.Tools.Held() {
		if p.Closed() == nil {
			served[p.Name] = p
		}
	}
	for _, p := range d.Tools.Held() {
		was, closed := served[p.Name], p.Closed()
		if was == nil || closed != nil && closed.Unreached() {
			continue
		}
		known := was.Warnings()
		for _, w := range p.Warnings() {
			if w.Unseen && !slices.ContainsFunc(known, w.Same) {
				return &platforms.PolicyError{Problems: []entitlements.Problem{w}}
			}
		}
		misfits := p.Misfits()
		if closed != nil {
			policies, misfit := errors.AsType[*platforms.PolicyError](closed.Err)
			if !misfit {
				return closed
			}
			misfits = policies.Problems
		}
		if fresh := was.BeyondMisfits(ctx, misfits); len(fresh) > 0 || closed != nil {
			return &platforms.PolicyError{Problems: misfits}
		}
	}
	return nil
}

// lasting are the troubles of a platform that a configuration finds when it is put in force.
func (d *Deputy) lasting(platform string) (out []entitlements.Problem) {
	for _, t := range d.Tools.Troubles() {
		if t.Platform == platform {
			out = append(out, t.Problem)
		}
	}
	return out
}

// tendPlatforms looks after the platforms that calls are answered from, each by itself, so that none waits for another.
func (l *Live) tendPlatforms(ctx context.Context) {
	tick := time.NewTicker(tendTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.mu.Lock()
		for _, p := range l.current.Deputy.Tools.Held() {
			g := l.current
			g.calls++
			if !l.begin(func() { defer l.leave(g); p.Tend(ctx) }) {
				g.calls--
			}
		}
		l.mu.Unlock()
		l.keepLateCatalogs()
	}
}

// keepLateCatalogs writes a platform into the catalog file that could not be reached when it should have been. The file
// is read again then, as after every change.
func (l *Live) keepLateCatalogs() {
	l.mu.Lock()
	g := l.current
	l.mu.Unlock()
	late := config.Baseline{}
	for _, p := range g.Deputy.Tools.Held() {
		if accepted := p.LookedAt(); g.Config.Unseen(p.Name) && p.Closed() == nil && accepted != nil {
			late[p.Name] = accepted
		}
	}
	if len(late) == 0 || !g.Config.CanKeepCatalog() {
		return
	}
	c, err := l.load() // what the catalog file says by now
	if err == nil {
		maps.DeleteFunc(late, func(platform string, _ entitlements.Accepted) bool { return !c.Unseen(platform) })
		maps.Copy(late, c.Baseline())
		c.Accept(late)
		err = c.KeepCatalog()
	}
	if err != nil {
		l.log.Debug().Err(err).Msg("the catalog file is not written: it is tried again")
	}
}

// Parts are how the platforms, the issuers and the file are, for /readyz.
func (l *Live) Parts(ctx context.Context) httpd.Parts {
	g, end := l.begun(ctx)
	defer end()
	out := httpd.Parts{Platforms: map[string]httpd.Part{}, Issuers: map[string]httpd.Part{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, p := range g.Deputy.Tools.Held() {
		all.Go(func() {
			part := platformPart(p.Status(ctx))
			mu.Lock()
			out.Platforms[p.Name] = part
			mu.Unlock()
		})
	}
	all.Go(func() {
		for _, i := range g.Deputy.Authenticator.Issuers(ctx) {
			part := httpd.Part{Status: httpd.PartReady}
			if i.Err != nil {
				part.Status = string(platforms.OutOfReach)
			}
			mu.Lock()
			out.Issuers[i.URL] = part
			mu.Unlock()
		}
	})
	all.Wait()
	file := httpd.Part{Status: httpd.PartReady}
	l.mu.Lock()
	switch {
	case l.misread != nil:
		file.Status = "refused"
	case l.pending != nil:
		file.Status = "waiting"
	}
	l.mu.Unlock()
	out.Configuration = &file
	return out
}

func platformPart(s platforms.Status) httpd.Part {
	part := httpd.Part{Status: httpd.PartReady}
	if s.Closed != nil {
		part.Status = string(s.Closed.Reason)
	}
	tables := map[entitlements.TableName]bool{}
	for _, t := range s.Troubles {
		if (t.Table == entitlements.TableName{}) {
			continue
		}
		tables[t.Table] = true
		if t.Policy != "" && !slices.Contains(part.Policies, t.Policy) {
			part.Policies = append(part.Policies, t.Policy)
		}
	}
	part.ClosedTables = len(tables)
	return part
}

// issuersReady says why no user and no agent with a token could be verified; nil: some can, or only keys are used.
func (d *Deputy) issuersReady(ctx context.Context) error {
	var failures []error
	all := d.Authenticator.Issuers(ctx)
	for _, i := range all {
		if i.Err != nil {
			failures = append(failures, i.Err)
		}
	}
	if len(failures) < len(all) {
		return nil
	}
	return errors.Join(failures...)
}
