package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"deputy/internal/pgconn"
)

// statePatience is how long a step may take whose caller has set no limit. Waiting for other servers' locks is within
// it.
const statePatience = 35 * time.Second

// connectPostgres does not connect yet.
func connectPostgres(dsn string, patience time.Duration) (*database, error) {
	db, err := pgconn.Open(pgconn.Config{DSN: dsn, MaxOpen: 8, Patience: patience})
	if err != nil {
		return nil, errors.New("the state's dsn cannot be read: write it as postgres://name:password@host/database")
	}
	return &database{sqlx.NewDb(db, "postgres"), true}, nil
}

// limits keep a server that hangs in the middle of a transaction from stopping all others for ever. They end with the
// transaction, so that a connection pooler does no harm.
const limits = `SET LOCAL idle_in_transaction_session_timeout = '15s'; SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = '60s'`

// closed refuses tables that everybody has a right to.
func (d *database) closed(ctx context.Context) error {
	if !d.postgres {
		return nil // the file's mode says it
	}
	var open bool
	err := d.db.GetContext(
		ctx,
		&open,
		`SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
		pg_catalog.aclexplode(c.relacl) AS a WHERE n.nspname = '`+schema+`' AND a.grantee = 0)`,
	)
	if err != nil {
		return plain(err)
	}
	if open {
		return fmt.Errorf(
			"PUBLIC has rights on tables in the schema %s: whoever can write them can grant access; REVOKE ALL ON ALL TABLES IN SCHEMA %[1]s FROM PUBLIC",
			schema,
		)
	}
	return nil
}
