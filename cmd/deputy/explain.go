package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"deputy/entitlements/requests"
	"deputy/entitlements/review"
	"deputy/identity"
	"deputy/internal/assembly"
	"deputy/internal/config"
	"deputy/internal/report"
)

func newExplain() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain [TABLE[.COLUMN]]",
		Short: "Say who can see what, and which policy decides it",
		Long: `Decides as a call would be decided, and shows the policy behind each part: what opens the table or would, which guardrails
hold, how each column is seen and which masks lost, which rows. Without TABLE it lists every table, those that are denied too.
Without --user it is the agent on its own.

What is known of the user is what the configuration says below identity.users. --groups and --attributes add what a token would
say, or describe somebody hypothetical. Only the catalog is read: no row, no issuer, no record.`,
		Example: `  deputy explain --user taylor --agent sales-assistant
  deputy explain --user taylor --agent sales-assistant sales.customers
  deputy explain --groups Marketing,Berlin --attributes region=EU customers.email
  deputy explain --agent nightly-report --json`,
		Args: atMost(1),
		RunE: explain,
	}
	f := c.Flags()
	f.String("user", "", "`id` of the human who asks")
	f.String("agent", "", "`name` of the agent that acts; may be left out when one alone may act so")
	f.Bool("autonomous", false, "the agent acts on its own, as without --user")
	f.StringSlice("groups", nil, "`groups` that the user is in beside those in the configuration")
	f.StringSlice("attributes", nil, "`name=value` of attributes that the user has beside those in the configuration")
	f.String("purpose", "", "what the call is said to be for")
	f.String("platform", "", "`name` of the platform, when there are several")
	f.Bool("json", false, "as JSON")
	completeNames(c)
	return c
}

func explain(c *cobra.Command, args []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	who, err := asked(c, cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	engines, err := assembly.Engines(cfg)
	if err != nil {
		return err
	}
	for _, e := range engines {
		defer e.Close()
	}
	platforms, err := compiled(ctx, cfg, engines)
	if err != nil {
		return err
	}
	if platform, _ := c.Flags().GetString("platform"); platform != "" {
		if platforms[platform] == nil {
			names := slices.Sorted(maps.Keys(platforms))
			return fmt.Errorf(
				"there is no platform %s%s",
				platform,
				cmp.Or(near(platform, names), ": there is "+strings.Join(names, ", ")),
			)
		}
		platforms = map[string]*requests.Compiled{platform: platforms[platform]}
	}
	if err := knownPurpose(platforms, who.Purpose); err != nil {
		return err
	}
	if err := approved(ctx, cfg, platforms, &who, time.Now()); err != nil {
		return err
	}
	return explainTo(c, platforms, who, args)
}

// explainTo explains one table, or lists all.
func explainTo(
	c *cobra.Command,
	platforms map[string]*requests.Compiled,
	who identity.Principal,
	args []string,
) error {
	x := report.Explained{Principal: report.NewPrincipal(who), Tables: []report.Table{}}
	if len(args) == 1 {
		f, err := findTable(platforms, args[0])
		if err != nil {
			return err
		}
		table, _ := review.Explain(platforms[f.platform].Entitlements, who, f.TableName)
		if f.column != "" {
			table.Columns = slices.DeleteFunc(
				table.Columns,
				func(v review.ColumnVerdict) bool { return v.Name != f.column },
			)
		}
		x.Tables = append(x.Tables, report.Table{Platform: f.platform, Explanation: table})
	} else {
		for _, name := range slices.Sorted(maps.Keys(platforms)) {
			for _, table := range platforms[name].Tables() {
				explanation, _ := review.Explain(platforms[name].Entitlements, who, table)
				x.Tables = append(x.Tables, report.Table{Platform: name, Explanation: explanation})
			}
		}
	}
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(x)
	}
	if len(args) == 1 {
		return x.Page(c.OutOrStdout())
	}
	return x.Summary(c.OutOrStdout())
}

