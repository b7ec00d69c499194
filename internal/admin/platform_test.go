package admin_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"deputy/internal/admin"
	"deputy/internal/config"
)

func platforms(named map[string]string) *config.Config {
	c := &config.Config{Platforms: map[string]config.Platform{}}
	for name, engine := range named {
		c.Platforms[name] = config.Platform{Engine: engine, Description: name}
	}
	return c
}

var shops = platforms(map[string]string{"shop": config.Postgres, "files": config.SQLite, "hr": config.Postgres})

// Each command that takes --platform, and what it takes for which.
func TestPlatformIsChosen(t *testing.T) {
	only := func(name string) (string, error) {
		c, err := admin.Only(shops, name)
		if err != nil {
			return "", err
		}
		return strings.Join(slices.Sorted(maps.Keys(c.Platforms)), " "), nil
	}
	onlyOf := func(name string) (string, error) {
		all, err := admin.OnlyOf(shops.Platforms, name)
		return strings.Join(slices.Sorted(maps.Keys(all)), " "), err
	}
	postgres := func(c *config.Config) func(string) (string, error) {
		return func(name string) (string, error) {
			p, err := admin.PostgresPlatform(c, name)
			return p.Description, err
		}
	}
	one, none := platforms(map[string]string{"shop": config.Postgres, "files": config.SQLite}), platforms(nil)
	for _, tt := range []struct {
		choose           func(string) (string, error)
		name, want, says string
		usage            bool
	}{
		{only, "", "files hr shop", "", false},
		{only, "hr", "hr", "", false},
		{only, "shp", "", `there is no platform "shp": one of [files hr shop]`, true},
		{onlyOf, "", "files hr shop", "", false},
		{onlyOf, "hr", "hr", "", false},
		{onlyOf, "shp", "", "there is no platform shp: did you mean shop?", false},
		{onlyOf, "warehouse", "", "there is no platform warehouse: there is files, hr, shop", false},
		{postgres(shops), "hr", "hr", "", false},
		{postgres(shops), "", "", "say which platform with --platform: one of [hr shop]", true},
		{postgres(shops), "files", "", "say which platform with --platform: one of [hr shop]", true},
		{postgres(one), "", "shop", "", false},
		{postgres(one), "files", "", "say which platform with --platform: one of [shop]", true},
		{postgres(none), "", "", "the configuration has no platform with engine: postgres", false},
	} {
		got, err := tt.choose(tt.name)
		says, usage := "", false
		if err != nil {
			says, got = err.Error(), ""
			_, usage = errors.AsType[*admin.UsageError](err)
		}
		if got != tt.want || says != tt.says || usage != tt.usage {
			t.Errorf("%q: %q, and it says %q (usage: %v)", tt.name, got, says, usage)
		}
	}
	if len(shops.Platforms) != 3 {
		t.Error("choosing changes the configuration itself")
	}
}
