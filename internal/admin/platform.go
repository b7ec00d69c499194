package admin

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"deputy/internal/config"
	"deputy/internal/mistake"
)

// Only is the configuration with no platform but the named one; without a name, with all.
func Only(c *config.Config, name string) (*config.Config, error) {
	if name == "" {
		return c, nil
	}
	p, ok := c.Platforms[name]
	if !ok {
		return nil, Usagef("there is no platform %q: one of %v", name, slices.Sorted(maps.Keys(c.Platforms)))
	}
	only := *c
	only.Platforms = map[string]config.Platform{name: p}
	return &only, nil
}

// OnlyOf is Only for what has been made of every platform already, because the others count, too.
func OnlyOf[T any](platforms map[string]T, name string) (map[string]T, error) {
	if name == "" {
		return platforms, nil
	}
	p, ok := platforms[name]
	if !ok {
		names := slices.Sorted(maps.Keys(platforms))
		return nil, fmt.Errorf("there is no platform %s%s", name,
			cmp.Or(Near(name, names), ": there is "+strings.Join(names, ", ")))
	}
	return map[string]T{name: p}, nil
}

// PostgresPlatform is the named platform on PostgreSQL; without a name, the only one there is.
func PostgresPlatform(c *config.Config, name string) (config.Platform, error) {
	var names []string
	for _, n := range slices.Sorted(maps.Keys(c.Platforms)) {
		if c.Platforms[n].Engine == config.Postgres {
			names = append(names, n)
		}
	}
	switch {
	case name == "" && len(names) == 1:
		return c.Platforms[names[0]], nil
	case slices.Contains(names, name):
		return c.Platforms[name], nil
	case len(names) == 0:
		return config.Platform{}, errors.New("the configuration has no platform with engine: postgres")
	}
	return config.Platform{}, Usagef("say which platform with --platform: one of %v", names)
}

// Near hints at what was probably meant by a word; empty: nothing known is like it.
func Near(word string, known []string) string {
	if meant := mistake.Nearest(word, known); meant != "" {
		return fmt.Sprintf(": did you mean %s?", meant)
	}
	return ""
}

// Place is where something stands in a file; line 0: nowhere in particular.
func Place(path string, line int) string {
	if line == 0 {
		return path
	}
	return fmt.Sprintf("%s:%d", path, line)
}
