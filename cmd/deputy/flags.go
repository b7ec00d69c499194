package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"deputy/internal/admin"
	"deputy/internal/config"
)

// flagText, flagIs and flagList are the values of flags that a command has.
func flagText(c *cobra.Command, name string) string {
	value, _ := c.Flags().GetString(name)
	return value
}

func flagIs(c *cobra.Command, name string) bool {
	value, _ := c.Flags().GetBool(name)
	return value
}

func flagList(c *cobra.Command, name string) []string {
	value, _ := c.Flags().GetStringSlice(name)
	return value
}

// printAnswer prints JSON with --json, and otherwise what text prints.
func printAnswer(c *cobra.Command, value any, text func(io.Writer) error) error {
	if flagIs(c, "json") {
		return json.NewEncoder(c.OutOrStdout()).Encode(value)
	}
	return text(c.OutOrStdout())
}

// family makes a command of one that only has others below it, and says which when it is run without.
func family(c *cobra.Command, todo string, below ...*cobra.Command) *cobra.Command {
	c.Args = exactly(0)
	c.RunE = func(*cobra.Command, []string) error { return admin.Usagef("say what to do: %s", todo) }
	c.AddCommand(below...)
	return c
}

// noCommand is about what stands where a command should and is none.
func noCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command %q", args[0])
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += ": did you mean " + strings.Join(near, " or ") + "?"
	}
	return admin.Usagef("%s (see deputy --help)", text)
}

// exactly is cobra's ExactArgs with the exit code of a wrong command line.
func exactly(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return admin.Usagef("%s takes %d arguments, not %d: see %[1]s --help", c.CommandPath(), n, len(args))
		}
		return nil
	}
}

// atMost is cobra's MaximumNArgs with the exit code of a wrong command line.
func atMost(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > n {
			return admin.Usagef("%s takes at most %d argument, not %d: see %[1]s --help", c.CommandPath(), n, len(args))
		}
		return nil
	}
}

// configPath is where the configuration is: --config, $DEPUTY_CONFIG or deputy.yaml.
func configPath(c *cobra.Command) string {
	if path, _ := c.Flags().GetString("config"); path != "" {
		return path
	}
	if path := os.Getenv("DEPUTY_CONFIG"); path != "" {
		return path
	}
	return "deputy.yaml"
}

func loadConfig(c *cobra.Command) (*config.Config, error) {
	cfg, err := config.Load(configPath(c), os.LookupEnv)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: say where it is with --config or DEPUTY_CONFIG", err)
	}
	return cfg, err
}

// fromConfig completes with names that stand in the configuration, as far as it can be read.
func fromConfig(names func(*config.Config) []string) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		cfg, err := loadConfig(c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names(cfg), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeNames offers the names that stand in the configuration for those of its flags that a command has.
func completeNames(c *cobra.Command) {
	for flag, names := range map[string]func(*config.Config) []string{
		"agent":    agentNames,
		"user":     userNames,
		"purpose":  func(cfg *config.Config) []string { return slices.Sorted(maps.Keys(cfg.Purposes)) },
		"platform": func(cfg *config.Config) []string { return slices.Sorted(maps.Keys(cfg.Platforms)) },
	} {
		c.RegisterFlagCompletionFunc(flag, fromConfig(names))
	}
	c.ValidArgsFunction = cobra.NoFileCompletions // tables are in the database: a tab does not ask it
}

func agentNames(cfg *config.Config) (out []string) {
	for _, a := range cfg.Agents {
		out = append(out, a.Name)
	}
	return out
}

func userNames(cfg *config.Config) (out []string) {
	for _, u := range cfg.Identity.Users {
		out = append(out, u.ID)
	}
	return out
}
