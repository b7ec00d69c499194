package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"deputy/entitlements"
	"deputy/vending/postgres/catalog"
	"deputy/vending/postgres/gate"
	"deputy/vending/postgres/searchpath"
)

// snapshot is what the database looked like at one moment: the governed tables, and the functions, operators and types
// that statements may use.
type snapshot struct {
	taken   time.Time
	catalog *entitlements.Catalog
	tables  catalog.Tables
	gate    *gate.Gate
	paths   *searchpath.Paths
}

// Catalog returns the governed tables.
func (e *Engine) Catalog(ctx context.Context) (*entitlements.Catalog, error) {
	s, err := e.current(ctx)
	if err != nil {
		return nil, err
	}
	return s.catalog, nil
}

// current returns the snapshot, taken anew when it is too old. While the database cannot be asked, there is none.
func (e *Engine) current(ctx context.Context) (*snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snapshot != nil && e.config.Now().Sub(e.snapshot.taken) < catalogAge {
		return e.snapshot, nil
	}
	return e.takeLocked(ctx)
}

// renewed returns a snapshot that is newer than the one given, unless that one is fresh: a statement named something
// unknown.
func (e *Engine) renewed(ctx context.Context, than *snapshot) (*snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snapshot != than || e.config.Now().Sub(than.taken) < time.Second {
		return e.snapshot, nil
	}
	return e.takeLocked(ctx)
}

// forget drops a snapshot that the database says is not true any more.
func (e *Engine) forget(s *snapshot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snapshot == s {
		old := *s
		old.taken = time.Time{}
		e.snapshot = &old
	}
}

func (e *Engine) takeLocked(ctx context.Context) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, analysisLimit) // everybody else waits for this
	defer cancel()
	taken := e.config.Now()
	tables, err := catalog.Load(ctx, e.db, e.config.Schemas)
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	p, err := searchpath.Load(ctx, e.db, e.config.schemas())
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	g, err := gate.Load(ctx, e.db, e.config.allowed(), p, tables)
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	views, err := e.views.Read(ctx, e.db)
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	e.views = views
	views.Describe(tables, g.Computes)
	s := &snapshot{taken: taken, tables: tables, gate: g, paths: p, catalog: &entitlements.Catalog{}}
	s.catalog.Tables = tables.Sorted()
	s.catalog.Version = s.version()
	if e.snapshot != nil && e.snapshot.catalog.Version == s.catalog.Version {
		s.catalog = e.snapshot.catalog // the same pointer, so that nobody compiles policies again for nothing
	}
	e.snapshot = s
	return s, nil
}

// version changes with anything that a decision or an analysis depends on, tags and object ids included: a table that
// was dropped and made again is another table.
func (s *snapshot) version() string {
	oids := map[string]uint32{}
	for oid, r := range s.tables {
		oids[r.Table.String()] = oid
	}
	h := sha256.New()
	json.NewEncoder(h).Encode(s.catalog.Tables)
	json.NewEncoder(h).Encode(oids)
	json.NewEncoder(h).Encode(s.paths.Schemas())
	s.gate.WriteTypes(h)
	return hex.EncodeToString(h.Sum(nil)[:8])
}
