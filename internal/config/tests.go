package config

import (
	"maps"
	"slices"
	"strings"

	"deputy/identity"
	"deputy/internal/mistake"
)

// checkTests refuses tests of somebody who could never call. Whether their tables are there, only the databases know.
func (c *Config) checkTests(k *checker) {
	registry, err := identity.NewRegistry(c.Agents)
	if err != nil {
		return // which is said elsewhere, and first
	}
	for i, t := range c.Tests {
		if _, err := t.Who.Principal(registry.Agents(), c.Identity.Users); err != nil {
			k.say(mistake.At("tests", i), "%v", err)
		}
		if _, defined := c.Purposes[t.Who.Purpose]; t.Who.Purpose != "" && !defined {
			k.say(
				mistake.At("tests", i),
				"there is no purpose %s: name it below purposes%s",
				t.Who.Purpose,
				mistake.Hint(t.Who.Purpose, slices.Collect(maps.Keys(c.Purposes))),
			)
		}
		if _, there := c.Platforms[t.Who.Platform]; t.Who.Platform != "" && !there {
			k.say(
				mistake.At("tests", i),
				"there is no platform %s (known: %s)",
				t.Who.Platform,
				strings.Join(slices.Sorted(maps.Keys(c.Platforms)), ", "),
			)
		}
	}
}
