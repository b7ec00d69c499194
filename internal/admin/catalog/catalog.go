// Package catalog says what is new in the databases, and accepts it.
package catalog

import (
	"context"
	"maps"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/entitlements/selector"
	"deputy/internal/admin"
	"deputy/internal/config"
)

// Change is one table or column.
type Change struct {
	Platform string `json:"platform"`
	Name     string `json:"name"` // schema.table or schema.table.column
}

// Accepted is what was taken into the catalog file, and what was taken out because it is gone.
type Accepted struct{ Added, Gone []Change }

// News lists what the named platform, or each, has and no administrator has accepted.
func News(ctx context.Context, cfg *config.Config, platform string) ([]Change, error) {
	catalogs, err := now(ctx, cfg, platform)
	if err != nil {
		return nil, err
	}
	found := []Change{}
	for _, platform := range slices.Sorted(maps.Keys(catalogs)) {
		found = append(found, changes(platform, cfg.Accepted(platform), catalogs[platform])...)
	}
	return found, nil
}

// Accept writes what the named platform, or each, has now into the catalog file. What it says of other platforms of
// the configuration stays. Each platform's changes stand on their own, in the order of their names.
func Accept(ctx context.Context, cfg *config.Config, platform string) ([]Accepted, error) {
	catalogs, err := now(ctx, cfg, platform)
	if err != nil {
		return nil, err
	}
	baseline := config.Baseline{}
	for platform, accepted := range cfg.Baseline() {
		if _, configured := cfg.Platforms[platform]; configured {
			baseline[platform] = accepted
		}
	}
	for platform, catalog := range catalogs {
		baseline[platform] = entitlements.Accept(catalog)
	}
	if err := baseline.Write(cfg.Catalog.File); err != nil {
		return nil, err
	}
	var out []Accepted
	for _, platform := range slices.Sorted(maps.Keys(catalogs)) {
		before := cfg.Accepted(platform)
		out = append(out, Accepted{changes(platform, before, catalogs[platform]),
			gone(platform, before, baseline[platform])})
	}
	return out, nil
}

// now asks the named platform, or each, for what it has.
func now(ctx context.Context, cfg *config.Config, platform string) (map[string]*entitlements.Catalog, error) {
	chosen, err := admin.Only(cfg, platform)
	if err != nil {
		return nil, err
	}
	site, err := admin.Open(chosen)
	if err != nil {
		return nil, err
	}
	defer site.Close()
	return site.Catalogs(ctx)
}

func changes(platform string, accepted entitlements.Accepted, catalog *entitlements.Catalog) (out []Change) {
	tables, columns := accepted.News(catalog)
	for _, t := range tables {
		out = append(out, Change{platform, selector.Join(t.Schema, t.Name)})
	}
	for _, c := range columns {
		out = append(out, Change{platform, selector.Join(c.Schema, c.Name, c.Column)})
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// gone is what was accepted and is not there any more: what would be new if it were the other way round.
func gone(platform string, before, now entitlements.Accepted) []Change {
	was := &entitlements.Catalog{}
	for name, table := range before {
		t := entitlements.Table{TableName: name}
		for _, column := range table.Columns {
			t.Columns = append(t.Columns, entitlements.Column{Name: column.Name})
		}
		was.Tables = append(was.Tables, t)
	}
	return changes(platform, now, was)
}
