package scan

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rs/zerolog"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/admin"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/tools"
)

// operator is the administrator who scans. No agent can be registered under that name.
var operator = tools.Call{Client: "deputy-cli", Principal: identity.Principal{
	Agent: identity.Agent{
		Identity: identity.Identity{Kind: identity.KindAgent, ID: "deputy:cli"},
		Modes:    []identity.Mode{identity.Autonomous},
	},
}}

// Request is what is to be looked at.
type Request struct {
	Platform string   // empty: every platform
	Tables   []string // empty: every table
	Sample   int      // rows of each table, at most
}

// Column is what came of one column. Its JSON is for scripts: names in it stay.
type Column struct {
	Platform string         `json:"platform"`
	Column   string         `json:"column"`
	Type     string         `json:"type"`
	Tag      string         `json:"tag,omitempty"`
	Doubtful bool           `json:"doubtful,omitempty"`
	Tagged   []string       `json:"tagged,omitempty"`
	Reasons  []string       `json:"reasons,omitempty"`
	Values   int            `json:"values"`
	Hits     map[string]int `json:"hits"`
}

// Result is the findings by platform.
type Result map[string][]Finding

// All are the findings, platform by platform.
func (r Result) All() (all []Finding) {
	for _, platform := range slices.Sorted(maps.Keys(r)) {
		all = append(all, r[platform]...)
	}
	return all
}

// Columns are the findings, platform by platform, for scripts.
func (r Result) Columns() []Column {
	list := []Column{}
	for _, platform := range slices.Sorted(maps.Keys(r)) {
		for _, f := range r[platform] {
			list = append(list, Column{platform, f.Column.String(), f.Type, f.Tag, f.Doubtful, f.Tagged, f.Reasons,
				f.Values, f.Hits})
		}
	}
	return list
}

// ErrSample is the error of a sample without rows.
var ErrSample = admin.Usagef("--sample: at least one row has to be looked at")

// Run looks at the tables, on the record. begin is told how many they are, and step each before it is looked at.
func Run(ctx context.Context, cfg *config.Config, log zerolog.Logger, r Request, begin func(all int),
	step func(table string)) (Result, error) {
	cfg, err := admin.Only(cfg, r.Platform)
	if err != nil {
		return nil, err
	}
	d, err := assembly.ForOperator(ctx, cfg, log)
	if err != nil {
		return nil, assembly.InFile(cfg, err)
	}
	defer d.Close()
	catalogs, err := assembly.Catalogs(ctx, d.Engines)
	if err != nil {
		return nil, err
	}
	chosen, all, err := chosenTables(catalogs, r.Tables)
	if err != nil {
		return nil, err
	}
	found := Result{}
	begin(all)
	for _, platform := range slices.Sorted(maps.Keys(chosen)) {
		for _, t := range chosen[platform] {
			step(t.String())
			findings, err := look(ctx, d.Tools, platform, t, r.Sample)
			if err != nil {
				return nil, fmt.Errorf("platform %s, table %s: %w", platform, t, err)
			}
			found[platform] = append(found[platform], findings...)
		}
	}
	return found, nil
}

// look has the database count what the values of a table look like.
func look(ctx context.Context, t *tools.Tools, platform string, table entitlements.Table, sample int) (
	out []Finding, err error) {
	policies, err := t.Entitlements(ctx, platform)
	if err != nil {
		return nil, err
	}
	profile, err := t.Profile(ctx, operator, platform, table.TableName, sample)
	if err != nil {
		return nil, err
	}
	for _, column := range profile.Columns {
		ofTable, ofColumn := policies.Tags(entitlements.ColumnName{TableName: table.TableName, Column: column.Name})
		out = append(out, Propose(table.TableName, column, ofTable, ofColumn))
	}
	return out, nil
}

// chosenTables finds the named tables, or takes all, and counts them.
func chosenTables(
	catalogs map[string]*entitlements.Catalog,
	names []string,
) (chosen map[string][]entitlements.Table, all int, err error) {
	chosen, missing := map[string][]entitlements.Table{}, slices.Clone(names)
	for platform, catalog := range catalogs {
		for _, t := range catalog.Tables {
			here := func(name string) bool { return name == t.Name || name == t.String() }
			if len(names) > 0 && !slices.ContainsFunc(names, here) {
				continue
			}
			missing = slices.DeleteFunc(missing, here)
			chosen[platform] = append(chosen[platform], t)
			all++
		}
	}
	if len(missing) > 0 {
		return nil, 0, admin.Usagef("there is no table %q", missing)
	}
	return chosen, all, nil
}
