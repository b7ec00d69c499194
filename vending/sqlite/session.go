package sqlite

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/vending"
	"deputy/vending/sqlite/sqltext"
	"deputy/vending/sqlite/view"
)

// limits bound what one statement can make SQLite do between two looks at the clock, and how deep it can nest.
var limits = map[sqlite3.LimitCategory]int{
	sqlite3.LIMIT_LENGTH:              256 << 10, // of one value or row
	sqlite3.LIMIT_SQL_LENGTH:          2 * vending.MaxStatement,
	sqlite3.LIMIT_EXPR_DEPTH:          500,
	sqlite3.LIMIT_COMPOUND_SELECT:     200,
	sqlite3.LIMIT_VDBE_OP:             500_000,
	sqlite3.LIMIT_FUNCTION_ARG:        100,
	sqlite3.LIMIT_ATTACHED:            2, // the file, twice
	sqlite3.LIMIT_LIKE_PATTERN_LENGTH: 256,
	sqlite3.LIMIT_VARIABLE_NUMBER:     1, // none, but SQLite wants one: see limit
	sqlite3.LIMIT_TRIGGER_DEPTH:       1,
	sqlite3.LIMIT_WORKER_THREADS:      0,
}

// session is a connection with the views of one lease, locked: nothing but one prepared statement can come of it.
type session struct {
	conn
	guard    *guard
	readable map[tree]bool // the b-trees that the inner views may need
	schema   string
	sql      string              // the caller's statement, as written
	text     vending.Requalified // and as it is run
	memory   int64               // bytes that SQLite has here

	parameters []vending.Parameter
	unfit      []vending.Unfit
}

// The databases of a session by their numbers in the byte code. The file is attached twice, because SQLite looks for a
// bare name in the first of them: what a caller's text reaches past the temporary views is in lure, where no b-tree may
// be opened, and the inner views read data, whose name cannot be guessed.
const (
	file = 2 // when a statement is analysed: there it is attached once, under the governed schema's name
	lure = 2
	data = 3
)

// vend makes the views of the lease as of now and locks the connection. The file bears the names n.lure and n.File on
// it.
func (e *Engine) vend(c conn, lease vending.Lease, n names, now time.Time) (*session, error) {
	v, err := e.newVend(c, n, now)
	if err != nil {
		return nil, err
	}
	if err := e.unchanged(v.conn, n.File, lease); err != nil {
		return nil, err
	}
	if err := v.views(lease.Access); err != nil {
		return nil, err
	}
	return v.session(lease)
}

// unchanged refuses a lease that was decided over another schema than the file has now.
func (e *Engine) unchanged(c conn, file string, lease vending.Lease) error {
	e.mu.Lock()
	s := e.current
	e.mu.Unlock()
	if lease.Catalog == "" {
		return nil
	}
	if s == nil || s.catalog.Version != lease.Catalog {
		return vending.ErrChanged
	}
	if changed, err := e.stale(c, file, s); err != nil || changed {
		return cmp.Or(err, vending.ErrChanged)
	}
	return nil
}

// names are the random names of one session.
type names struct {
	view.Names
	lure    string // of the file's first attachment: see data
	nothing string // what the views that hide the file's objects say that they read: nothing_ROW
}

// lock is the last thing done to a connection before it sees text of a caller's.
func (c conn) lock(g *guard, parameters []vending.Parameter) error {
	if err := c.Exec(`PRAGMA query_only = on`); err != nil {
		return err
	}
	c.limit(parameters)
	// The file is locked for reading. A wait for a further lock, which SQLite takes to see whether an error is that of an
	// old schema, would be one for a writer that waits for this session.
	if err := c.BusyTimeout(0); err != nil {
		return err
	}
	return c.SetAuthorizer(g.authorize)
}

// ownName is what SQLite itself calls the file that it has opened: before a table it means the governed schema.
const ownName = "main"