// asked is the principal that the flags describe, if there could be a call of it.
func asked(c *cobra.Command, cfg *config.Config) (who identity.Principal, err error) {
	f := c.Flags()
	described := f.Changed("user") || f.Changed("groups") || f.Changed("attributes")
	mode := identity.Autonomous
	if described {
		mode = identity.OnBehalfOf
	}
	name, _ := f.GetString("agent")
	if who.Agent, err = agentNamed(cfg, name, mode); err != nil {
		return who, err
	}
	who.Purpose, _ = f.GetString("purpose")
	if alone, _ := f.GetBool("autonomous"); alone && described {
		return who, &usageError{
			errors.New("an agent on its own has no user: leave out --autonomous, or --user, --groups and --attributes"),
		}
	}
	if described {
		if who.User, err = askedUser(c, cfg); err != nil {
			return who, err
		}
	}
	if !who.Agent.May(mode) {
		hint := "say for whom with --user"
		if mode == identity.OnBehalfOf {
			hint = "leave out --user, --groups and --attributes"
		}
		return who, fmt.Errorf(
			"every such call is refused: the modes of agent %s are %v, not %s: %s",
			who.Agent.ID,
			who.Agent.Modes,
			mode,
			hint,
		)
	}
	return who, nil
}

// askedUser is the user as the configuration and the flags together describe them.
func askedUser(c *cobra.Command, cfg *config.Config) (*identity.User, error) {
	f := c.Flags()
	id, _ := f.GetString("user")
	if !f.Changed("user") {
		id = "(somebody)" // no token can say so: what a policy says of one user is not said of them
	}
	user := identity.UserConfig{ID: id, Attributes: map[string]identity.Values{}}
	var ids []string
	for _, u := range cfg.Identity.Users {
		ids = append(ids, u.ID)
		if u.ID == id {
			user.Groups = slices.Clone(u.Groups)
			for name, values := range u.Attributes {
				user.Attributes[name] = slices.Clone(values)
			}
		}
	}
	if id == "" {
		return nil, &usageError{errors.New("--user is empty: leave it out for the agent on its own")}
	}
	if !slices.Contains(ids, id) && !f.Changed("groups") && !f.Changed("attributes") {
		return nil, fmt.Errorf(
			"the configuration says nothing of user %s%s\nOf somebody whom only the issuer knows, say what the token says with --groups and --attributes (--groups '' for none)",
			id,
			near(id, ids),
		)
	}
	groups, _ := f.GetStringSlice("groups")
	user.Groups = append(user.Groups, groups...)
	attributes, _ := f.GetStringSlice("attributes")
	for _, a := range attributes {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return nil, &usageError{
				fmt.Errorf("--attributes %s: write name=value, and the name again for another value: region=EU,region=US", a),
			}
		}
		user.Attributes[name] = append(user.Attributes[name], value)
	}
	i, err := user.Identity()
	if err != nil {
		return nil, &usageError{err}
	}
	return &identity.User{Identity: i}, nil
}

func knownPurpose(platforms map[string]*requests.Compiled, purpose string) error {
	for _, e := range platforms {
		if purposes := e.Purposes(); purpose != "" && !slices.Contains(purposes, purpose) {
			hint := near(purpose, purposes)
			if hint == "" {
				hint = ": none is defined"
				if len(purposes) > 0 {
					hint = ": those defined are " + strings.Join(purposes, ", ")
				}
			}
			return fmt.Errorf("there is no purpose %s%s", purpose, hint)
		}
	}
	return nil
}

// completeNames offers the names that stand in the configuration, as far as it can be read, for those of its flags that
// a command has.
func completeNames(c *cobra.Command) {
	from := func(names func(*config.Config) []string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			cfg, err := loadConfig(c)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return names(cfg), cobra.ShellCompDirectiveNoFileComp
		}
	}
	c.RegisterFlagCompletionFunc("agent", from(func(cfg *config.Config) (out []string) {
		for _, a := range cfg.Agents {
			out = append(out, a.Name)
		}
		return out
	}))
	c.RegisterFlagCompletionFunc("user", from(func(cfg *config.Config) (out []string) {
		for _, u := range cfg.Identity.Users {
			out = append(out, u.ID)
		}
		return out
	}))
	c.RegisterFlagCompletionFunc(
		"purpose",
		from(func(cfg *config.Config) []string { return slices.Sorted(maps.Keys(cfg.Purposes)) }),
	)
	c.RegisterFlagCompletionFunc(
		"platform",
		from(func(cfg *config.Config) []string { return slices.Sorted(maps.Keys(cfg.Platforms)) }),
	)
	c.ValidArgsFunction = cobra.NoFileCompletions // tables are in the database: a tab does not ask it
}
