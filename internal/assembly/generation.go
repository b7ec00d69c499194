package assembly

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"deputy/identity/oidc"
	"deputy/internal/config"
	"deputy/vending"
)

// generation is what one configuration makes, and who still needs it. The counts are guarded by Live's mutex.
type generation struct {
	*Deputy
	engines map[string]*engine
	calls   int  // that began with it and have not ended
	retired bool // another one has taken its place: no call begins with it any more

	// Of a generation that decides by a newer configuration too: see both.

	waiting        *config.Config
	waitingCallers *oidc.Authenticator
}

// engine is shared by the generations that configure it alike, and closed with the last of them.
type engine struct {
	vending.Engine
	section     config.Platform
	concurrency int
	generations int
}

// next makes the generation of a configuration, out of the engines of the current one where nothing is different for
// them.
func (l *Live) next(ctx context.Context, c *config.Config) (_ *generation, err error) {
	g := &generation{
		Deputy: &Deputy{
			Config:    c,
			Log:       l.log,
			Audit:     l.audit,
			State:     l.state,
			Telemetry: l.telemetry,
			Proofs:    l.proofs,
			Stops:     l.stops,
			Engines:   map[string]vending.Engine{},
		},
		engines: map[string]*engine{},
	}
	g.keeps, g.silence = true, startSilence
	if l.current != nil {
		g.silence, g.inForce = reloadSilence, l.current.Deputy
		if err := fixed(l.current.Config, c); err != nil {
			return nil, err
		}
		c.After(l.current.Config)
	}
	var opened []*engine
	defer func() {
		if err != nil {
			for _, e := range opened {
				e.Close()
			}
			if l.audit == nil && g.Audit != nil {
				g.Audit.Close()
			}
			if l.state == nil && g.State != nil {
				g.State.Close()
			}
			if l.telemetry == nil && g.Telemetry != nil {
				g.Telemetry.Close()
			}
		}
	}()
	for name, section := range c.Platforms {
		e := l.same(name, section, c.Limits.Concurrency)
		if e == nil {
			made, err := open(section, c.Limits.Concurrency)
			if err != nil {
				return nil, fmt.Errorf("platform %s: %w", name, err)
			}
			e = &engine{Engine: made, section: section, concurrency: c.Limits.Concurrency}
			opened = append(opened, e)
		}
		g.engines[name], g.Engines[name] = e, e.Engine
	}
	err = g.assemble(ctx)
	g.inForce = nil // it has been followed
	if err != nil {
		return nil, err
	}
	if err := l.keepCatalog(g); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range g.engines {
		e.generations++
	}
	return g, nil
}

// same is the engine that the current generation has for the platform, if it would be opened no differently.
func (l *Live) same(name string, section config.Platform, concurrency int) *engine {
	if l.current == nil {
		return nil
	}
	e := l.current.engines[name]
	if e == nil || e.concurrency != concurrency || !reflect.DeepEqual(e.section, section) {
		return nil
	}
	return e
}

// fixed refuses a change of what a running server cannot change.
func fixed(old, c *config.Config) error {
	var problems []config.Problem
	for _, value := range []struct {
		key     string
		was, is any
	}{
		{"server.listen", old.Server.Listen, c.Server.Listen},
		{"server.public_url", old.Server.PublicURL, c.Server.PublicURL},
		{"server.tls", old.Server.TLS, c.Server.TLS},
		{"server.trusted_proxies", old.Server.TrustedProxies, c.Server.TrustedProxies},
		{"server.ignored_arguments", old.Server.IgnoredArguments, c.Server.IgnoredArguments},
		{"server.answers", old.Server.Answers, c.Server.Answers},
		{"server.log_level", old.Server.LogLevel, c.Server.LogLevel},
		{"limits.connections", old.Limits.Connections, c.Limits.Connections},
		{"limits.memory", old.Limits.Memory, c.Limits.Memory},
		{"audit.file", old.Audit.File, c.Audit.File},
		{"audit.key", old.Audit.Key, c.Audit.Key},
		{"audit.rotate", old.Audit.Rotate, c.Audit.Rotate},
		{"audit.keep", old.Audit.Keep, c.Audit.Keep},
		{"audit.checkpoints", old.Audit.Checkpoints, c.Audit.Checkpoints},
		{"audit.sinks", old.Audit.Sinks, c.Audit.Sinks},
		{"requests.state", old.Requests.State, c.Requests.State},
		{"requests.webhooks", old.Requests.Webhooks, c.Requests.Webhooks},
		{"telemetry.prometheus", old.Telemetry.Prometheus, c.Telemetry.Prometheus},
		{"telemetry.readers", old.Telemetry.Readers, c.Telemetry.Readers},
		{"telemetry.otlp.endpoint", old.Telemetry.OTLP.Endpoint, c.Telemetry.OTLP.Endpoint},
		{"telemetry.otlp.sample", old.Telemetry.OTLP.Sample, c.Telemetry.OTLP.Sample},
	} {
		if !reflect.DeepEqual(value.was, value.is) {
			problems = append(problems, config.Problem{File: c.Files()[0], Line: c.Line(value.key), Key: value.key,
				Message: "it cannot change while Deputy runs: restart Deputy, or change it back"})
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &config.Error{Problems: problems}
}

// leave is the end of a call.
func (l *Live) leave(g *generation) {
	l.mu.Lock()
	g.calls--
	unused := l.unused(g)
	l.mu.Unlock()
	closeEngines(unused)
}

// replace puts a generation in force; not ok: what it was made of does not wait any more, and it is thrown away.
func (l *Live) replace(p *pending, next *generation) (ok bool) {
	l.mu.Lock()
	ok = l.pending == p
	var unused []*engine
	if ok {
		old := l.current
		unused = l.serve(next)
		l.current, l.pending, l.state = next, nil, next.State
		unused = append(unused, l.retire(old)...)
	} else {
		unused = l.retire(next)
		if l.state == nil && next.State != nil {
			next.State.Close()
		}
	}
	l.mu.Unlock()
	closeEngines(unused)
	return ok
}

// serve has calls begin with another generation, and returns the engines that no generation needs then. The one in
// force stays: see replace. l.mu is held.
func (l *Live) serve(next *generation) (unused []*engine) {
	before := l.serving
	l.serving = next
	if before == l.current {
		return nil
	}
	return l.retire(before)
}

// retire ends a generation for calls to come, and returns the engines that go with it. l.mu is held.
func (l *Live) retire(g *generation) []*engine {
	g.retired = true
	return l.unused(g)
}

// unused are the engines that go with a generation, once nobody needs it. l.mu is held.
func (l *Live) unused(g *generation) (out []*engine) {
	if !g.retired || g.calls > 0 {
		return nil
	}
	for _, e := range g.engines {
		if e.generations--; e.generations == 0 {
			out = append(out, e)
		}
	}
	g.engines = nil
	return out
}

func closeEngines(engines []*engine) error {
	var failures []error
	for _, e := range engines {
		failures = append(failures, e.Close())
	}
	return errors.Join(failures...)
}
