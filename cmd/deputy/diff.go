package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"deputy/entitlements"
	"deputy/entitlements/review"
	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/report"
	"deputy/vending"
)

func newDiff() *cobra.Command {
	c := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "List who gains and who loses what between two configurations",
		Long: `Decides with the policies of both files on the tables that are there now, and lists what changes for whom: tables that open and
close, columns that are masked or not any more, rows. The platforms are NEW's; of OLD only policies, agents and users are used.

People are told apart as the policies do: members of groups, holders of attributes and what these are together, users that either
file names, and anybody. What a change gives to somebody it gives to those who are in more groups as well, unless it is listed.`,
		Example: `  deputy diff deputy.yaml proposed.yaml
  git show HEAD:deputy.yaml > /tmp/old.yaml && deputy diff --exit-code /tmp/old.yaml deputy.yaml`,
		Args: exactly(2),
		RunE: diff,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	c.Flags().Bool("json", false, "as JSON: a list of changes")
	c.Flags().Bool("exit-code", false, "exit with 1 when somebody gains something, for a pipeline to stop at")
	return c
}

var errGains = errors.New("somebody gains something")

func diff(c *cobra.Command, args []string) error {
	var configs [2]*config.Config
	for i, path := range args {
		var err error
		if configs[i], err = config.Load(path, os.LookupEnv); err != nil {
			return err
		}
	}
	old, new := configs[0], configs[1]
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	engines, err := assembly.Engines(new)
	if err != nil {
		return err
	}
	for _, e := range engines {
		defer e.Close()
	}
	after, err := side(ctx, args[1], new, engines)
	if err != nil {
		return err
	}
	for _, gone := range noLongerGoverned(old, new) {
		fmt.Fprintf(
			c.ErrOrStderr(),
			"%s is not in %s: whatever was open there is closed, and cannot be listed\n",
			gone,
			args[1],
		)
	}
	before, err := side(ctx, args[0], onPlatformsOf(old, new), engines)
	if err != nil {
		return fmt.Errorf("what %s decides on the tables of now cannot be told: %w", args[0], err)
	}
	for name := range before.Platforms {
		before.Platforms[name] = before.Platforms[name].Within(governed(old.Platforms[name]))
	}
	changes := review.Diff(before, after)
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		err = json.NewEncoder(c.OutOrStdout()).Encode(changes)
	} else {
		err = report.Changes(c.OutOrStdout(), changes)
	}
	stop, _ := c.Flags().GetBool("exit-code")
	if err == nil && stop && slices.ContainsFunc(changes, func(c review.Change) bool { return c.Gain }) {
		return errGains
	}
	return err
}

// side is what a configuration decides with.
func side(
	ctx context.Context,
	path string,
	cfg *config.Config,
	engines map[string]vending.Engine,
) (s review.Side, err error) {
	registry, err := identity.NewRegistry(cfg.Agents)
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	s.Agents = registry.Agents()
	for _, u := range cfg.Identity.Users {
		i, err := u.Identity()
		if err != nil {
			return s, fmt.Errorf("%s: %w", path, err)
		}
		s.Users = append(s.Users, i)
	}
	if len(cfg.Platforms) > 0 {
		platforms, err := compiled(ctx, cfg, engines)
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
