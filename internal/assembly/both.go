package assembly

import (
	"reflect"
	"slices"

	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/config"
	"deputy/mcp"
	"deputy/mcp/limit"
)

// both is a generation that decides by the one in force and by a newer configuration of which some part is not in force
// yet, and gives only what both give. It runs on the parts of the one in force, and asks no platform and no issuer for
// the other's sake.
func (g *generation) both(c *config.Config) (*generation, error) {
	registry := c.Registry()
	d := *g.Deputy
	out := &generation{Deputy: &d, engines: g.engines, waiting: c}
	// The server's own name cannot change while it runs, so tokens go on being made out to the one that it has.
	var err error
	options := oidc.Options{Audience: d.audience(), Proofs: d.Proofs, Stops: d.Stops, Now: d.now}
	if out.waitingCallers, err = d.Authenticator.Beside(c.Identity, registry, options); err != nil {
		return nil, err
	}
	made := ToolsConfig(c, nil, d.Audit, d.Log)
	made.Agents = registry.Agents()
	if len(c.Requests.Rules) > 0 && c.Requests.State == d.Config.Requests.State {
		made.Requests = d.requests()
	}
	for i := range made.Platforms {
		p := &made.Platforms[i]
		was, there := d.Config.Platforms[p.Name]
		p.Schemas, p.Elsewhere = c.Platforms[p.Name].Schemas, !there || elsewhere(was, c.Platforms[p.Name])
	}
	d.Tools = d.Tools.Both(made)
	return out, nil
}

// elsewhere reports whether the new section of a platform says anything else than which part of the same database is
// governed: what is there, or is shown by another key, is not what both give.
func elsewhere(was, is config.Platform) bool {
	for _, f := range was.Functions {
		if !slices.Contains(is.Functions, f) {
			return true
		}
	}
	for _, p := range []*config.Platform{&was, &is} {
		p.Description, p.Discoverable, p.Schemas, p.Functions = "", nil, nil, nil
	}
	return !reflect.DeepEqual(was, is)
}

// Tools implements mcp.Generation.
func (g *generation) Tools() mcp.Tools { return g.Deputy.Tools }

// Authenticator implements mcp.Generation.
func (g *generation) Authenticator() mcp.Authenticator { return g.callers() }

// callers accept who may call.
func (g *generation) callers() identity.Both {
	return g.Deputy.Authenticator.Both(g.waitingCallers)
}

// limits are the lower of both.
func (g *generation) limits() limit.Limits {
	l := Limits(g.Config.Limits)
	if g.waiting == nil {
		return l
	}
	w := Limits(g.waiting.Limits)
	return limit.Limits{
		Calls:            min(l.Calls, w.Calls),
		CallerCalls:      min(l.CallerCalls, w.CallerCalls),
		CallerPerMinute:  min(l.CallerPerMinute, w.CallerPerMinute),
		AddressPerMinute: min(l.AddressPerMinute, w.AddressPerMinute),
		AddressUnproved:  min(l.AddressUnproved, w.AddressUnproved),
	}
}
