package setup

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"deputy/entitlements"
	"deputy/vending/postgres/catalog"
	"deputy/vending/postgres/sqltext"
)

// Survey reads with an administrator's connection what there is to govern, before anything is set up: the tables of the
// schemas, or of all that have any if none is named. It changes nothing.
func Survey(ctx context.Context, admin *sql.DB, schemas []string) (*entitlements.Catalog, error) {
	db := sqlx.NewDb(admin, "postgres")
	var all []string
	if err := db.SelectContext(ctx, &all, schemasQuery); err != nil {
		return nil, fmt.Errorf("reading the schemas: %w", err)
	}
	for _, s := range schemas {
		if !slices.Contains(all, s) {
			return nil, fmt.Errorf("there is no schema %s with tables: those that have some are %v", sqltext.Quote(s), all)
		}
	}
	if len(schemas) == 0 {
		schemas = all
	}
	tables, err := catalog.Load(ctx, db, schemas)
	if err != nil {
		return nil, err
	}
	return &entitlements.Catalog{Tables: tables.Sorted()}, nil
}

const schemasQuery = `
SELECT n.nspname FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'deputy')
  AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ` + sqltext.GovernedKinds + ` AND NOT c.relispartition)
ORDER BY n.nspname`
