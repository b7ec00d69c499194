package postgres

import (
	"errors"

	"github.com/jmoiron/sqlx"

	"deputy/internal/pgconn"
)

// maxAnswer is how much the database may send in answer to one request, in bytes. A row has to be in memory as a whole
// before it can be measured, so one value of a gigabyte would otherwise be ours to hold.
const maxAnswer = 64 << 20

// warm makes the session's temporary schema once: each analysis needs it, and would otherwise make it anew in its own
// transaction and roll it back.
const warm = `CREATE TEMPORARY TABLE IF NOT EXISTS deputy_warm (); DROP TABLE pg_temp.deputy_warm`

// settings are the session's own, whatever the database or the role has. A call sets its own time limit.
const settings = `SET statement_timeout = '60s'; SET default_transaction_read_only = off`

func openPool(c pgconn.Config) (*sqlx.DB, error) {
	c.MaxAnswer, c.Settings, c.Prepare = maxAnswer, settings, warm
	db, err := pgconn.Open(c)
	if err != nil {
		return nil, errors.New(
			"the dsn cannot be read: write it as postgres://deputy_runner@host/database or as key=value pairs",
		)
	}
	return sqlx.NewDb(db, "postgres"), nil
}

// openPools opens the pool that calls use, and the one of a single connection that cancels what does not end. Nothing
// waits for that one: see insist.
func openPools(dsn string, size int) (db, spare *sqlx.DB, err error) {
	if db, err = openPool(pgconn.Config{DSN: dsn, MaxOpen: size}); err != nil {
		return nil, nil, err
	}
	spare, err = openPool(pgconn.Config{DSN: dsn, MaxOpen: 1, MaxIdle: -1, Grace: pgconn.Immediately})
	return db, spare, err
}
