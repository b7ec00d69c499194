package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/parameters"
	"deputy/vending/postgres/sqltext"
	"deputy/vending/postgres/wayout"
)

// Run vends, runs and revokes in one transaction that cannot commit.
func (e *Engine) Run(ctx context.Context, lease vending.Lease) (vending.Result, error) {
	if err := e.readsViews(ctx, lease); err != nil {
		return vending.Result{Role: vending.Role{Name: roleName(lease.ID)}}, err
	}
	apart, err := e.retyped(ctx, lease)
	if err != nil {
		return vending.Result{Role: vending.Role{Name: roleName(lease.ID)}}, err
	}
	lease.Without = apart
	lease.SQL = parameters.AsBound(lease.SQL, vending.Parameters(lease.Arguments))
	v, err := e.vend(ctx, lease, readOnly)
	if err != nil {
		return vending.Result{Role: vending.Role{Name: roleName(lease.ID)}}, err
	}
	v.parameters = len(lease.Arguments)
	result, err := v.query(ctx, e.spare, lease)
	result.Unfit = v.unfit
	result.Role = v.revoke(ctx, returnsClean(err) && !result.Truncated)
	if wayout.Ungrouped(err) {
		err = errors.Join(e.Diagnose(ctx, lease), err)
	}
	return result, err
}

// readsViews refuses a statement that gets at a table itself and not at its view, where PUBLIC may read the table: by
// a name that was not pointed at the view, as db.schema.table and U&"schema".table are not. Any other table the
// database refuses.
func (e *Engine) readsViews(ctx context.Context, lease vending.Lease) error {
	s, err := e.current(ctx)
	if err != nil {
		return err
	}
	for _, r := range s.tables {
		if r.Public &&
			slices.ContainsFunc(
				lease.Access,
				func(a entitlements.Access) bool { return a.Table == r.Table.TableName },
			) {
			return e.Diagnose(ctx, lease)
		}
	}
	return nil
}

// vended is a role while it lives: one connection, inside the transaction that made it.
type vended struct {
	conn       *sql.Conn
	now        func() time.Time
	role       vending.Role
	text       vending.Requalified
	asked      string            // the caller's text, as it stands in text but for the schema words
	parameters int               // of the text
	schemas    map[string]string // governed -> vended

	again    string // what asks whether views were replaced in the meantime: see snapshot.rechecked
	forget   func() // the snapshot that the lease was decided over
	database string // the current one's name, which may stand before a schema
	pointed  func(schema, table string) (string, bool)
	unfit    []vending.Unfit

	replaced *vending.Requalified // what stands for text while a statement is diagnosed
	absent   map[string]string    // the names of nothing in it, and the words that they stand for
}

// access is whether the transaction of a lease may write. Only what reads no row may: see AnalyzeFor.
type access string

const (
	readOnly access = "on"
	writable access = "off"
)

// lockMoment is SQL that bounds each wait for a lock in a transaction, that of the views for their tables too. It is
// short because a call that waits holds a place and a connection: who wants to wait longer tries again, and lets others
// pass between two tries.
const lockMoment = `set_config('lock_timeout', '250', true)`

// noMoment is SQL that ends a wait for a lock as soon as PostgreSQL can. The analysis resolves names without regard to
// who asks: a caller who may not know of a table would learn from a longer wait that it is there.
const noMoment = `set_config('lock_timeout', '1', true)`

