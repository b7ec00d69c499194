package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/catalog"
	"deputy/vending/postgres/gate"
	"deputy/vending/postgres/searchpath"
	"deputy/vending/postgres/setup"
	"deputy/vending/postgres/view"
)

// snapshot is what the database looked like at one moment: the governed tables, and the functions, operators and types
// that statements may use.
type snapshot struct {
	taken    time.Time
	catalog  *entitlements.Catalog
	tables   catalog.Tables
	ids      map[entitlements.TableName]uint32 // of the tables
	gate     *gate.Gate
	paths    *searchpath.Paths
	ahead    time.Duration // of Deputy's clock, before the database's
	database string        // the database's own name
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
	return e.take(ctx, func(s *snapshot, now time.Time) bool { return s != nil && now.Sub(s.taken) < catalogAge })
}

// Renew returns the governed tables as they are now.
func (e *Engine) Renew(ctx context.Context) (*entitlements.Catalog, error) {
	began := e.config.Now()
	for {
		s, err := e.take(ctx, func(*snapshot, time.Time) bool { return false })
		if err != nil {
			return nil, err
		}
		if !s.taken.Before(began) { // else it was on its way already
			return s.catalog, nil
		}
	}
}

// lookAgain is how old a snapshot has to be before a name that it does not explain is worth another look.
const lookAgain = time.Second

// after returns a snapshot that was taken after the one given, unless that one is younger than it may be.
func (e *Engine) after(ctx context.Context, than *snapshot, younger time.Duration) (*snapshot, error) {
	return e.take(ctx, func(s *snapshot, now time.Time) bool { return s != than || now.Sub(than.taken) < younger })
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

// catalogFlight is the one key of Engine.flight.
const catalogFlight = "catalog"

// take returns the snapshot that is there when it is good enough, and else one that is taken once for all calls that
// want it. Each call waits for that with its own context and with no lock held; the one that starts it may go away.
func (e *Engine) take(ctx context.Context, enough func(*snapshot, time.Time) bool) (*snapshot, error) {
	e.mu.Lock()
	now := e.config.Now()
	if e.snapshot != nil && enough(e.snapshot, now) {
		defer e.mu.Unlock()
		return e.snapshot, nil
	}
	taken := e.flight.DoChan(catalogFlight, func() (any, error) { return e.read(context.WithoutCancel(ctx), now) })
	e.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, unread(vending.Timeout, ctx.Err())
	case r := <-taken:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*snapshot), nil
	}
}

// read reads everything from the database. Only one of it runs at a time: it alone uses Engine.views. It answers a
// panic itself, because singleflight would end the process with it.
func (e *Engine) read(ctx context.Context, now time.Time) (s *snapshot, err error) {
	ctx, cancel := context.WithTimeout(ctx, analysisLimit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, unavailable(fmt.Errorf("reading the catalog ended in a panic: %v\n%s", p, debug.Stack()))
		}
	}()
	s, err = e.load(ctx, now)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.flight.Forget(catalogFlight) // a call that comes from here on may know of a change that this one has not seen
	if err != nil {
		return nil, unread(vending.Unavailable, err)
	}
	if e.snapshot != nil && e.snapshot.catalog.Version == s.catalog.Version {
		s.catalog = e.snapshot.catalog // the same pointer, so that nobody compiles policies again for nothing
	}
	e.snapshot = s
	return s, nil
}

// unread is for a catalog that was not read in time, the call's own or the one that reading has. Asking for less would
// not help.
func unread(code vending.Code, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && troubled(err) == nil {
		return &vending.Error{
			Code:    code,
			Message: "the data platform has not answered in time: try again later",
			Cause:   err,
		}
	}
	return unavailable(err)
}

func (e *Engine) load(ctx context.Context, now time.Time) (*snapshot, error) {
	if err := setup.CheckVersion(ctx, e.db); err != nil {
		return nil, err
	}
	tables, err := catalog.Load(ctx, e.db, e.config.Schemas)
	if err != nil {
		return nil, err
	}
	p, err := searchpath.Load(ctx, e.db, e.config.schemas())
	if err != nil {
		return nil, err
	}
	g, err := gate.Load(ctx, e.db, e.config.allowed(), p, tables)
	if err != nil {
		return nil, err
	}
	views, err := e.views.Read(ctx, e.db)
	if err != nil {
		return nil, err
	}
	e.views = views
	views.Describe(tables, g.Computes)
	ahead, err := e.compareClocks(ctx)
	if err != nil {
		return nil, err
	}
	s := &snapshot{taken: now, tables: tables, gate: g, paths: p, ahead: ahead, catalog: &entitlements.Catalog{}}
	if err := e.db.GetContext(ctx, &s.database, `SELECT pg_catalog.current_database()`); err != nil {
		return nil, err
	}
	s.ids = map[entitlements.TableName]uint32{}
	for id, r := range tables {
		s.ids[r.Table.TableName] = id
	}
	s.catalog.Tables = tables.Sorted()
	s.catalog.Version = s.version()
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

// Rows is how many rows PostgreSQL took the table to have when the catalog was last read.
func (e *Engine) Rows(table entitlements.TableName) (rows int64, known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snapshot != nil {
		if _, r := e.snapshot.relation(table); r != nil && r.Rows >= 0 {
			return r.Rows, true
		}
	}
	return 0, false
}

// ShownType is the type of the column in its view.
func (e *Engine) ShownType(column entitlements.ColumnAccess) string { return view.ShownType(column) }
