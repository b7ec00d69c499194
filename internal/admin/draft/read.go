package draft

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"deputy/internal/config"
	"deputy/vending/postgres/setup"
	"deputy/vending/sqlite"
)

// OfSQLite drafts a configuration for a file, to be written into a folder.
func OfSQLite(ctx context.Context, file, schema, folder string) (*Draft, error) {
	engine, err := sqlite.Open(sqlite.Config{Path: file, Schema: schema})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	d := &Draft{
		Engine:   config.SQLite,
		Schema:   schema,
		Platform: platformNamed(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))),
	}
	if d.Path, err = seenFrom(folder, file); err != nil {
		return nil, err
	}
	if d.Catalog, err = engine.Catalog(ctx); err != nil {
		return nil, fmt.Errorf("sqlite: opening %s: %w", file, err)
	}
	return d, nil
}

// OfPostgres drafts a configuration for schemas, or all that have tables, with an administrator's connection.
func OfPostgres(ctx context.Context, admin *sql.DB, schemas []string) (*Draft, error) {
	var name string
	if err := admin.QueryRowContext(ctx, "SELECT current_database()").Scan(&name); err != nil {
		return nil, fmt.Errorf("connecting as administrator: %w", err)
	}
	catalog, err := setup.Survey(ctx, admin, schemas)
	if err != nil {
		return nil, err
	}
	return &Draft{Engine: config.Postgres, Platform: platformNamed(name), Catalog: catalog}, nil
}

// seenFrom is a path as a file in the folder has to name it.
func seenFrom(folder, path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	return filepath.Rel(folder, path)
}

var notInPlatform = regexp.MustCompile(`[^a-z0-9]+`)

// platformNamed makes a platform's name of a database's.
func platformNamed(database string) string {
	if name := strings.Trim(notInPlatform.ReplaceAllString(strings.ToLower(database), "-"), "-"); name != "" {
		return name
	}
	return "data"
}
