package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"deputy/internal/mistake"
)

// wrongTests are tests of a caller that could never call. Whether their tables are there, only the databases know.
func (c *Config) wrongTests() (out []Problem) {
	if c.registry == nil {
		return nil // which is said elsewhere, and first
	}
	say := func(i int, format string, args ...any) {
		out = append(out, Problem{Key: mistake.At("tests", i), Message: fmt.Sprintf(format, args...)})
	}
	for i, t := range c.Tests {
		if _, err := t.Who.Principal(c.registry.Agents(), c.Identity.Users); err != nil {
			say(i, "%v", err)
		}
		if _, defined := c.Purposes[t.Who.Purpose]; t.Who.Purpose != "" && !defined {
			say(i,
				"there is no purpose %s: name it below purposes%s",
				t.Who.Purpose,
				mistake.Hint(t.Who.Purpose, slices.Collect(maps.Keys(c.Purposes))),
			)
		}
		if _, there := c.Platforms[t.Who.Platform]; t.Who.Platform != "" && !there {
			say(i,
				"there is no platform %s (known: %s)",
				t.Who.Platform,
				strings.Join(slices.Sorted(maps.Keys(c.Platforms)), ", "),
			)
		}
	}
	return out
}