// retarget points "sales.orders" and "main.orders" at the vended view, which is temp.orders.
func (e *Engine) retarget(lease vending.Lease) vending.Requalified {
	d := e.Dialect()
	granted := map[string]bool{}
	for _, a := range lease.Access {
		granted[sqltext.Fold(a.Table.Name)] = true
	}
	return d.Requalify(d.Trim(lease.SQL), "", func(schema, table string) (string, bool) {
		return "temp", (schema == e.schema || schema == ownName) && granted[table]
	})
}

// prepare is where SQLite, the guard and the byte code judge the statement.
func (s *session) prepare() (*sqlite3.Stmt, error) {
	stmt, err := s.prepareRead(s.text.SQL, s.parameters)
	if s.guard.acts {
		err = errNotRead
	}
	if err == nil {
		err = s.checkProgram()
	}
	if err != nil {
		stmt.Close()
		return nil, err
	}
	return stmt, nil
}

// finish returns how a statement ended. One that SQLite had to prepare again, because something changed after it was
// checked, may have run another byte code than was checked.
func (s *session) finish(stmt *sqlite3.Stmt) error {
	if err := stmt.Err(); err != nil {
		return &running{err}
	}
	if stmt.Status(sqlite3.STMTSTATUS_REPREPARE, false) != 0 {
		return errChanged
	}
	return nil
}

// prepareRead prepares exactly one statement that only reads and has exactly the parameters.
func (c conn) prepareRead(sql string, parameters []vending.Parameter) (*sqlite3.Stmt, error) {
	if !startsLikeRead(sql) {
		return nil, errNotRead
	}
	stmt, tail, err := c.Prepare(sql)
	switch {
	case err != nil:
		return nil, err
	case stmt == nil:
		return nil, errNotRead
	case tail != "":
		err = errSeveral
	case !stmt.ReadOnly():
		err = errNotRead
	default:
		err = checkParameters(stmt, parameters)
	}
	if err != nil {
		stmt.Close()
		return nil, err
	}
	return stmt, nil
}

// startsLikeRead looks at the first word, because EXPLAIN and PRAGMA can pass for reads otherwise.
func startsLikeRead(sql string) bool {
	for {
		sql = strings.TrimLeft(sql, " \t\n\f\r")
		switch {
		case strings.HasPrefix(sql, "--"):
			_, sql, _ = strings.Cut(sql, "\n")
		case strings.HasPrefix(sql, "/*"):
			_, sql, _ = strings.Cut(sql[2:], "*/")
		default:
			end := strings.IndexFunc(sql, func(r rune) bool { return r < 'A' || r > 'Z' && r < 'a' || r > 'z' })
			if end < 0 {
				end = len(sql)
			}
			switch sqltext.Fold(sql[:end]) {
			case "select", "with", "values":
				return true
			}
			return false
		}
	}
}

// randomName makes a name that nobody can guess.
func (e *Engine) randomName() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(e.cfg.Rand, b[:]); err != nil {
		return "", fmt.Errorf("making a random name: %w", err)
	}
	return "v" + hex.EncodeToString(b[:]), nil
}

func (e *Engine) randomNames() (n names, err error) {
	for _, name := range []*string{&n.lure, &n.File, &n.Mask, &n.Within, &n.Sample, &n.nothing} {
		if *name, err = e.randomName(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// withSession vends the lease on a connection of its own and revokes it by closing that.
func (e *Engine) withSession(
	ctx context.Context,
	lease vending.Lease,
	memory int64,
	now time.Time,
	f func(*session) error,
) error {
	n, err := e.randomNames()
	if err != nil {
		return err
	}
	return e.withMemory(ctx, n.lure, memory, func(c conn) error {
		if err := c.attach(e.uri, n.File); err != nil {
			return fmt.Errorf("attaching the database file: %w", err)
		}
		s, err := e.vend(c, lease, n, now)
		if err != nil {
			return fmt.Errorf("%w: %w", errVending, err)
		}
		s.memory = memory
		return f(s)
	})
}
