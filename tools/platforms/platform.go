// Package platforms keeps the data platforms of a configuration, each with the policies compiled for its catalog as it
// is now. It asks engines and records nothing.
package platforms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/rs/zerolog"
	"golang.org/x/sync/singleflight"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/vending"
)

// Config is one data platform and what is decided for it.
type Config struct {
	Name         string
	Description  string
	Engine       vending.Engine
	Policies     []entitlements.Policy // all of the configuration's; those for other platforms are left aside
	Rules        []requests.Rule       // the same of request rules
	Tags         entitlements.Tags
	Discoverable entitlements.Selectors
	Accepted     entitlements.Accepted // what of the catalog an administrator has looked at; nil: it is not kept
	// AcceptAll: what is there at the start counts as looked at, for want of a list.
	AcceptAll bool
	Inherit   bool // what closes the tables that a view is made of closes the view
	// Lasting are the platform's troubles under the configuration that this one follows. They do not keep it from being
	// in force.
	Lasting []entitlements.Problem
	// Known: the configuration that this one follows has the same platform, reached in the same way. What is gone of it
	// was there.
	Known bool

	// What follows is of a configuration that waits: see Both.

	Schemas []string // that it governs of what the one in force does; nil: all
	// it has another database there, or reaches it in another way, so that there is nothing that both give
	Elsewhere bool
}

// Platform keeps the policies compiled for the catalog as it is now.
type Platform struct {
	Config
	purposes []string // that policies may ask for

	others  []*Platform
	log     zerolog.Logger
	serving bool // what does not fit closes alone: see Serve

	mu       sync.Mutex
	catalog  *entitlements.Catalog // as last seen
	compiled *requests.Compiled
	problems []entitlements.Problem
	unseen   int                    // of the others, when it was compiled: no catalog of theirs was known
	began    bool                   // it has been compiled once
	fitted   bool                   // the policies fitted the catalog when Deputy started
	written  []entitlements.Problem // warnings that were there then: they are about the file, and check says them
	said     []entitlements.Problem // that the log has

	serve  serveState
	asking singleflight.Group // whether it is there
}

// Open asks each platform for its catalog and compiles the policies for it. Where they do not fit, or the engine does
// not understand them, the error is a *PolicyError.
func Open(ctx context.Context, configs []Config, purposes []string, log zerolog.Logger) ([]*Platform, error) {
	all, err := newPlatforms(configs, purposes, log)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if err := p.look(ctx); err != nil {
			return nil, fmt.Errorf("platform %s: %w", p.Name, err)
		}
	}
	for _, p := range all {
		if err := p.rehearse(ctx); err != nil {
			return nil, fmt.Errorf("platform %s: %w", p.Name, err)
		}
	}
	return all, nil
}

func newPlatforms(configs []Config, purposes []string, log zerolog.Logger) (all []*Platform, _ error) {
	if len(configs) == 0 {
		return nil, errors.New("no platform is configured")
	}
	for _, c := range configs {
		all = append(all, &Platform{Config: c, purposes: purposes, log: log.With().Str("platform", c.Name).Logger()})
	}
	for _, p := range all {
		p.others = slices.DeleteFunc(slices.Clone(all), func(other *Platform) bool { return other == p })
	}
	return all, nil
}

// PolicyError says that policies do not fit what a platform has. Nothing is answered from it until they do.
type PolicyError struct{ Problems []entitlements.Problem }

func (e *PolicyError) Error() string {
	text := "the policies do not fit the data"
	for _, p := range e.Problems {
		if !p.Warning {
			text += "\n" + p.String()
		}
	}
	return text
}

// look asks the engine for its catalog, and drops what was compiled for another.
func (p *Platform) look(ctx context.Context) error {
	catalog, err := p.Engine.Catalog(ctx)
	if err != nil {
		return err
	}
	p.saw(catalog)
	return nil
}

func (p *Platform) saw(catalog *entitlements.Catalog) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.catalog == nil || p.catalog.Version != catalog.Version {
		p.catalog, p.compiled, p.problems = catalog, nil, nil
	}
	if p.Accepted == nil && p.AcceptAll {
		p.Accepted = entitlements.Accept(catalog)
	}
}

// LookedAt is what of the catalog an administrator has accepted, or what was there at the start.
func (p *Platform) LookedAt() entitlements.Accepted {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Accepted
}

// Catalog is the one last seen; nil: none was yet.
func (p *Platform) Catalog() *entitlements.Catalog {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.catalog
}

// Entitlements are the policies compiled for the catalog as it is now. A policy that has lost what it was about closes
// the table that it was on: with a mask's column gone under another name, going on would show values that were masked
// before.
func (p *Platform) Entitlements(ctx context.Context) (*requests.Compiled, error) {
	if err := p.closed(); err != nil {
		return nil, err
	}
	if err := p.look(ctx); err != nil {
		return nil, err
	}
	return p.fitting()
}

