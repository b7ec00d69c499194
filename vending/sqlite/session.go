package sqlite

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/vending"
)

// limits bound what one statement can make SQLite do between two looks at the clock, and how deep it can nest.
var limits = map[sqlite3.LimitCategory]int{
	sqlite3.LIMIT_LENGTH:              256 << 10, // of one value or row
	sqlite3.LIMIT_SQL_LENGTH:          2 * vending.MaxStatement,
	sqlite3.LIMIT_EXPR_DEPTH:          500,
	sqlite3.LIMIT_COMPOUND_SELECT:     200,
	sqlite3.LIMIT_VDBE_OP:             500_000,
	sqlite3.LIMIT_FUNCTION_ARG:        100,
	sqlite3.LIMIT_ATTACHED:            1, // the file
	sqlite3.LIMIT_LIKE_PATTERN_LENGTH: 256,
	sqlite3.LIMIT_VARIABLE_NUMBER:     1, // none, but SQLite wants one
	sqlite3.LIMIT_TRIGGER_DEPTH:       1,
	sqlite3.LIMIT_WORKER_THREADS:      0,
}

// session is a connection with the views of one lease, locked: nothing but one prepared statement can come of it.
type session struct {
	conn
	guard  *guard
	schema string
	sql    string              // the caller's statement, as written
	text   vending.Requalified // and as it is run
}

// vend makes the views of the lease as of now and locks the connection. The file bears the name n.file on it.
func (e *Engine) vend(c conn, lease vending.Lease, n names, now time.Time) (*session, error) {
	// One transaction that is never committed: what is seen of the file from here on is one state of it.
	if err := c.Exec(`BEGIN`); err != nil {
		return nil, err
	}
	g := &guard{file: n.file, granted: map[string]bool{}, inner: map[string]bool{}, masks: set(n.mask + " " + n.within + " " + n.sample), hidden: map[string]bool{}}
	masks := &masks{key: e.cfg.HashKey}
	if err := masks.create(c, n.mask); err != nil {
		return nil, err
	}
	if err := c.createRules(n, e.cfg.HashKey, now); err != nil {
		return nil, err
	}
	tables, err := c.objects(n.file)
	if err != nil {
		return nil, fmt.Errorf("listing what there is: %w", err)
	}
	var public []string
	for _, a := range lease.Access {
		v, err := e.vendTable(c, g, a, n, masks, tables)
		if err != nil {
			return nil, err
		}
		public = append(public, v.public)
	}
	for _, view := range public {
		if err := c.Exec(view); err != nil {
			return nil, fmt.Errorf("vending: %w", err)
		}
	}
	if err := e.hideRest(c, g, lease.SQL, tables); err != nil {
		return nil, err
	}
	if err := c.lock(g); err != nil {
		return nil, err
	}
	return &session{conn: c, guard: g, schema: e.schema, sql: lease.SQL, text: e.retarget(lease)}, nil
}

// vendTable makes the inner view of a table. The public ones come when all inner ones are there.
func (e *Engine) vendTable(c conn, g *guard, a entitlements.Access, n names, masks *masks, tables []string) (v views, err error) {
	table := fold(a.Table.Name)
	if a.Table.Schema != e.schema || g.granted[table] || isCatalog(table) {
		return v, fmt.Errorf("the lease names %s, which is not governed here, or names it twice", a.Table)
	}
	inner, err := e.randomName()
	if err != nil {
		return v, err
	}
	var whole entitlements.Table
	if slices.ContainsFunc(a.Filters, func(f entitlements.Filter) bool { return f.Sample != nil }) {
		if whole, err = c.table(n.file, a.Table.Name); err != nil {
			return v, fmt.Errorf("reading the columns of %s: %w", a.Table, err)
		}
	}
	if v, err = e.define(a, whole.Columns, inner, n, masks); err != nil {
		return v, err
	}
	if err := c.Exec(v.inner); err != nil {
		return v, fmt.Errorf("the view of %s: %w", a.Table, err)
	}
	// SQLite looks into a view only when it is used. What is wrong with ours must not look like an error of the caller's.
	stmt, _, err := c.Prepare(reading(inner))
	if err != nil && strings.Contains(err.Error(), n.file) { // a name of this session, which administrators did not write
		return v, fmt.Errorf("the view of %s: %s", a.Table, strings.ReplaceAll(err.Error(), n.file, e.schema))
	}
	if err != nil {
		return v, fmt.Errorf("the view of %s: %w", a.Table, err)
	}
	stmt.Close()
	g.granted[table], g.inner[inner] = true, true
	return v, e.checkQualified(c, a, inner, tables)
}

// hideRest keeps unqualified names from falling through to the file. Where the caller's text has the name of a hidden table in it,
// a broken view of that name is put before it, so that using it fails like the use of any name that means nothing, and using it for
// a common table expression works like with any other name. Names that are not in the text need no view; the guard refuses them all
// the same.
func (e *Engine) hideRest(c conn, g *guard, sql string, tables []string) error {
	text := fold(sql)
	for _, name := range tables {
		switch folded := fold(name); {
		case g.granted[folded]:
		case strings.Contains(text, folded):
			if err := e.hide(c, name); err != nil {
				return err
			}
		default:
			g.hidden[folded] = true
		}
	}
	return nil
}

// objects names the tables and views of the file.
func (c conn) objects(file string) (names []string, err error) {
	err = c.query(`SELECT name FROM `+quoteName(file)+`.sqlite_schema WHERE type IN ('table', 'view')`, func(r row) {
		if name := r.ColumnText(0); !isCatalog(fold(name)) {
			names = append(names, name)
		}
	})
	return names, err
}

// lock is the last thing done to a connection before it sees text of a caller's.
func (c conn) lock(g *guard) error {
	if err := c.Exec(`PRAGMA query_only = on`); err != nil {
		return err
	}
	for category, value := range limits {
		c.Limit(category, value)
	}
	return c.SetAuthorizer(g.authorize)
}

// retarget points "sales.orders" at the vended view, which is temp.orders.
func (e *Engine) retarget(lease vending.Lease) vending.Requalified {
	d := e.Dialect()
	granted := map[string]bool{}
	for _, a := range lease.Access {
		granted[fold(a.Table.Name)] = true
	}
	return d.Requalify(d.Trim(lease.SQL), func(schema, table string) (string, bool) {
		return "temp", schema == e.schema && granted[table]
	})
}

// prepare is where SQLite and the guard judge the statement.
func (s *session) prepare() (*sqlite3.Stmt, error) {
	stmt, err := s.prepareRead(s.text.SQL)
	if s.guard.acts {
		err = errNotRead
	}
	return stmt, err
}

// prepareRead prepares exactly one statement that only reads and has no parameters.
func (c conn) prepareRead(sql string) (*sqlite3.Stmt, error) {
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
	case stmt.BindCount() > 0:
		err = errParameters
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
			switch fold(sql[:end]) {
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
	for _, name := range []*string{&n.file, &n.mask, &n.within, &n.sample} {
		if *name, err = e.randomName(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// withSession vends the lease on a connection of its own and revokes it by closing that.
func (e *Engine) withSession(ctx context.Context, lease vending.Lease, now time.Time, f func(*session) error) error {
	n, err := e.randomNames()
	if err != nil {
		return err
	}
	return e.withFile(ctx, n.file, func(c conn) error {
		s, err := e.vend(c, lease, n, now)
		if err != nil {
			return fmt.Errorf("%w: %w", errVending, err)
		}
		return f(s)
	})
}
