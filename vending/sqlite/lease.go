package sqlite

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/sqlite/sqltext"
	"deputy/vending/sqlite/view"
)

// vend is a lease whose views are being made.
type vend struct {
	*Engine
	conn
	names  names
	guard  *guard
	writer *view.Writer

	objects objects
	tables  map[string]bool // tables of the file that the inner views read, folded
}

// newVend begins with a connection that no view is on.
func (e *Engine) newVend(c conn, n names, now time.Time) (*vend, error) {
	// One transaction that is never committed: what is seen of the file from here on is one state of it.
	if err := c.Exec(`BEGIN`); err != nil {
		return nil, err
	}
	g := &guard{file: n.File, granted: map[string]bool{}, inner: map[string]bool{}}
	g.masks = set(n.Mask + " " + n.Within + " " + n.Sample)
	var tables []entitlements.Table
	e.mu.Lock()
	if e.current != nil {
		tables = e.current.catalog.Tables
	}
	e.mu.Unlock()
	v := &vend{
		Engine: e, conn: c, names: n, guard: g, writer: view.NewWriter(e.schema, e.cfg.HashKey, n.Names, tables),
		tables: map[string]bool{},
	}
	if err := v.writer.Register(c.Conn, now); err != nil {
		return nil, err
	}
	var err error
	if v.objects, err = c.objects(n.File); err != nil {
		return nil, fmt.Errorf("listing what there is: %w", err)
	}
	return v, nil
}

// views makes the inner views while every bare name is hidden, so that an administrator's text that has one is found
// out. Alone, such a name means the table of the file; in a statement of a caller who may read that table too, it would
// mean the caller's view of it, or a common table expression that the caller calls so, and a filter would let through
// what it is there to hide. The public views take the place of what hides their names.
func (v *vend) views(access []entitlements.Access) error {
	if err := v.hide(v.names.File, v.names.nothing); err != nil {
		return err
	}
	var public []string
	for _, a := range access {
		view, err := v.inner(a)
		if err != nil {
			return err
		}
		public = append(public, view)
	}
	for i, a := range access {
		if err := v.show(a.Table.Name); err != nil {
			return fmt.Errorf("vending: %w", err)
		}
		if err := v.Exec(public[i]); err != nil {
			return fmt.Errorf("vending: %w", err)
		}
	}
	return v.seal()
}

// inner makes the inner view of a table and returns the definition of the public one.
func (v *vend) inner(a entitlements.Access) (public string, err error) {
	table := sqltext.Fold(a.Table.Name)
	if a.Table.Schema != v.schema || v.guard.granted[table] || isCatalog(table) {
		return "", fmt.Errorf("the lease names %s, which is not governed here, or names it twice", a.Table)
	}
	inner, err := v.randomName()
	if err != nil {
		return "", err
	}
	whole, err := v.conn.table(v.names.File, a.Table.Name)
	if err != nil {
		return "", fmt.Errorf("reading the columns of %s: %w", a.Table, err)
	}
	if !a.Fits(whole) {
		return "", errMoved
	}
	telling, err := v.telling(a)
	if err != nil {
		return "", fmt.Errorf("reading the indexes of %s: %w", a.Table, err)
	}
	views, err := v.writer.Write(a, whole.Columns, inner, telling)
	if err != nil {
		return "", err
	}
	if err := v.Exec(views.Inner); err != nil {
		return "", fmt.Errorf("the view of %s: %w", a.Table, err)
	}
	v.guard.granted[table], v.guard.inner[inner] = true, true
	v.tables[table] = true
	return views.Public, v.check(a, inner)
}

