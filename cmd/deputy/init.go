package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"deputy/internal/admin"
	"deputy/internal/admin/draft"
)

func newInit() *cobra.Command {
	c := &cobra.Command{
		Use:   "init",
		Short: "Read a database and write a first configuration, which denies everything",
		Long: `Reads which tables and columns there are, no row of them, and writes a configuration in which nobody can read anything. It says
what to decide and in which order, and has a suggestion for every table (whom to grant it) and for every column that looks
personal or secret by its name. A file that is there is never written over.`,
		Example: `  deputy init --sqlite shop.db --schema sales
  DEPUTY_ADMIN_DSN=postgres://dba@db.example.com/shop deputy init --postgres --schemas sales,lookup --out deputy.yaml`,
		Args: exactly(0),
		RunE: initialise,
	}
	c.Flags().String("sqlite", "", "a SQLite database `file`")
	c.Flags().String("schema", "data", "what the tables of a SQLite file are called before the dot")
	c.Flags().Bool("postgres", false, "a PostgreSQL database, read with the administrator's connection")
	c.Flags().String("admin-dsn", "", adminFlag)
	c.Flags().StringSlice("schemas", nil, "PostgreSQL `schemas` to govern (default all with tables)")
	c.Flags().String("platform", "", "`name` of the platform (default the database's)")
	c.Flags().String("out", "deputy.yaml", "`file` to write")
	return c
}

func initialise(c *cobra.Command, _ []string) error {
	out := flagText(c, "out")
	d, err := readDatabase(c, out)
	if err != nil {
		return err
	}
	if name, _ := c.Flags().GetString("platform"); name != "" {
		d.Platform = name
	}
	if err := d.Write(out); err != nil {
		return err
	}
	fmt.Fprintf(
		c.OutOrStdout(),
		"%s governs %d tables and opens none of them. It says what to decide next.\n",
		out,
		len(d.Catalog.Tables),
	)
	return nil
}

func readDatabase(c *cobra.Command, out string) (*draft.Draft, error) {
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	file := flagText(c, "sqlite")
	pg := flagIs(c, "postgres")
	switch {
	case pg == (file != ""):
		return nil, admin.Usagef("say which database: deputy init --sqlite FILE, or deputy init --postgres")
	case pg:
		schemas, _ := c.Flags().GetStringSlice("schemas")
		db, err := openAdmin(c)
		if err != nil {
			return nil, err
		}
		defer db.Close()
		return draft.OfPostgres(ctx, db, schemas)
	}
	schema := flagText(c, "schema")
	return draft.OfSQLite(ctx, file, schema, filepath.Dir(out))
}
