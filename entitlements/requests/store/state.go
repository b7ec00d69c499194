package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"deputy/entitlements/requests"
)

// Config says where the state is: in a file or behind a DSN.
type Config struct {
	File string // of SQLite
	DSN  string // of PostgreSQL, instead of a file; never repeated in an error

	patience time.Duration // see pgconn.Config; migrations have none

	Now   func() time.Time // default time.Now; for what a list calls expired
	NewID func() string    // of events; default rand.Text
}

// State keeps requests. It is safe for concurrent use, also by several servers.
type State struct {
	*database
	now   func() time.Time
	newID func() string

	version int64 // of the schema, as this Deputy knows it

	mu      sync.Mutex
	reached requests.Position // see Reached

	// before is called before each statement and each commit of a transaction that writes. Tests end the process
	// there.
	before func()
}

var _ requests.Store = (*State)(nil)

// Why a state database is not used.
var (
	ErrBehind = errors.New("the state database is older than this Deputy: run deputy migrate")
	ErrAhead  = errors.New("the state database was made by a newer Deputy: run that one")
)

// Open opens the state and checks that it is of this Deputy's version. A SQLite file that is not there is made;
// PostgreSQL is set up by Migrate alone.
func Open(ctx context.Context, c Config) (*State, error) {
	if isNew(c) {
		if _, err := makeSQLite(ctx, c.File, func(Migration) {}); err != nil {
			return nil, err
		}
	}
	c.patience = statePatience
	d, err := connect(c)
	if err != nil {
		return nil, err
	}
	s := &State{database: d, now: c.Now, newID: c.NewID, before: func() {}}
	all, err := known()
	if err != nil {
		d.db.Close()
		return nil, err
	}
	s.version = all[len(all)-1].Version
	if s.now == nil {
		s.now = time.Now
	}
	if s.newID == nil {
		s.newID = rand.Text
	}
	if err := d.ready(ctx); err != nil {
		d.db.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the connections.
func (s *State) Close() error { return s.db.Close() }

// database is a connection pool and the dialect of what is behind it.
type database struct {
	db       *sqlx.DB
	postgres bool
}

func connect(c Config) (*database, error) {
	switch {
	case c.File != "" && c.DSN != "":
		return nil, errors.New("the state has both a file and a dsn: choose one")
	case c.DSN != "":
		return connectPostgres(c.DSN, c.patience)
	case c.File != "":
		return connectSQLite(c.File)
	}
	return nil, errors.New("the state has neither a file nor a dsn")
}

// schema is what everything is in on PostgreSQL. It is written in each statement, so that no search_path leads
// elsewhere.
const schema = "deputy_state"

// text is a statement as the database takes it. All are written once, for PostgreSQL but with ? for a value.
func (d *database) text(query string) string {
	if d.postgres {
		return sqlx.Rebind(sqlx.DOLLAR, query)
	}
	return strings.ReplaceAll(query, schema+".", "")
}

// ready says whether the database can be used as it is.
func (d *database) ready(ctx context.Context) error {
	if err := d.reach(ctx); err != nil {
		return err
	}
	all, err := d.migrations(ctx)
	if err != nil {
		return err
	}
	if err := current(all); err != nil {
		return err
	}
	return d.closed(ctx)
}
