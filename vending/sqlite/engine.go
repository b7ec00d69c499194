package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/sqlite/sqltext"
)

// Config says which file is governed, and how.
type Config struct {
	Path   string // of the database file; it is only ever opened for reading
	Schema string // what the file's tables are called before the dot: "sales"

	// HashKey keys the masks hash and format_preserving. Whoever has it can try names against hashes, so it is 32 bytes at
	// least. Without one, hashes are good for as long as the process lives.
	HashKey []byte

	MaxConcurrent int           // sessions at a time; default 8. Others wait for as long as their statement may take.
	MaxMemory     int64         // bytes of memory of one session; default 64 MiB; most have smallSession
	CatalogAge    time.Duration // how old a catalog may be before the file is looked at again; default 1 s

	Now  func() time.Time // default time.Now
	Rand io.Reader        // of names that nobody may guess; default crypto/rand
}

// Engine implements vending.Engine over one SQLite file.
type Engine struct {
	cfg    Config
	schema string
	uri    string
	slots  chan struct{}

	mu       sync.Mutex
	closed   bool
	current  *snapshot // guarded by mu
	analyses analyses
}

var _ vending.Engine = (*Engine)(nil)

const (
	minHashKey     = 32
	defaultTimeout = 30 * time.Second
)

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// Open checks the configuration. It does not look at the file: Check and the first call do.
func Open(cfg Config) (*Engine, error) {
	switch {
	case cfg.Path == "":
		return nil, errors.New("sqlite: the path of the database file is missing")
	case !plainName.MatchString(cfg.Schema) || cfg.Schema == "main" || cfg.Schema == "temp":
		return nil, fmt.Errorf(
			"sqlite: %q cannot be a schema's name: use lower-case letters, digits and _, and neither main nor temp",
			cfg.Schema,
		)
	case len(cfg.HashKey) > 0 && len(cfg.HashKey) < minHashKey:
		return nil, fmt.Errorf("sqlite: the hash key has %d bytes, it needs at least %d", len(cfg.HashKey), minHashKey)
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: finding the database file: %w", err)
	}
	if cfg.MaxConcurrent <= 0 {
		cfg.MaxConcurrent = 8
	}
	if cfg.MaxMemory <= 0 {
		cfg.MaxMemory = 64 << 20
	}
	if cfg.CatalogAge <= 0 {
		cfg.CatalogAge = time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if len(cfg.HashKey) == 0 {
		cfg.HashKey = make([]byte, minHashKey)
		if _, err := io.ReadFull(cfg.Rand, cfg.HashKey); err != nil {
			return nil, fmt.Errorf("sqlite: making a hash key: %w", err)
		}
	}
	return &Engine{
		cfg: cfg, schema: cfg.Schema, uri: readOnlyURI(path), slots: make(chan struct{}, cfg.MaxConcurrent),
	}, nil
}

// Dialect is what the lexer must know of SQLite.
func (e *Engine) Dialect() vending.Dialect { return sqltext.Dialect }

// Catalog returns the file's ordinary tables.
func (e *Engine) Catalog(ctx context.Context) (*entitlements.Catalog, error) {
	s, err := e.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &s.catalog, nil
}

// Renew returns the file's ordinary tables as they are now.
func (e *Engine) Renew(ctx context.Context) (*entitlements.Catalog, error) {
	e.mu.Lock()
	e.current = nil
	e.mu.Unlock()
	return e.Catalog(ctx)
}

func (e *Engine) snapshot(ctx context.Context) (*snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, unavailable(errClosed)
	}
	if e.current != nil && e.cfg.Now().Sub(e.current.taken) < e.cfg.CatalogAge {
		return e.current, nil
	}
	s, err := e.takeSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	e.current = s
	return s, nil
}

// Standing looks into the file, where any other session would look, for names that a vended role could have.
func (e *Engine) Standing(ctx context.Context) ([]string, error) {
	standing := []string{}
	err := e.withFile(ctx, e.schema, func(c conn) error {
		return c.query(
			`SELECT name FROM `+sqltext.Quote(e.schema)+`.sqlite_schema WHERE name GLOB 'deputy_*' ORDER BY name`,
			func(r row) {
				standing = append(standing, r.ColumnText(0))
			},
		)
	})
	if err != nil && ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return standing, nil
}

// Check says what keeps the file from being of use.
func (e *Engine) Check(ctx context.Context) ([]vending.Finding, error) {
	catalog, err := e.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	var findings []vending.Finding
	if len(catalog.Tables) == 0 {
		findings = append(
			findings,
			vending.Finding{
				Key:  "path",
				Text: fmt.Sprintf("%s has no table: create one, or name another file", e.cfg.Path),
			},
		)
	}
	standing, err := e.Standing(ctx)
	if err != nil {
		return nil, err
	}
	if len(standing) > 0 {
		findings = append(
			findings,
			vending.Finding{
				Key: "path",
				Text: fmt.Sprintf(
					"%s has objects named like vended roles (%s): rename them",
					e.cfg.Path,
					strings.Join(standing, ", "),
				),
			},
		)
	}
	return findings, nil
}

// Close ends the engine. Sessions that are running end by themselves; new ones are refused.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return nil
}

// slot waits for one of the sessions that may exist at a time.
func (e *Engine) slot(ctx context.Context, patience time.Duration) (release func(), err error) {
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case e.slots <- struct{}{}:
		return func() { <-e.slots }, nil
	case <-ctx.Done():
		return nil, interrupted(ctx)
	case <-timer.C:
		return nil, &vending.Error{
			Code:    vending.TooBusy,
			Message: "too many statements are running: try again in a moment",
		}
	}
}
