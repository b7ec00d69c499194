package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"deputy/audit/sink"
	"deputy/internal/admin"
	"deputy/internal/admin/bootstrap"
	"deputy/vending/postgres/setup"
)

func newBootstrap() *cobra.Command {
	c := &cobra.Command{
		Use:   "bootstrap",
		Short: "Set a database up for vending, once",
		Args:  exactly(0),
		RunE: func(*cobra.Command, []string) error {
			return admin.Usagef("say what to set up: deputy bootstrap postgres or audit")
		},
		Example: "  deputy bootstrap postgres --config deputy.yaml --print",
	}
	pg := &cobra.Command{
		Use:   "postgres",
		Short: "Make deputy_owner, deputy_runner and the schema deputy in a PostgreSQL database",
		Long: `Connects as an administrator (CREATEROLE and the right to grant what is governed are enough) and makes what vending
needs. It changes nothing else, can be run again at any time, and should be when tables were added. --print shows the SQL
for review instead; it has psql variables where the two secrets go.

To change signing_key without an outage: put the new key into the configuration that this command reads and run it with
--rotate-key; both keys are good then. Give the new key to the servers one by one, then run it with --drop-old-key.
Without either, a new key replaces all others at once.`,
		Example: `  deputy bootstrap postgres --config deputy.yaml --print
  DEPUTY_ADMIN_DSN=postgres://dba@db.example.com/shop deputy bootstrap postgres --config deputy.yaml`,
		Args: exactly(0),
		RunE: bootstrapPostgres,
	}
	pg.Flags().Bool("print", false, "print the SQL and run nothing")
	pg.Flags().Bool("rotate-key", false, "keep the signing key that is there good beside the new one")
	pg.Flags().Bool("drop-old-key", false, "end that: from now on only the new key is good")
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
	order, err := bootstrap.Order(cfg, flagText(c, "platform"))
	if err != nil {
		return err
	}
	order.RotateKey, order.DropOldKey = flagIs(c, "rotate-key"), flagIs(c, "drop-old-key")
	if flagIs(c, "print") {
		fmt.Fprint(c.OutOrStdout(), order.Print())
		return nil
	}
	db, err := openAdmin(c)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	if err := setup.Bootstrap(ctx, db, order); err != nil {
		return err
	}
	findings, err := setup.Surroundings(ctx, sqlx.NewDb(db, "postgres"), order.Schemas)
	if err != nil {
		return err
	}
	for _, f := range findings {
		fmt.Fprintf(c.OutOrStdout(), "warning: %s\n", f.Text)
	}
	fmt.Fprintf(
		c.OutOrStdout(),
		"The database is set up; %v are governed. Next: deputy check --config %s\n",
		order.Schemas,
		configPath(c),
	)
	return nil
}

const adminFlag = "the administrator's connection (default $DEPUTY_ADMIN_DSN, which keeps a password out of the process list)"

// openAdmin opens the connection that --admin-dsn or DEPUTY_ADMIN_DSN names.
func openAdmin(c *cobra.Command) (*sql.DB, error) {
	return bootstrap.Admin(cmp.Or(flagText(c, "admin-dsn"), os.Getenv("DEPUTY_ADMIN_DSN")))
}
