// Package diff says who gains and who loses what between two configurations.
package diff

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"deputy/entitlements"
	"deputy/entitlements/review"
	"deputy/internal/admin"
	"deputy/internal/config"
)

// File is a configuration and the path that it was read from.
type File struct {
	Path string
	*config.Config
}

// Result is what changes.
type Result struct {
	// NotGoverned are the platforms and schemas that only the old configuration has: whatever was open there is
	// closed, and cannot be listed.
	NotGoverned []string
	Changes     []review.Change
}

// Gains reports whether the new configuration gives anything to anybody.
func (r Result) Gains() bool {
	return slices.ContainsFunc(r.Changes, func(c review.Change) bool { return c.Gain })
}

// Compare decides with the policies of both files on the tables that are there now. The platforms are the new one's.
// The result says what is not governed any more even when the old policies do not fit the tables of now.
func Compare(ctx context.Context, old, new File) (r Result, err error) {
	site, err := admin.Open(new.Config)
	if err != nil {
		return r, err
	}
	defer site.Close()
	after, err := side(ctx, new, site)
	if err != nil {
		return r, err
	}
	r.NotGoverned = noLongerGoverned(old.Config, new.Config)
	there := File{old.Path, onPlatformsOf(old.Config, new.Config)}
	before, err := side(ctx, there, &admin.Site{Config: there.Config, Engines: site.Engines})
	if err != nil {
		return r, fmt.Errorf("what %s decides on the tables of now cannot be told: %w", old.Path, err)
	}
	for name := range before.Platforms {
		before.Platforms[name] = before.Platforms[name].Within(governed(old.Platforms[name]))
	}
	r.Changes = review.Diff(before, after)
	return r, nil
}

// side is what a configuration decides with.
func side(ctx context.Context, f File, site *admin.Site) (s review.Side, err error) {
	s.Agents = f.Registry().Agents()
	for _, u := range f.Identity.Users {
		i, err := u.Identity()
		if err != nil {
			return s, fmt.Errorf("%s: %w", f.Path, err)
		}
		s.Users = append(s.Users, i)
	}
	if len(f.Platforms) > 0 {
		platforms, err := site.Compile(ctx)
		if err != nil {
			return s, err
		}
		s.Platforms = map[string]*entitlements.Entitlements{}
		for name, p := range platforms {
			s.Platforms[name] = p.Entitlements
		}
	}
	return s, nil
}

// onPlatformsOf is the old configuration in front of the new one's databases, as far as it has them.
func onPlatformsOf(old, new *config.Config) *config.Config {
	out := *old
	out.Platforms = map[string]config.Platform{}
	for name, p := range new.Platforms {
		if was, ok := old.Platforms[name]; ok {
			p.Discoverable = was.Discoverable
			out.Platforms[name] = p
		}
	}
	return &out
}

// governed are the schemas of a platform.
func governed(p config.Platform) []string {
	if p.Engine == config.SQLite {
		return []string{p.Schema}
	}
	return p.Schemas
}

// noLongerGoverned names the platforms and schemas that only the old configuration has.
func noLongerGoverned(old, new *config.Config) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(old.Platforms)) {
		p, ok := new.Platforms[name]
		if !ok {
			out = append(out, "platform "+name)
			continue
		}
		for _, schema := range governed(old.Platforms[name]) {
			if !slices.Contains(governed(p), schema) {
				out = append(out, fmt.Sprintf("schema %s of platform %s", schema, name))
			}
		}
	}
	return out
}
