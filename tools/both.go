package tools

import (
	"context"
	"maps"
	"slices"

	"deputy/entitlements/requests"
	"deputy/tools/platforms"
	"deputy/tools/queries"
	"deputy/tools/turns"
)

// waiting is a configuration of which some part is not in force yet, as far as decisions need it. It asks no platform:
// its policies are compiled over the catalogs that the one in force has seen last.
type waiting struct {
	version   string
	platforms map[string]*waitingPlatform // those that both configurations have
}

// waitingPlatform is what the waiting configuration decides on a platform.
type waitingPlatform struct {
	platforms.Waiting
	turns *turns.Turns // as many as that configuration allows
}

// Both answers calls by the configuration in force and by one that waits, and gives only what both give. It shares
// platforms and limits with t, which goes on. Of the waiting configuration no engine, audit log or clock is used, and
// Requests only says whether that configuration lets approvals count where these are kept.
func (t *Tools) Both(c Config) *Tools {
	out := *t
	out.platforms, out.waiting = nil, &waiting{version: c.Version, platforms: map[string]*waitingPlatform{}}
	for _, p := range t.platforms {
		i := slices.IndexFunc(c.Platforms, func(w platforms.Config) bool { return w.Name == p.Name })
		if i < 0 {
			continue
		}
		out.platforms = append(out.platforms, p)
		out.waiting.platforms[p.Name] = &waitingPlatform{
			Waiting: platforms.Waiting{Config: c.Platforms[i], Purposes: slices.Sorted(maps.Keys(c.Purposes))},
			turns: turns.New(
				min(t.config.Limits.Concurrency, c.Limits.Concurrency),
				min(t.config.Limits.share(), c.Limits.share()),
			),
		}
	}
	l := &out.config.Limits
	l.MaxRows, l.MaxBytes = min(l.MaxRows, c.Limits.MaxRows), min(l.MaxBytes, c.Limits.MaxBytes)
	l.Answer = min(l.answer(), c.Limits.answer())
	l.LockTimeout = min(l.LockTimeout, c.Limits.LockTimeout)
	l.Timeout, l.Concurrency = min(l.Timeout, c.Limits.Timeout), min(l.Concurrency, c.Limits.Concurrency)
	out.config.Purposes = maps.Clone(t.config.Purposes)
	maps.DeleteFunc(out.config.Purposes, func(name, _ string) bool { _, known := c.Purposes[name]; return !known })
	out.config.Statements = t.config.Statements.Stricter(c.Statements)
	out.config.Queries = queries.Common(t.config.Queries, c.Queries)
	out.config.Pending, out.config.Again = min(t.config.Pending, c.Pending), max(t.config.Again, c.Again)
	if c.Requests == nil {
		out.config.Requests = nil
	}
	out.config.waitingAgents = c.Agents
	return &out
}

// decisions are what is decided with on a platform, for the catalog as it is now.
func (t *Tools) decisions(ctx context.Context, p *platform) (requests.Both, error) {
	inForce, err := p.Entitlements(ctx)
	switch {
	case err != nil:
		return requests.Both{}, err
	case t.waiting == nil:
		return requests.NewBoth(inForce, nil), nil
	}
	w, err := t.waiting.entitlements(p)
	if err != nil {
		return requests.Both{}, err
	}
	return requests.NewBoth(inForce, w), nil
}

func (w *waiting) entitlements(p *platform) (*requests.Compiled, error) {
	own := w.platforms[p.Name]
	if own.Elsewhere {
		return nil, &Error{Code: Unavailable, Message: "this platform is being moved: try again later"}
	}
	return own.Waiting.Entitlements(p.Platform, func(other string) bool {
		o := w.platforms[other]
		return o != nil && !o.Elsewhere
	})
}

// waitingVersion is the version of the configuration that decides beside the one in force; empty: there is none.
func (t *Tools) waitingVersion() string {
	if t.waiting == nil {
		return ""
	}
	return t.waiting.version
}
