package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/mistake"
	"deputy/tools"
	"deputy/vending"
)

// compiled are the policies of a configuration for the tables that are in the platforms now, as serve would: by
// platform.
func compiled(
	ctx context.Context,
	cfg *config.Config,
	engines map[string]vending.Engine,
) (map[string]*requests.Compiled, error) {
	t, err := tools.New(ctx, assembly.ToolsConfig(cfg, engines, nobody{}, zerolog.Nop()))
	if err != nil {
		return nil, assembly.InFile(cfg, err)
	}
	out := map[string]*requests.Compiled{}
	for name := range cfg.Platforms {
		if out[name], err = t.Compiled(ctx, name); err != nil {
			return nil, assembly.InFile(cfg, err)
		}
	}
	return out, nil
}

// found is a table, or one of its columns, and the platform that has it.
type found struct {
	platform string
	entitlements.TableName
	column string
}

func (f found) String() string {
	name := f.TableName.String()
	if f.column != "" {
		name += "." + f.column
	}
	return f.platform + ": " + name
}

// findTable looks for [SCHEMA.]TABLE[.COLUMN] on the platforms. Whole names come first; one without a schema will do
// when it is the only one.
func findTable(platforms map[string]*requests.Compiled, name string) (found, error) {
	var whole, short []found
	var known []string
	for _, platform := range slices.Sorted(maps.Keys(platforms)) {
		for _, table := range platforms[platform].Tables() {
			columns := append([]string{""}, platforms[platform].Columns(table)...)
			for _, column := range columns {
				f := found{platform, table, column}
				full, bare := table.String(), table.Name
				if column != "" {
					full, bare = full+"."+column, bare+"."+column
				}
				known = append(known, full, bare)
				switch name {
				case full:
					whole = append(whole, f)
				case bare:
					short = append(short, f)
				}
			}
		}
	}
	if len(whole) == 0 {
		whole = short
	}
	switch len(whole) {
	case 1:
		return whole[0], nil
	case 0:
		return found{}, fmt.Errorf(
			"there is no table or column %s%s",
			name,
			cmp.Or(near(name, known), ": deputy explain without one lists all tables"),
		)
	}
	var names []string
	for _, f := range whole {
		names = append(names, f.String())
	}
	return found{}, fmt.Errorf(
		"%s could be any of %s: say the whole name, and --platform if needed",
		name,
		strings.Join(names, ", "),
	)
}

// near hints at what was probably meant.
func near(word string, known []string) string {
	if meant := mistake.Nearest(word, known); meant != "" {
		return fmt.Sprintf(": did you mean %s?", meant)
	}
	return ""
}

// agentNamed is the registered agent; when one alone may act in the mode it need not be named.
func agentNamed(cfg *config.Config, name string, mode identity.Mode) (identity.Agent, error) {
	registry, err := identity.NewRegistry(cfg.Agents)
	if err != nil {
		return identity.Agent{}, err
	}
	agents := registry.Agents()
	if name == "" && len(agents) > 1 {
		agents = slices.DeleteFunc(agents, func(a identity.Agent) bool { return !a.May(mode) })
	}
	if name == "" && len(agents) == 1 {
		return agents[0], nil
	}
	var names []string
	for _, a := range agents {
		if a.ID == name {
			return a, nil
		}
		names = append(names, a.ID)
	}
	switch {
	case len(names) == 0:
		return identity.Agent{}, fmt.Errorf("no agent may act in mode %s", mode)
	case name == "":
		return identity.Agent{}, &usageError{
			errors.New("say through which agent with --agent: one of " + strings.Join(names, ", ")),
		}
	}
	return identity.Agent{}, fmt.Errorf(
		"there is no agent %s%s",
		name,
		cmp.Or(near(name, names), ": those registered are "+strings.Join(names, ", ")),
	)
}
