package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/singleflight"

	"deputy/vending"
	"deputy/vending/postgres/gate"
	"deputy/vending/postgres/lineage"
	"deputy/vending/postgres/misfit"
	"deputy/vending/postgres/searchpath"
	"deputy/vending/postgres/setup"
	"deputy/vending/postgres/sqltext"
)

const (
	catalogAge     = time.Minute // a changed table is noticed after this at the latest
	analysisAge    = 10 * time.Minute
	analysesKept   = 1024
	analysisLength = 8 << 10 // longer statements are analysed every time, so that the cache stays below 8 MiB
	analysisLimit  = 5 * time.Second
)

// Config says which database, and what of it is governed.
type Config struct {
	DSN        string   // of deputy_runner, as lib/pq reads it
	Schemas    []string // governed; unqualified names are looked up in this order
	SigningKey string   // as given to setup.Bootstrap; at least 32 characters
	// "schema.name" of functions that statements may call beside the built-in ones; not in a governed schema
	Functions []string
	// schemas that names in policies' SQL are looked up in; nil: pg_catalog, and those of installed extensions
	PolicyPath []string
	// names of extensions whose members that only compute statements may use, beside the well-known ones
	Extensions     []string
	MaxConnections int // 0: 32
	Now            func() time.Time
}

func (c Config) schemas() searchpath.Config {
	return searchpath.Config{
		Schemas: c.Schemas, Functions: c.Functions, PolicyPath: c.PolicyPath, Extensions: c.Extensions,
	}
}

func (c Config) allowed() gate.Config {
	return gate.Config{Functions: c.Functions, Extensions: c.Extensions}
}

// Engine implements vending.Engine.
type Engine struct {
	config Config
	db     *sqlx.DB
	spare  *sqlx.DB // one connection, made when a statement has to be cancelled: see insist
	signer signer

	mu       sync.Mutex // guards snapshot
	snapshot *snapshot
	flight   singleflight.Group // of the one reading of the catalog that any number of calls wait for
	views    lineage.Views      // as last read; the flight alone uses it
	analyses *expirable.LRU[string, *analysis]
	retypes  *expirable.LRU[readAs, []string] // what statements under masks that change types do without
	misfits  *misfit.Memory
}

var _ interface {
	vending.Engine
	vending.Sized
	vending.Typed
} = (*Engine)(nil)

// Open checks the configuration. It does not connect: Check and the first call do.
func Open(c Config) (*Engine, error) {
	if len(c.SigningKey) < setup.MinSigningKey {
		return nil, fmt.Errorf(
			"the signing key has %d characters: it needs %d or more",
			len(c.SigningKey),
			setup.MinSigningKey,
		)
	}
	if len(c.Schemas) == 0 {
		return nil, errors.New("no schema is governed: name at least one")
	}
	if slices.Contains(c.Schemas, "deputy") || slices.Contains(c.Schemas, "pg_catalog") ||
		slices.Contains(c.Schemas, "information_schema") {
		return nil, errors.New("the schemas deputy, pg_catalog and information_schema cannot be governed")
	}
	for _, f := range c.Functions {
		schema, _, ok := strings.Cut(f, ".")
		if !ok {
			return nil, fmt.Errorf("function %s: write schema.function", f)
		}
		if slices.Contains(c.Schemas, schema) {
			return nil, fmt.Errorf(
				"function %s: its schema is governed, so no vended role may look into it: put functions for callers into a schema of their own",
				f,
			)
		}
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = 32
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	db, spare, err := openPools(c.DSN, c.MaxConnections)
	if err != nil {
		return nil, err
	}
	return &Engine{
		config:   c,
		db:       db,
		spare:    spare,
		signer:   newSigner(c.SigningKey),
		analyses: expirable.NewLRU[string, *analysis](analysesKept, nil, analysisAge),
		retypes:  expirable.NewLRU[readAs, []string](analysesKept, nil, analysisAge),
		misfits:  misfit.NewMemory(c.Now),
	}, nil
}

// Dialect is PostgreSQL's.
func (e *Engine) Dialect() vending.Dialect { return sqltext.Dialect }

// Standing lists vended roles that a session other than the vending one can see. One that shows here was left by
// somebody's hand, not by Deputy: its own are never committed.
func (e *Engine) Standing(ctx context.Context) ([]string, error) {
	names := []string{}
	err := e.db.SelectContext(
		ctx,
		&names,
		`SELECT rolname FROM pg_catalog.pg_roles WHERE rolname ~ '^deputy_[0-9a-z]{8,}' ORDER BY 1`,
	)
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	return names, nil
}

// Close closes the connections.
func (e *Engine) Close() error { return errors.Join(e.db.Close(), e.spare.Close()) }
