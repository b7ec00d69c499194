package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"deputy/entitlements/requests/store"
	"deputy/internal/assembly"
	"deputy/internal/report"
)

func newMigrate() *cobra.Command {
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database of access requests up to date",
		Long: `Access requests and what was decided are kept in the database that requests.state in the configuration
names; where that is PostgreSQL, so is who was stopped for all servers. A server
stops at its start when that database is older, or newer, than it. This command brings an older one up to date, each step in a
transaction of its own; run it before the servers of the new version start. A new SQLite file needs no migrate: the server makes it.

On PostgreSQL everything is in the schema deputy_state. The login in the dsn makes it, which needs CREATE on the database, or
an administrator does: CREATE SCHEMA deputy_state AUTHORIZATION that_login. No other right is needed. Whoever can write there
can grant access. The dsn must lead to the database itself, and not to a connection pooler.`,
		Example: "  deputy migrate --config deputy.yaml\n  deputy migrate --status --json",
		Args:    exactly(0),
		RunE:    migrate,
	}
	c.Flags().Bool("status", false, "print how far the database is, and change nothing")
	c.Flags().Bool("json", false, "as JSON: a list of migrations")
	return c
}

func migrate(c *cobra.Command, _ []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	asJSON := flagIs(c, "json")
	if flagIs(c, "status") {
		all, err := store.Migrations(c.Context(), assembly.StateConfig(cfg))
		if err != nil {
			return err
		}
		return printMigrations(c, all, asJSON)
	}
	if len(cfg.Requests.Rules) == 0 && cfg.Requests.State.DSN == "" {
		_, err := fmt.Fprintln(
			c.OutOrStdout(),
			"The configuration has no requests.rules: nothing can be asked for, so there is nothing to migrate.",
		)
		return err
	}
	began := time.Now()
	all, err := store.Migrate(c.Context(), assembly.StateConfig(cfg), func(m store.Migration) {
		if !asJSON {
			fmt.Fprintf(c.OutOrStdout(), "applied %s (%s)\n", m.Name, time.Since(began).Round(time.Millisecond))
		}
		began = time.Now()
	})
	switch {
	case err != nil:
		return err
	case asJSON:
		return printMigrations(c, all, true)
	case len(all) == 0:
		fmt.Fprintln(c.OutOrStdout(), "The database is up to date.")
	default:
		fmt.Fprintln(c.OutOrStdout(), "The database is up to date now.")
	}
	return nil
}

func printMigrations(c *cobra.Command, all []store.Migration, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(c.OutOrStdout())
		e.SetIndent("", "  ")
		return e.Encode(append([]store.Migration{}, all...))
	}
	return report.Migrations(c.OutOrStdout(), all)
}