func (e *Engine) vend(ctx context.Context, lease vending.Lease, reading access) (*vended, error) {
	seen, err := e.current(ctx)
	if err != nil {
		return nil, err
	}
	if lease.Catalog != "" && lease.Catalog != seen.catalog.Version {
		return nil, changed(nil)
	}
	if err := seen.paths.Understood(lease.Access); err != nil {
		return nil, notVended(err)
	}
	access, unfit := e.misfits.Recall(seen.catalog.Version, lease.Access).Apply(lease.Access)
	lease.Access = access
	v, err := e.open(ctx, lease, reading, seen)
	if mayBeMisfit(err) && !e.hasChanged(ctx, seen, lease.Access) {
		misfits, failed := e.fit(ctx, seen, lease)
		if failed != nil {
			return nil, e.notOpened(ctx, seen, lease, failed)
		}
		if len(misfits) > 0 {
			var more []vending.Unfit
			lease.Access, more = misfits.Apply(lease.Access)
			unfit = append(unfit, more...)
			v, err = e.open(ctx, lease, reading, seen)
		}
	}
	if err != nil {
		return nil, e.notOpened(ctx, seen, lease, err)
	}
	v.unfit = unfit
	return v, nil
}

// notOpened sorts what the database said about a lease that was not vended.
func (e *Engine) notOpened(ctx context.Context, seen *snapshot, lease vending.Lease, err error) error {
	switch code := state(err); {
	case code == schemaChanged:
		e.forget(seen)
	case code == clocksMoved:
		e.forget(seen)
		return &vending.Error{
			Code:    vending.TooBusy,
			Message: "a clock has just been set: try again in a moment",
			Cause:   cause(err),
		}
	case code == columnsMoved, mayHaveChanged(code) && e.hasChanged(ctx, seen, lease.Access):
		e.forget(seen)
		return changed(err)
	}
	return vendError(ctx, err)
}

// open vends the lease on a connection of its own. Its error is the database's.
func (e *Engine) open(ctx context.Context, lease vending.Lease, reading access, seen *snapshot) (*vended, error) {
	s, schemas := e.newSpec(lease, seen)
	// The order matters: nothing is signed for after read-only, and nothing is set after the role has changed.
	begin := fmt.Sprintf(
		`BEGIN; SELECT %[8]s; SELECT %[1]s; %[2]s SELECT set_config('search_path', %[3]s, true), `+
			`set_config('statement_timeout', '%[4]d', true), `+
			`set_config('idle_in_transaction_session_timeout', '%[5]d', true), `+
			`set_config('client_connection_check_interval', '1000', true), `+
			`set_config('application_name', %[6]s, true), set_config('transaction_read_only', '%[7]s', true), `+
			`set_config('role', %[6]s, true)`,
		e.signer.call(
			s,
		),
		seen.check(lease),
		pq.QuoteLiteral(e.vendedPath(schemas, without(seen.paths.Callers, lease.Without))),
		lease.Timeout.Milliseconds(),
		(lease.Timeout + time.Minute).Milliseconds(),
		pq.QuoteLiteral(roleName(lease.ID)),
		reading,
		lockMoment,
	)
	conn, err := e.begin(ctx, begin)
	if err != nil {
		return nil, err
	}
	asked := sqltext.Dialect.Trim(lease.SQL)
	return &vended{
		conn: conn, now: e.config.Now, schemas: schemas, asked: asked, absent: map[string]string{},
		role:     vending.Role{Name: roleName(lease.ID), Vended: e.config.Now()},
		text:     sqltext.Dialect.Requalify(asked, seen.database, requalifier(lease, schemas)),
		database: seen.database, pointed: requalifier(lease, schemas),
		again: seen.rechecked(lease), forget: func() { e.forget(seen) },
	}, nil
}

// schemaChanged is the state of the error that deputy.vend ends with when a schema of a path is not what the snapshot
// says.
const schemaChanged = "42P15"

// columnsMoved is the state of the error that asDecided ends with: a division by zero.
const columnsMoved = "22012"

// check is a query that fails unless the tables of a lease are as they were decided over. The views that stand by then
// keep the tables as they are.
func (s *snapshot) check(lease vending.Lease) string {
	switch {
	case lease.Catalog == "":
		return asDecided(lease.Access)
	case len(lease.Access) == 0:
		return ""
	}
	return "SELECT 1 / (CASE WHEN " + s.asSeen(lease.Access) + " THEN 1 ELSE 0 END);"
}

