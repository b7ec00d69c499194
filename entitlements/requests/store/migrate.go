package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	gooselock "github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrationFiles are the migrations. Each file is one, and none is ever changed once it was released.
var migrationFiles fs.FS = embedded

// Migration is one step in which the database came to look as it does, or will.
type Migration struct {
	Version int64      `json:"version"`
	Name    string     `json:"name"`
	Applied *time.Time `json:"applied"` // nil: not yet
}

// Migrations says how far the database is, and changes nothing. A database that is ahead has migrations without a name.
func Migrations(ctx context.Context, c Config) ([]Migration, error) {
	if isNew(c) {
		return known()
	}
	d, err := connect(c)
	if err != nil {
		return nil, err
	}
	defer d.db.Close()
	return d.migrations(ctx)
}

// Migrate brings the database up to date and returns what it did; done is told of each migration. It makes a SQLite
// file that is not there. On PostgreSQL it makes the schema, unless an administrator has made it for the login, and
// needs no more than that right; two at once wait for each other. One that is ahead is left alone: ErrAhead.
func Migrate(ctx context.Context, c Config, done func(Migration)) ([]Migration, error) {
	if isNew(c) {
		return makeSQLite(ctx, c.File, done)
	}
	d, err := connect(c)
	if err != nil {
		return nil, err
	}
	defer d.db.Close()
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	all, err := d.migrations(ctx)
	if err != nil {
		return nil, err
	}
	if err := current(all); !errors.Is(err, ErrBehind) {
		return nil, err
	}
	return d.migrate(ctx, done)
}

// current says whether the database is of this Deputy's version.
func current(all []Migration) error {
	for _, m := range all {
		switch {
		case m.Name == "":
			return ErrAhead
		case m.Applied == nil:
			return ErrBehind
		}
	}
	return nil
}

// known are the migrations that this Deputy has, in their order.
func known() (all []Migration, err error) {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{Version: version, Name: strings.TrimSuffix(path.Base(file), ".sql")})
	}
	return all, err
}

// migrations reads what goose remembers. Asking goose would make its table.
func (d *database) migrations(ctx context.Context) ([]Migration, error) {
	all, err := known()
	if err != nil {
		return nil, err
	}
	there := `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'`
	if d.postgres {
		there = `SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = '` + schema + `' AND tablename = 'migrations'`
	}
	var n int
	if err := d.db.GetContext(ctx, &n, there); err != nil {
		return nil, plain(err)
	}
	if n == 0 {
		return all, nil
	}
	var applied []struct {
		Version int64     `db:"version_id"`
		Time    time.Time `db:"tstamp"`
	}
	err = d.db.SelectContext(
		ctx,
		&applied,
		d.text(
			`SELECT version_id, tstamp FROM deputy_state.migrations WHERE is_applied AND version_id > 0 ORDER BY version_id`,
		),
	)
	if err != nil {
		return nil, plain(err)
	}
	for _, a := range applied {
		at := a.Time.UTC()
		i := 0
		for i < len(all) && all[i].Version != a.Version {
			i++
		}
		if i == len(all) {
			all = append(all, Migration{Version: a.Version})
		}
		all[i].Applied = &at
	}
	return all, nil
}

// migrate applies what is missing, each migration in a transaction of its own.
func (d *database) migrate(ctx context.Context, done func(Migration)) (applied []Migration, err error) {
	provider, err := d.provider(ctx)
	if err != nil {
		return nil, err
	}
	for {
		result, err := provider.UpByOne(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return applied, nil
		}
		if err != nil {
			if !d.postgres && d.migratedByAnother(ctx) {
				return applied, nil
			}
			return applied, fmt.Errorf("migrating: %w", plain(err))
		}
		all, err := d.migrations(ctx)
		if err != nil {
			return applied, err
		}
		for _, m := range all {
			if m.Version == result.Source.Version {
				applied = append(applied, m)
				done(m)
			}
		}
	}
}

// migratedByAnother waits for another process that migrates the same file, which goose has no lock for: of two, one
// fails because a table is there already, and changes nothing.
func (d *database) migratedByAnother(ctx context.Context) bool {
	return again(ctx, func() bool {
		all, err := d.migrations(ctx)
		return err == nil && current(all) == nil
	})
}

func (d *database) provider(ctx context.Context) (*goose.Provider, error) {
	options := []goose.ProviderOption{
		goose.WithTableName(d.text(schema + ".migrations")),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
	}
	dialect := goose.DialectSQLite3
	if d.postgres {
		dialect = goose.DialectPostgres
		if err := d.makeSchema(ctx); err != nil {
			return nil, err
		}
		locker, err := gooselock.NewPostgresSessionLocker(gooselock.WithLockTimeout(1, 300))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	all, err := known()
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		text, err := fs.ReadFile(migrationFiles, "migrations/"+m.Name+".sql")
		if err != nil {
			return nil, err
		}
		run := func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, d.text(string(text)))
			return err
		}
		options = append(options, goose.WithGoMigrations(goose.NewGoMigration(m.Version, &goose.GoFunc{RunTx: run}, nil)))
	}
	return goose.NewProvider(dialect, d.db.DB, nil, options...)
}

// makeSchema makes the schema when it is not there. Asking first lets a login without the right to make schemas have
// one made for it.
func (d *database) makeSchema(ctx context.Context) error {
	const there = `SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = '` + schema + `'`
	var n int
	if err := d.db.GetContext(ctx, &n, there); err != nil || n == 1 {
		return plain(err)
	}
	_, failed := d.db.ExecContext(ctx, `CREATE SCHEMA `+schema)
	if failed == nil {
		return nil
	}
	if err := d.db.GetContext(ctx, &n, there); err != nil || n == 1 { // another one was faster
		return plain(err)
	}
	return fmt.Errorf(
		"making the schema %s: %w: an administrator can make it: CREATE SCHEMA %[1]s AUTHORIZATION the dsn's login",
		schema,
		plain(failed),
	)
}
