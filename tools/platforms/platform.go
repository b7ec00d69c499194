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

	// What follows is of a configuration that waits: see Both.

	Schemas []string // that it governs of what the one in force does; nil: all
	// it has another database there, or reaches it in another way, so that there is nothing that both give
	Elsewhere bool
}

// Platform keeps the policies compiled for the catalog as it is now.
type Platform struct {
	Config
	purposes []string // that policies may ask for

	others []*Platform
	log    zerolog.Logger

	mu       sync.Mutex
	catalog  *entitlements.Catalog // as last seen
	compiled *requests.Compiled
	problems []entitlements.Problem
	fitted   bool                   // the policies fitted the catalog when Deputy started
	written  []entitlements.Problem // warnings that were there then: they are about the file, and check says them
	said     []entitlements.Problem // that the log has
}

// Open asks each platform for its catalog and compiles the policies for it. Where they do not fit, or the engine does
// not understand them, the error is a *PolicyError.
func Open(ctx context.Context, configs []Config, purposes []string, log zerolog.Logger) ([]*Platform, error) {
	if len(configs) == 0 {
		return nil, errors.New("no platform is configured")
	}
	var all []*Platform
	for _, c := range configs {
		all = append(all, &Platform{Config: c, purposes: purposes, log: log.With().Str("platform", c.Name).Logger()})
	}
	for _, p := range all {
		p.others = slices.DeleteFunc(slices.Clone(all), func(other *Platform) bool { return other == p })
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.catalog == nil || p.catalog.Version != catalog.Version {
		p.catalog, p.compiled, p.problems = catalog, nil, nil
	}
	if p.Accepted == nil && p.AcceptAll {
		p.Accepted = entitlements.Accept(catalog)
	}
	return nil
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

// About are the tables whose names stand in a text, whoever may know of them.
func (p *Platform) About(sql string) (tables []string) {
	catalog := p.Catalog()
	if catalog == nil {
		return nil
	}
	dialect := p.Engine.Dialect()
	names := dialect.Names(sql)
	for _, t := range catalog.Tables {
		if names[dialect.Fold(t.Name)] {
			tables = append(tables, t.TableName.String())
		}
	}
	return tables
}

// Entitlements are the policies compiled for the catalog as it is now. A policy that has lost what it was about closes
// the table that it was on: with a mask's column gone under another name, going on would show values that were masked
// before.
func (p *Platform) Entitlements(ctx context.Context) (*requests.Compiled, error) {
	if err := p.look(ctx); err != nil {
		return nil, err
	}
	var others []*entitlements.Catalog
	for _, other := range p.others {
		if c := other.Catalog(); c != nil {
			others = append(others, c)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.compiled == nil && p.problems == nil {
		p.compiled, p.problems = p.compile(p.catalog, others, p.purposes, p.fitted)
		if !p.fitted && p.compiled != nil {
			p.fitted, p.written = true, p.problems
		}
		p.say()
	}
	if p.compiled == nil {
		return nil, &PolicyError{p.problems}
	}
	return p.compiled, nil
}

// compile holds the policies against a catalog. running: they did fit it once, see entitlements.Config.
func (c Config) compile(
	catalog *entitlements.Catalog,
	others []*entitlements.Catalog,
	purposes []string,
	running bool,
) (*requests.Compiled, []entitlements.Problem) {
	return requests.Compile(requests.Config{Rules: c.Rules, Config: entitlements.Config{
		Platform: c.Name, Policies: c.Policies, Tags: c.Tags, Discoverable: c.Discoverable, Accepted: c.Accepted,
		Catalog: catalog, Others: others, Purposes: purposes, Running: running, Inherit: c.Inherit,
	}})
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
	if !p.fitted {
		return // what the start is refused for is said by the start
	}
	now := p.fresh()
	for _, problem := range now {
		switch {
		case slices.Contains(p.said, problem):
		case problem.Table != entitlements.TableName{}:
			p.log.Error().Str("policy", problem.Policy).Str("table", problem.Table.String()).Str("problem", problem.String()).
				Msg("a policy does not fit the database any more, and closes the table")
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
	if !p.fitted {
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
