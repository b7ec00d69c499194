package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"deputy/entitlements"
	"deputy/entitlements/selector"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/report"
	"deputy/vending"
)

func newCatalog() *cobra.Command {
	c := &cobra.Command{
		Use:   "catalog",
		Short: "Say what is new in the databases, and accept it",
		Long: `What a database has when a server first serves it is written into the catalog file by that server. Tables and columns that appear
later bear the tag New: a new column of a table with masked columns, and a new table where anything is masked, filtered or guarded, is
hidden from everybody until it is accepted. A policy with "guardrail: [tag:New]" closes new tables altogether; one with
"mask: [tag:New]" decides in place of what is built in.`,
		Example: "  deputy catalog new --config deputy.yaml\n  deputy catalog accept --config deputy.yaml",
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("say what to do: deputy catalog new, or deputy catalog accept")}
		},
	}
	list := &cobra.Command{
		Use:   "new",
		Short: "List tables and columns that nobody has accepted yet",
		Long: `Compares the databases with the catalog file and lists what bears the tag New. A column under another name is new. It is no
error when there is something.`,
		Example: "  deputy catalog new --config deputy.yaml\n  deputy catalog new --config deputy.yaml --platform shop --json",
		Args:    exactly(0),
		RunE:    listNew,
	}
	list.Flags().Bool("json", false, "as JSON: a list of what is new")
	accept := &cobra.Command{
		Use:   "accept",
		Short: "Accept the databases as they are now",
		Long: `Writes all tables and columns that are there into the catalog file, and lists what it adds and what it takes out because it is
gone. Run it when the policies say what should become of what is new, and keep the file under version control.`,
		Example: "  deputy catalog accept --config deputy.yaml\n  deputy catalog accept --config deputy.yaml --platform shop",
		Args:    exactly(0),
		RunE:    accept,
	}
	for _, sub := range []*cobra.Command{list, accept} {
		sub.Flags().String("platform", "", "`name` of one platform (default all)")
		completeNames(sub)
		c.AddCommand(sub)
	}
	return c
}

// change is one line of the answers.
type change struct {
	Platform string `json:"platform"`
	Name     string `json:"name"` // schema.table or schema.table.column
}

func listNew(c *cobra.Command, _ []string) error {
	cfg, catalogs, err := liveCatalogs(c)
	if err != nil {
		return err
	}
	found := []change{}
	for _, platform := range slices.Sorted(maps.Keys(catalogs)) {
		found = append(found, changes(platform, cfg.Accepted(platform), catalogs[platform])...)
	}
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(found)
	}
	printChanges(c.OutOrStdout(), "new", found)
	if len(found) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "Nothing is new.")
	}
	return nil
}

func accept(c *cobra.Command, _ []string) error {
	cfg, catalogs, err := liveCatalogs(c)
	if err != nil {
		return err
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
		return err
	}
	for _, platform := range slices.Sorted(maps.Keys(catalogs)) {
		before := cfg.Accepted(platform)
		printChanges(c.OutOrStdout(), "accepted", changes(platform, before, catalogs[platform]))
		printChanges(c.OutOrStdout(), "gone", gone(platform, before, baseline[platform]))
	}
	fmt.Fprintf(c.OutOrStdout(), "Everything that is there now stands in %s.\n", cfg.Catalog.File)
	return nil
}

func changes(platform string, accepted entitlements.Accepted, catalog *entitlements.Catalog) (out []change) {
	tables, columns := accepted.News(catalog)
	for _, t := range tables {
		out = append(out, change{platform, selector.Join(t.Schema, t.Name)})
	}
	for _, c := range columns {
		out = append(out, change{platform, selector.Join(c.Schema, c.Name, c.Column)})
	}
	slices.SortFunc(out, func(a, b change) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// gone is what was accepted and is not there any more: what would be new if it were the other way round.
func gone(platform string, before, now entitlements.Accepted) []change {
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

func printChanges(out io.Writer, what string, list []change) {
	for _, c := range list {
		fmt.Fprintf(out, "%s  %s  %s\n", what, c.Platform, report.Printable(c.Name))
	}
}

// liveCatalogs asks the platforms, or the one that is named, for what they have now.
func liveCatalogs(c *cobra.Command) (*config.Config, map[string]*entitlements.Catalog, error) {
	cfg, err := loadConfig(c)
	if err != nil {
		return nil, nil, err
	}
	chosen, err := chosenPlatforms(c, cfg)
	if err != nil {
		return nil, nil, err
	}
	engines, err := assembly.Engines(chosen)
	if err != nil {
		return nil, nil, err
	}
	defer closeEngines(engines)
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	catalogs, err := assembly.Catalogs(ctx, engines)
	return cfg, catalogs, err
}

// chosenPlatforms is the configuration with no platform but the one that --platform names, if it names one.
func chosenPlatforms(c *cobra.Command, cfg *config.Config) (*config.Config, error) {
	name, _ := c.Flags().GetString("platform")
	if name == "" {
		return cfg, nil
	}
	p, ok := cfg.Platforms[name]
	if !ok {
		return nil, &usageError{
			fmt.Errorf("there is no platform %q: one of %v", name, slices.Sorted(maps.Keys(cfg.Platforms))),
		}
	}
	only := *cfg
	only.Platforms = map[string]config.Platform{name: p}
	return &only, nil
}

func closeEngines(engines map[string]vending.Engine) {
	for _, e := range engines {
		e.Close()
	}
}