// telling reports whether an index of a table has its rows in an order that tells what is hidden in them. SQLite would
// read the table by it, and a statement without ORDER BY would sort the rows by what is under a mask.
func (v *vend) telling(a entitlements.Access) (telling bool, err error) {
	trees := 0
	for _, owner := range v.objects.owners {
		if owner == sqltext.Fold(a.Table.Name) {
			trees++
		}
	}
	if trees < 2 {
		return false, nil
	}
	var clear []string
	for _, name := range a.InClear() {
		clear = append(clear, sqltext.Literal(name))
	}
	file := sqltext.Literal(v.names.File)
	err = v.query(
		`SELECT 1 FROM pragma_index_list(`+sqltext.Literal(
			a.Table.Name,
		)+`, `+file+`) AS i, pragma_index_xinfo(i.name, `+file+`) AS c
		WHERE c.key AND (c.name IS NULL OR c.name NOT IN (`+strings.Join(
			clear,
			`, `,
		)+`)) LIMIT 1`,
		func(row) { telling = true },
	)
	return telling, err
}

// check looks into an inner view. SQLite would do that only when the view is used, and what is wrong with a view of
// ours must not look like an error of the caller's. An administrator's text may read other tables than its own.
func (v *vend) check(a entitlements.Access, inner string) error {
	reading := `SELECT * FROM temp.` + sqltext.Quote(inner)
	stmt, _, err := v.Prepare(reading)
	stmt.Close()
	if name, bare := v.objects.hidden(err, v.names.nothing); bare {
		return fmt.Errorf(
			"a table is named without its schema in what is said of %s: write %s.%s",
			a.Table,
			v.schema,
			name,
		)
	}
	if err != nil && strings.Contains(err.Error(), v.names.File) { // a name that the administrator did not write
		return fmt.Errorf("the view of %s: %s", a.Table, strings.ReplaceAll(err.Error(), v.names.File, v.schema))
	}
	if err != nil {
		return fmt.Errorf("the view of %s: %w", a.Table, err)
	}
	if !written(a) {
		return nil
	}
	p, err := v.explain(reading)
	if err != nil {
		return fmt.Errorf("the view of %s: %w", a.Table, err)
	}
	for _, t := range p.trees {
		if owner := v.objects.owners[t.root]; t.database == data && !isCatalog(owner) {
			v.tables[owner] = true
		}
	}
	return nil
}

// session locks the connection.
func (v *vend) session(lease vending.Lease) (*session, error) {
	parameters := vending.Parameters(lease.Arguments)
	if err := v.lock(v.guard, parameters); err != nil {
		return nil, err
	}
	text := v.retarget(lease)
	return &session{
		conn: v.conn, guard: v.guard, readable: v.readable(), schema: v.schema, sql: lease.SQL, text: text,
		parameters: parameters,
		unfit:      v.writer.Unfit,
	}, nil
}

// readable are the b-trees of the tables that the inner views read, their indexes included: which of them SQLite uses
// depends on the caller's statement.
func (v *vend) readable() map[tree]bool {
	readable := map[tree]bool{}
	for root, owner := range v.objects.owners {
		if v.tables[owner] {
			readable[tree{data, root}] = true
		}
	}
	return readable
}

// checkProgram is the lock beside the guard, and does not rely on it: whatever SQLite has asked, and whatever the names
// in the statement have come to mean, its byte code opens no b-tree but those of the inner views, no virtual table but
// the table functions, and calls no function but those that may be called.
func (s *session) checkProgram() error {
	p, err := s.explain(s.text.SQL)
	if err != nil {
		return err
	}
	for _, t := range p.trees {
		if !s.readable[t] {
			return fmt.Errorf("%w: page %d of database %d", errOutside, t.root, t.database)
		}
	}
	for _, f := range p.functions {
		if !functions[f] && !s.guard.masks[f] {
			return fmt.Errorf("%w: the function %s", errOutside, f)
		}
	}
	if len(p.modules) == 0 {
		return nil
	}
	known, err := s.tableModules()
	if err != nil {
		return err
	}
	for _, m := range p.modules {
		if !slices.Contains(known, m) {
			return fmt.Errorf("%w: the virtual table %s", errOutside, m)
		}
	}
	return nil
}