// asDecided is a query that fails unless the columns of a lease stand where they stood when it was decided. Where two
// have changed names since, a name is that of other values than the policies have judged. The views that stand by then
// keep the tables as they are.
func asDecided(leased []entitlements.Access) string {
	var decided []string
	for _, a := range leased {
		for _, c := range a.Columns {
			if c.Place > 0 {
				decided = append(
					decided,
					fmt.Sprintf("(%s, %s, %s, %d)", pq.QuoteLiteral(a.Table.Schema), pq.QuoteLiteral(a.Table.Name),
						pq.QuoteLiteral(c.Name), c.Place),
				)
			}
		}
	}
	if decided == nil {
		return ""
	}
	return `SELECT 1 / (CASE WHEN EXISTS (SELECT FROM (VALUES ` + strings.Join(
		decided,
		", ",
	) + `) AS d (schema, name, attribute, place) ` +
		`JOIN pg_catalog.pg_namespace n ON n.nspname = d.schema JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = d.name ` +
		`JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = d.attribute WHERE d.place <> (SELECT count(*) ` +
		`FROM pg_catalog.pg_attribute b WHERE b.attrelid = c.oid AND b.attnum BETWEEN 1 AND a.attnum AND NOT b.attisdropped)) THEN 0 ELSE 1 END);`
}

// begin runs the batch on a pooled connection, once more on another if the first turns out to be dead: nothing of the
// caller's has run then.
func (e *Engine) begin(ctx context.Context, batch string) (*sql.Conn, error) {
	for try := 0; ; try++ {
		conn, err := e.db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		if _, err = conn.ExecContext(ctx, batch); err == nil {
			return conn, nil
		}
		discard(conn)
		if !errors.Is(err, driver.ErrBadConn) || try > 0 {
			return nil, err
		}
	}
}

func requalifier(lease vending.Lease, schemas map[string]string) func(schema, table string) (string, bool) {
	vendedSchema := map[[2]string]string{}
	for _, a := range lease.Access {
		vendedSchema[[2]string{a.Table.Schema, a.Table.Name}] = schemas[a.Table.Schema]
	}
	return func(schema, table string) (string, bool) {
		word, ok := vendedSchema[[2]string{schema, table}]
		return word, ok
	}
}

// revoke ends the transaction and with it the role. A connection that does not come back clean is closed, not pooled:
// the database then ends the transaction by itself.
func (v *vended) revoke(ctx context.Context, clean bool) vending.Role {
	if clean {
		release(ctx, v.conn)
	} else {
		discard(v.conn)
	}
	v.role.Revoked = v.now()
	return v.role
}

// returnsClean reports whether a connection is as it was after an error: the database answered in the ordinary way.
func returnsClean(err error) bool {
	switch code := state(err); {
	case err == nil:
		return true
	case code == "":
		return false
	default:
		return slices.Contains([]string{"0A", "22", "25", "2D", "42", "54"}, code[:2])
	}
}

const (
	releaseTime = 5 * time.Second        // for a database that is slow while the call still has time
	releaseEnd  = 300 * time.Millisecond // after the call's own time, which the call may not exceed by a second
)

// release rolls back, takes away what outlives a rollback, and gives the connection to the pool. It goes on after the
// call's context has ended, for a moment: a connection that does not come back by then is closed.
func release(ctx context.Context, conn *sql.Conn) {
	until := time.Now().Add(releaseTime)
	if end, limited := ctx.Deadline(); limited && end.Before(until) {
		until = end
	}
	if soonest := time.Now().Add(releaseEnd); ctx.Err() != nil || until.Before(soonest) {
		until = soonest
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	if _, err := conn.ExecContext(
		ctx,
		`ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all(); DEALLOCATE ALL`,
	); err != nil {
		discard(conn)
		return
	}
	conn.Close()
}

// discard closes the connection for good. PostgreSQL rolls back when its client is gone.
func discard(conn *sql.Conn) {
	conn.Raw(func(any) error { return driver.ErrBadConn })
	conn.Close()
}
