package sqlite

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"deputy/internal/budget"
	"deputy/vending"
)

var leaseID = regexp.MustCompile(`^[a-z0-9]{8,64}$`)

// Run vends the lease, runs its statement and revokes it.
func (e *Engine) Run(ctx context.Context, lease vending.Lease) (vending.Result, error) {
	var result vending.Result
	err := e.lend(ctx, lease, &result.Role, func(s *session) error {
		result.Unfit = s.unfit
		return s.read(ctx, lease, &result)
	})
	if err != nil {
		budget.Of(ctx).Lower(0)
		return vending.Result{Role: result.Role, Unfit: result.Unfit}, err
	}
	return result, nil
}

// Diagnose says what is wrong with a statement, as seen from inside the lease.
func (e *Engine) Diagnose(ctx context.Context, lease vending.Lease) error {
	var role vending.Role
	defer budget.Of(ctx).Lower(0)
	return e.lend(ctx, lease, &role, func(s *session) error {
		stmt, err := s.prepare()
		if err == nil {
			stmt.Close()
		}
		return err
	})
}

// lend is the life of one role: f runs while it exists, and it does not when lend returns. f may run twice: see
// inMemory.
func (e *Engine) lend(ctx context.Context, lease vending.Lease, role *vending.Role, f func(*session) error) error {
	if err := vending.Shape(lease.SQL); err != nil {
		return err
	}
	if !leaseID.MatchString(lease.ID) {
		return unavailable(errors.New("the lease's id is not made of 8 to 64 lower-case letters and digits"))
	}
	if e.isClosed() {
		return unavailable(errClosed)
	}
	timeout := lease.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	now := e.cfg.Now()
	release, err := e.slot(ctx, timeout)
	if err != nil {
		return err
	}
	defer release()
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	var text vending.Requalified
	err = e.inMemory(limited, func(memory int64) error {
		return e.withSession(limited, lease, memory, now, func(s *session) error {
			role.Name, role.Vended = "deputy_"+lease.ID, e.cfg.Now()
			text = s.text
			return f(s)
		})
	})
	if !role.Vended.IsZero() {
		role.Revoked = e.cfg.Now()
	}
	switch {
	case err == nil:
		return nil
	case isBusy(err):
		return err
	case limited.Err() != nil:
		return interrupted(limited)
	}
	return e.near(e.refusal(err, lease.SQL, text), lease)
}

func (e *Engine) isClosed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

// read runs the statement and reads rows up to the lease's limits.
func (s *session) read(ctx context.Context, lease vending.Lease, result *vending.Result) error {
	stmt, err := s.prepare()
	if err != nil {
		return err
	}
	defer stmt.Close()
	if err := bind(stmt, lease.Arguments); err != nil {
		return err
	}
	if err := lease.Await(ctx); err != nil {
		return err
	}
	room, err := vending.RoomFor(ctx, lease, s.memory)
	if err != nil {
		return err
	}
	defer room.End()
	columns := outputs(stmt)
	rows := [][]any{}
	for lease.MaxRows > 0 && stmt.Step() {
		if len(rows) == lease.MaxRows {
			result.Truncated = true
			break
		}
		cells, size := make([]any, len(columns)), 0
		for i := 0; i < len(columns) && size <= room.Most(); i++ {
			cells[i] = columns[i].value(stmt, i)
			size += vending.Size(cells[i])
		}
		fits, err := room.Add(ctx, size)
		if err != nil {
			return err
		}
		if result.Truncated = !fits; !fits {
			break
		}
		rows = append(rows, cells)
	}
	if err := s.finish(stmt); err != nil {
		return err
	}
	result.Rows = rows
	result.Columns = make([]vending.OutputColumn, len(columns))
	for i, c := range columns {
		result.Columns[i] = vending.OutputColumn{Name: s.asWritten(c.name), Type: c.typeName()}
	}
	return nil
}

// asWritten gives an expression without an alias, which SQLite names after its text, the text that the caller wrote.
func (s *session) asWritten(name string) string {
	if strings.Contains(s.sql, name) {
		return name
	}
	return strings.ReplaceAll(name, "temp.", s.schema+".")
}

// running is an error of a statement that was good enough to be prepared.
type running struct{ error }

func (r *running) Unwrap() error { return r.error }

func outputs(stmt *sqlite3.Stmt) []output {
	out := make([]output, stmt.ColumnCount())
	for i := range out {
		out[i] = newOutput(stmt.ColumnName(i), stmt.ColumnDeclType(i))
	}
	return out
}
