package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/lib/pq"
	"github.com/spf13/cobra"

	"deputy/audit/sink"
	"deputy/internal/config"
	"deputy/vending/postgres/setup"
)

func newBootstrap() *cobra.Command {
	c := &cobra.Command{
		Use:   "bootstrap",
		Short: "Set a database up for vending, once",
		Args:  exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return &usageError{errors.New("say what to set up: deputy bootstrap postgres or audit")}
		},
		Example: "  deputy bootstrap postgres --config deputy.yaml --print",
	}
	pg := &cobra.Command{
		Use:   "postgres",
		Short: "Make deputy_owner, deputy_runner and the schema deputy in a PostgreSQL database",
		Long: `Connects as an administrator (CREATEROLE and the right to grant what is governed are enough) and makes what vending
needs. It changes nothing else, can be run again at any time, and should be when tables were added. --print shows the SQL
for review instead; it has psql variables where the two secrets go.`,
		Example: `  deputy bootstrap postgres --config deputy.yaml --print
  DEPUTY_ADMIN_DSN=postgres://dba@db.example.com/shop deputy bootstrap postgres --config deputy.yaml`,
		Args: exactly(0),
		RunE: bootstrapPostgres,
	}
	pg.Flags().Bool("print", false, "print the SQL and run nothing")
	pg.Flags().String("platform", "", "`name` of the platform in the configuration, when there are several")
	pg.Flags().String("admin-dsn", "", adminFlag)
	records := &cobra.Command{
		Use:   "audit",
		Short: "Print the SQL for a table of audit records that only grows",
		Long: `Prints what an administrator runs once, in the database that is to keep the records of an audit sink with type postgres:
the table, and the login deputy_recorder, which may insert into it and can neither change, delete nor read what is there.`,
		Example: "  deputy bootstrap audit | psql -v recorder_password=\"$PASSWORD\" -v ON_ERROR_STOP=1 -1 audit",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), sink.PostgresSetup)
			return err
		},
	}
	c.AddCommand(pg, records)
	return c
}

func bootstrapPostgres(c *cobra.Command, _ []string) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	name, _ := c.Flags().GetString("platform")
	p, err := postgresPlatform(cfg, name)
	if err != nil {
		return err
	}
	order, err := orderOf(p)
	if err != nil {
		return err
	}
	if print, _ := c.Flags().GetBool("print"); print {
		fmt.Fprint(c.OutOrStdout(), order.Print())
		return nil
	}
	admin, err := openAdmin(c)
	if err != nil {
		return err
	}
	defer admin.Close()
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	if err := setup.Bootstrap(ctx, admin, order); err != nil {
		return err
	}
	fmt.Fprintf(
		c.OutOrStdout(),
		"The database is set up; %v are governed. Next: deputy check --config %s\n",
		p.Schemas,
		configPath(c),
	)
	return nil
}

const adminFlag = "the administrator's connection (default $DEPUTY_ADMIN_DSN, which keeps a password out of the process list)"

// openAdmin opens the connection that --admin-dsn or DEPUTY_ADMIN_DSN names.
func openAdmin(c *cobra.Command) (*sql.DB, error) {
	dsn, _ := c.Flags().GetString("admin-dsn")
	if dsn == "" {
		dsn = os.Getenv("DEPUTY_ADMIN_DSN")
	}
	if dsn == "" {
		return nil, &usageError{errors.New("no administrator's connection: set DEPUTY_ADMIN_DSN or give --admin-dsn")}
	}
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		// err may quote the password
		return nil, errors.New("the administrator's connection cannot be read: write it as postgres://name@host/database")
	}
	return sql.OpenDB(connector), nil
}

// postgresPlatform is the named platform, or the only one there is.
func postgresPlatform(cfg *config.Config, name string) (config.Platform, error) {
	var names []string
	for _, n := range slices.Sorted(maps.Keys(cfg.Platforms)) {
		if cfg.Platforms[n].Engine == config.Postgres {
			names = append(names, n)
		}
	}
	switch {
	case name == "" && len(names) == 1:
		return cfg.Platforms[names[0]], nil
	case slices.Contains(names, name):
		return cfg.Platforms[name], nil
	case len(names) == 0:
		return config.Platform{}, errors.New("the configuration has no platform with engine: postgres")
	}
	return config.Platform{}, &usageError{fmt.Errorf("say which platform with --platform: one of %v", names)}
}

// orderOf takes the runner's password from where the server has it: its dsn.
func orderOf(p config.Platform) (setup.Order, error) {
	dsn, err := pq.NewConfig(string(p.DSN))
	if err != nil {
		return setup.Order{}, errors.New(
			"the platform's dsn cannot be read: write it as postgres://deputy_runner:password@host/database",
		)
	}
	if dsn.User != "deputy_runner" {
		return setup.Order{}, fmt.Errorf(
			"the platform's dsn logs in as %q: the server logs in as deputy_runner; the administrator's connection goes into DEPUTY_ADMIN_DSN",
			dsn.User,
		)
	}
	return setup.Order{
		Schemas:        p.Schemas,
		PolicyPath:     p.PolicyPath,
		SigningKey:     string(p.SigningKey),
		RunnerPassword: dsn.Password,
	}, nil
}
