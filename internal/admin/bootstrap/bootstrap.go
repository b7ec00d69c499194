// Package bootstrap says with what a database is set up for vending, and opens an administrator's connection to it.
package bootstrap

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"deputy/internal/admin"
	"deputy/internal/config"
	"deputy/internal/pgconn"
	"deputy/vending/postgres/setup"
)

// Admin opens an administrator's connection.
func Admin(dsn string) (*sql.DB, error) {
	if dsn == "" {
		return nil, admin.Usagef("no administrator's connection: set DEPUTY_ADMIN_DSN or give --admin-dsn")
	}
	db, err := pgconn.Open(pgconn.Config{DSN: dsn})
	if err != nil {
		return nil, errors.New("the administrator's connection cannot be read: write it as postgres://name@host/database")
	}
	return db, nil
}

// Order is what bootstrap makes for the named platform, or the only one. The runner's password comes from where the
// server has it: its dsn.
func Order(cfg *config.Config, platform string) (setup.Order, error) {
	p, err := admin.PostgresPlatform(cfg, platform)
	if err != nil {
		return setup.Order{}, err
	}
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
