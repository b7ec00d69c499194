package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

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
	out, _ := c.Flags().GetString("out")
	d, err := readDatabase(c, out)
	if err != nil {
		return err
	}
	if name, _ := c.Flags().GetString("platform"); name != "" {
		d.Platform = name
	}
	if err := writeNew(out, d.YAML()); err != nil {
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
	file, _ := c.Flags().GetString("sqlite")
	pg, _ := c.Flags().GetBool("postgres")
	switch {
	case pg == (file != ""):
		return nil, &usageError{errors.New("say which database: deputy init --sqlite FILE, or deputy init --postgres")}
	case pg:
		schemas, _ := c.Flags().GetStringSlice("schemas")
		admin, err := openAdmin(c)
		if err != nil {
			return nil, err
		}
		defer admin.Close()
		return draft.OfPostgres(ctx, admin, schemas)
	}
	schema, _ := c.Flags().GetString("schema")
	return draft.OfSQLite(ctx, file, schema, filepath.Dir(out))
}

// writeNew writes a file that is not there yet, not even as a link.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: name another file with --out", path)
	}
	if err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}
