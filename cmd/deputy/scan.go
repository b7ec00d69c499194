package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/admin/scan"
	"deputy/internal/assembly"
	"deputy/tools"
)

func newScan() *cobra.Command {
	c := &cobra.Command{
		Use:   "scan [TABLE…]",
		Short: "Propose tags for columns that look personal or secret",
		Long: `Looks at names, types and a sample of the values of all tables, or of those that are named, and prints what to paste below
tags: in the configuration, each with its reasons. Values stay in the database: it counts how many look like an e-mail address, a
phone number, an IBAN with the right check digits and the like, and only the counts come out. Every table that is looked at
is on the record as a scan. A proposal is no finding: somebody has to look at what is not proposed, too.`,
		Example: "  deputy scan --config deputy.yaml\n  deputy scan --config deputy.yaml --platform shop sales.customers\n  deputy scan --config deputy.yaml --json",
		Args:    cobra.ArbitraryArgs,
		RunE:    scanTables,
	}
	c.Flags().String("platform", "", "`name` of one platform (default all)")
	c.Flags().Int("sample", 10_000, "look at so many `rows` of each table at most")
	c.Flags().Bool("json", false, "as JSON: a list of columns")
	completeNames(c)
	return c
}

// operator is who scans: whoever can read the configuration with its keys. No agent can be registered under that name.
var operator = tools.Call{Client: "deputy-cli", Principal: identity.Principal{
	Agent: identity.Agent{
		Identity: identity.Identity{Kind: identity.KindAgent, ID: "deputy:cli"},
		Modes:    []identity.Mode{identity.Autonomous},
	},
}}

// scanned is one column in the answer.
type scanned struct {
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

func scanTables(c *cobra.Command, args []string) error {
	sample, _ := c.Flags().GetInt("sample")
	if sample < 1 {
		return &usageError{fmt.Errorf("--sample: at least one row has to be looked at")}
	}
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	if cfg, err = chosenPlatforms(c, cfg); err != nil {
		return err
	}
	d, err := assembly.ForOperator(c.Context(), cfg, newLog(c.ErrOrStderr(), "error"))
	if err != nil {
		return assembly.InFile(cfg, err)
	}
	defer d.Close()
	catalogs, err := assembly.Catalogs(c.Context(), d.Engines)
	if err != nil {
		return err
	}
	chosen, all, err := chosenTables(catalogs, args)
	if err != nil {
		return err
	}
	found := map[string][]scan.Finding{}
	bar := newProgress(c.ErrOrStderr(), all)
	defer bar.end()
	for _, platform := range slices.Sorted(maps.Keys(chosen)) {
		for _, t := range chosen[platform] {
			bar.step(t.String())
			findings, err := scanTable(c, d, platform, t, sample)
			if err != nil {
				return fmt.Errorf("platform %s, table %s: %w", platform, t, err)
			}
			found[platform] = append(found[platform], findings...)
		}
	}
	bar.end()
	return printFound(c, found)
}

func scanTable(
	c *cobra.Command,
	d *assembly.Deputy,
	platform string,
	t entitlements.Table,
	sample int,
) (out []scan.Finding, err error) {
	policies, err := d.Tools.Entitlements(c.Context(), platform)
	if err != nil {
		return nil, err
	}
	profile, err := d.Tools.Profile(c.Context(), operator, platform, t.TableName, sample)
	if err != nil {
		return nil, err
	}
	for _, column := range profile.Columns {
		ofTable, ofColumn := policies.Tags(entitlements.ColumnName{TableName: t.TableName, Column: column.Name})
		out = append(out, scan.Propose(t.TableName, column, ofTable, ofColumn))
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
		return nil, 0, &usageError{fmt.Errorf("there is no table %q", missing)}
	}
	return chosen, all, nil
}

func printFound(c *cobra.Command, found map[string][]scan.Finding) error {
	list := []scanned{}
	for _, platform := range slices.Sorted(maps.Keys(found)) {
		for _, f := range found[platform] {
			list = append(
				list,
				scanned{platform, f.Column.String(), f.Type, f.Tag, f.Doubtful, f.Tagged, f.Reasons, f.Values, f.Hits},
			)
		}
	}
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(list)
	}
	var all []scan.Finding
	for _, platform := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[platform]...)
	}
	fmt.Fprint(c.OutOrStdout(), scan.YAML(all))
	return nil
}
