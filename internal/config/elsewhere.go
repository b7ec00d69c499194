package config

import (
	"errors"
	"maps"
	"slices"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/identity/oidc"
	"deputy/internal/config/form"
)

// variablesDoNotFit is said where what is wrong cannot be shown, since it depends on what variables hold.
const variablesDoNotFit = "what the variables in it hold does not fit here"

// checkElsewhere says what the packages find that the sections belong to. They repeat values in what they say, and so
// know nothing but the file: where the same is wrong with it as it is written, that is said, and otherwise the
// variables are to blame.
func (c *Config) checkElsewhere(k *form.Document) {
	found := c.elsewhere()
	if len(found) == 0 {
		return
	}
	sayable, asWritten := found, &Config{}
	if k.DecodeAsWritten(asWritten) {
		sayable = asWritten.elsewhere()
	}
	for _, f := range found {
		i := slices.Index(sayable, f)
		if i < 0 {
			i = slices.IndexFunc(sayable, func(s Problem) bool { return s.Key == f.Key })
		}
		if i < 0 {
			k.Say(f.Key, variablesDoNotFit)
			continue
		}
		k.Say(f.Key, "%s", sayable[i].Message)
	}
}

// elsewhere is all that can be found without a database and without an issuer.
func (c *Config) elsewhere() (all []Problem) {
	found := []error{c.Register(c.Agents), oidc.Check(c.Identity, c.Server.PublicURL+"/mcp")}
	if c.registry != nil {
		found = append(found, c.registry.Fits(c.Identity))
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
	return append(all, c.wrongTests()...)
}
