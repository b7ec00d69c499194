package config

import (
	"errors"
	"maps"
	"slices"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/identity/oidc"
)

// checkElsewhere says what the packages find that the sections belong to. They repeat values in what they say, and so
// know nothing but the file: where the same is wrong with it as it is written, that is said, and otherwise the
// variables are to blame.
func (c *Config) checkElsewhere(k *checker, asWritten *Config) {
	written := asWritten.elsewhere()
	for _, found := range c.elsewhere() {
		i := slices.Index(written, found)
		if i < 0 {
			i = slices.IndexFunc(written, func(w Problem) bool { return w.Key == found.Key })
		}
		if i < 0 {
			k.say(found.Key, "%s", variablesDoNotFit)
			continue
		}
		k.say(found.Key, "%s", written[i].Message)
	}
}

// elsewhere is all that can be found without a database and without an issuer.
func (c *Config) elsewhere() (all []Problem) {
	registry, agents := identity.NewRegistry(c.Agents)
	found := []error{agents, oidc.Check(c.Identity, c.Server.PublicURL+"/mcp")}
	if registry != nil {
		found = append(found, registry.Fits(c.Identity))
	}
	for _, err := range found {
		var wrong *identity.ConfigError
		if errors.As(err, &wrong) {
			for _, p := range wrong.Problems {
				all = append(all, Problem{Key: p.Key, Message: p.Message})
			}
		}
	}
	policies := requests.Check(requests.Config{
		Rules: c.Requests.Rules,
		Config: entitlements.Config{
			Tags:     c.Tags,
			Policies: c.Policies,
			Purposes: slices.Sorted(maps.Keys(c.Purposes)),
		},
	})
	for _, name := range slices.Sorted(maps.Keys(c.Platforms)) {
		policies = append(
			policies,
			entitlements.Check(entitlements.Config{Platform: name, Discoverable: c.Platforms[name].Discoverable})...)
	}
	for _, p := range policies {
		if !p.Warning {
			all = append(all, Problem{Key: p.Key, Message: p.Message})
		}
	}
	return all
}