// fitting compiles the policies for the catalog that was last seen, unless that was done.
func (p *Platform) fitting() (*requests.Compiled, error) {
	others, unseen := p.elsewhere()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.compiled == nil && p.problems == nil || unseen < p.unseen {
		how := p.how(others, unseen)
		how.Shut = p.serve.shut
		p.compiled, p.problems = p.compile(p.catalog, p.purposes, how)
		if p.compiled == nil && p.lasts() {
			how.Running = true
			p.compiled, p.problems = p.compile(p.catalog, p.purposes, how)
		}
		p.unseen = unseen
		if !p.began && p.compiled != nil {
			p.began, p.written = true, p.problems
		}
		p.fitted = p.fitted || p.compiled != nil && unseen == 0
		p.say()
	}
	if p.compiled == nil {
		return nil, &PolicyError{p.problems}
	}
	return p.compiled, nil
}

// lasts reports whether all that stops the platform was there under the configuration before. p.mu is held.
func (p *Platform) lasts() bool {
	return !slices.ContainsFunc(p.problems, func(now entitlements.Problem) bool {
		return !now.Warning && !slices.ContainsFunc(p.Lasting, now.Same)
	})
}

// how is what a problem does, as things are. p.mu is held.
func (p *Platform) how(others []*entitlements.Catalog, unseen int) entitlements.Config {
	return entitlements.Config{Others: others, Unseen: unseen > 0, Serving: p.serving, Running: p.fitted}
}

// elsewhere are the catalogs of the other platforms: as last seen, or as an administrator accepted them. unseen counts
// those of which neither is known.
func (p *Platform) elsewhere() (catalogs []*entitlements.Catalog, unseen int) {
	for _, other := range p.others {
		switch c, accepted := other.Catalog(), other.LookedAt(); {
		case c != nil:
			catalogs = append(catalogs, c)
		case len(accepted) > 0:
			catalogs = append(catalogs, accepted.Catalog())
		default:
			unseen++
		}
	}
	return catalogs, unseen
}

// compile holds the policies against a catalog. how says which others there are, and what a problem does.
func (c Config) compile(
	catalog *entitlements.Catalog,
	purposes []string,
	how entitlements.Config,
) (*requests.Compiled, []entitlements.Problem) {
	how.Platform, how.Policies, how.Tags, how.Discoverable = c.Name, c.Policies, c.Tags, c.Discoverable
	how.Accepted, how.Catalog, how.Purposes, how.Inherit = c.Accepted, catalog, purposes, c.Inherit
	return requests.Compile(requests.Config{Rules: c.Rules, Config: how})
}

// fresh is what came with a change of the database: since Deputy started, or since an administrator accepted the
// catalog. p.mu is held.
func (p *Platform) fresh() (out []entitlements.Problem) {
	for _, problem := range p.problems {
		if problem.Drift || !slices.Contains(p.written, problem) {
			out = append(out, problem)
		}
	}
	return out
}

// say writes each trouble into the log once, and when it is over. p.mu is held.
func (p *Platform) say() {
	if !p.began {
		return // what the start is refused for is said by the start
	}
	now := p.fresh()
	for _, problem := range now {
		switch {
		case slices.Contains(p.said, problem):
		case problem.Table != entitlements.TableName{} && problem.Warning:
			p.log.Error().Str("table", problem.Table.String()).Str("problem", problem.String()).
				Msg("a table cannot be read, and is closed")
		case problem.Table != entitlements.TableName{}:
			p.log.Error().
				Str("policy", problem.Policy).
				Str("table", problem.Table.String()).
				Str("problem", problem.String()).
				Msg("a policy does not fit the database, and closes the table")
		case problem.Warning:
			p.log.Warn().
				Str("policy", problem.Policy).
				Str("problem", problem.String()).
				Msg("the database has changed under the policies")
		default:
			p.log.Error().
				Str("policy", problem.Policy).
				Str("problem", problem.String()).
				Msg("a policy does not fit the database any more")
		}
	}
	for _, problem := range p.said {
		if !slices.Contains(now, problem) {
			p.log.Info().Str("problem", problem.String()).Msg("the policies fit the database again")
		}
	}
	p.said = now
}

// Last is what was compiled last; nil: nothing was yet, or it did not fit.
func (p *Platform) Last() *requests.Compiled {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.compiled
}

// Troubles are what came with a change of the database and lasts, as of the last look at the catalog.
func (p *Platform) Troubles() []entitlements.Problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.began {
		return nil
	}
	return p.fresh()
}

// Warnings are what may not be meant as it is written in tags and policies, though the platform works with it.
func (p *Platform) Warnings() []entitlements.Problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.problems)
}
