package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lib/pq"

	"deputy/vending"
	"deputy/vending/postgres/catalog"
	"deputy/vending/postgres/gate"
	"deputy/vending/postgres/parameters"
	"deputy/vending/postgres/sqltext"
	"deputy/vending/postgres/wayout"
)

// Diagnose says what is wrong with a statement in the caller's own world, in which nothing exists but what the lease
// shows.
func (e *Engine) Diagnose(ctx context.Context, lease vending.Lease) error {
	_, err := e.AnalyzeFor(ctx, lease)
	return err
}

// AnalyzeFor reads the statement inside the lease, without running it. A schema that PUBLIC may use has more in it
// than the lease: a name of that is exchanged for one that is certainly not there, so that PostgreSQL says of it what
// it says of any name that is not there. An unqualified name means what it means without what is hidden, so a
// statement that Analyze refuses may be read here.
func (e *Engine) AnalyzeFor(ctx context.Context, lease vending.Lease) (*vending.Statement, error) {
	s, err := e.current(ctx)
	if err != nil {
		return nil, err
	}
	lease.SQL = parameters.AsNull(lease.SQL, vending.Parameters(lease.Arguments))
	v, err := e.vend(ctx, lease, writable)
	if err != nil {
		return nil, err
	}
	defer analysed(ctx)
	d := &diagnosis{
		vended:   v,
		engine:   e,
		snapshot: s,
		lease:    lease,
		words:    sqltext.Dialect.Words(v.text.SQL),
		marks:    map[int]string{},
	}
	statement, err := d.read(ctx)
	var known *vending.Error
	switch {
	case err != nil && !errors.As(err, &known):
		err = d.statementError(ctx, err)
	case state(err) == "57014": // a look into the catalog ran out of the lease's time: the database is there
		err = interrupted(ctx, err)
	}
	v.revoke(ctx, returnsClean(err) || errors.As(err, &known) && known.Cause == nil)
	return statement, err
}

// diagnosis is one statement that is read for the caller.
type diagnosis struct {
	*vended
	engine   *Engine
	snapshot *snapshot
	lease    vending.Lease
	words    []vending.Word // of text.SQL
	objects  []object       // that they may mean
	marks    map[int]string // what stands for a word, by its place in text.SQL
	without  []string       // schemas of the callers' path in which it would find what is hidden
}

const escaped = "write names without U& and UESCAPE: in such a name Deputy does not see what the statement is about"

func (d *diagnosis) read(ctx context.Context) (*vending.Statement, error) {
	if sqltext.Dialect.Empty(d.asked) {
		return nil, &vending.Error{Code: vending.InvalidSQL, Message: "there is no statement: write one SELECT"}
	}
	if why := sqltext.Dialect.NoRead(d.asked); why != "" {
		return nil, &vending.Error{Code: vending.Unsupported, Message: why}
	}
	if slices.ContainsFunc(d.words, func(w vending.Word) bool { return w.Escaped }) {
		return nil, &vending.Error{Code: vending.InvalidSQL, Message: escaped}
	}
	if err := d.find(ctx); err != nil {
		return nil, err
	}
	seen := map[vending.Word]bool{} // a name that stands in a statement a thousand times is looked at once
	for _, w := range d.words {
		if kinds := d.kindsOf(w); len(kinds) > 0 && !seen[w.Alike()] {
			seen[w.Alike()] = true
			if err := d.mark(ctx, w, kinds); err != nil {
				return nil, err
			}
		}
	}
	return d.settle(ctx)
}

// anyName are strings that types which are read from names take, one of them each: a type, its array, a row of such
// types.
var anyName = []string{"'0'", "'{}'", "NULL"}

// settle prepares what is left of the statement. Where a string is not what its type takes, because it names nothing,
// it is exchanged for one that every such type takes: whether its name is there is not told, and the gate refuses the
// type.
func (d *diagnosis) settle(ctx context.Context) (*vending.Statement, error) {
	for {
		err := d.try(ctx, d.marks)
		if err == nil {
			break
		}
		if wayout.Ungrouped(err) {
			return nil, d.allUngrouped(ctx, err)
		}
		if state(err) == "42501" {
			again, err := d.closed(ctx)
			if err != nil {
				return nil, err
			}
			if again {
				continue
			}
		}
		w, ok := d.stringAt(err)
		tried := slices.Index(anyName, d.marks[w.Start]) + 1
		if !ok || wayout.Unread(err) || tried == len(anyName) ||
			tried == 0 && !strings.HasPrefix(state(err), "42") && state(err) != "3F000" {
			return nil, d.statementError(ctx, err)
		}
		d.marks[w.Start] = anyName[tried]
	}
	statement, refused, err := d.probe(ctx)
	if err != nil {
		return nil, err
	}
	again, err := d.overloaded(ctx, refused)
	switch {
	case err != nil:
		return nil, err
	case again:
		return d.settle(ctx)
	case len(d.marks) > 0 && vending.Gate(statement) == nil: // nothing that is read is as it was asked for
		return nil, &vending.Error{
			Code:    vending.InvalidSQL,
			Message: "a string in the statement names something that is not there, or that you may not use",
		}
	}
	statement.Without = d.without
	return statement, vending.Gate(statement)
}

// mark exchanges a word, wherever it stands, where PostgreSQL looks it up as one of the kinds: nothing else is said
// about a name that is not there. A name that the statement gives itself is not missing when it is given another
// everywhere.
func (d *diagnosis) mark(ctx context.Context, w vending.Word, kinds []kind) error {
	absent := fmt.Sprintf("absent_%d_%s", w.Start, d.lease.ID) // no object has this name
	if w.Operator != "" {
		absent = "<" + strings.Repeat("@#", 5+len(d.marks)%25) + ">"
	}
	everywhere := map[int]string{}
	for _, same := range d.words {
		if same.Alike() == w.Alike() || same.Name != "" && same.Name == w.Name && w.Qualifier+same.Qualifier == "" {
			everywhere[same.Start] = absent
		}
	}
	for {
		missing, why, err := d.missing(ctx, everywhere, absent, kinds)
		if err != nil {
			return err
		}
		if missing {
			maps.Copy(d.marks, everywhere)
			d.absent[absent] = w.Name + w.Operator
			return nil
		}
		column, ok := d.columnAt(why, everywhere)
		if !ok {
			return nil
		}
		delete(everywhere, column.Start)
	}
}

// columnAt is the exchanged word that PostgreSQL misses as a column. There it means a column that is shown, and it may
// mean what is hidden elsewhere in the statement.
func (d *diagnosis) columnAt(err error, exchanged map[int]string) (vending.Word, bool) {
	if state(err) != "42703" {
		return vending.Word{}, false
	}
	at := d.placeInText(err)
	for _, w := range d.words {
		if _, is := exchanged[w.Start]; is && at == len([]rune(d.text.SQL[:w.Start]))+1 {
			return w, true
		}
	}
	return vending.Word{}, false
}

// missing reports whether PostgreSQL, with other words in the statement, misses an object of one of the kinds; why is
// what it says.
func (d *diagnosis) missing(
	ctx context.Context,
	with map[int]string,
	absent string,
	kinds []kind,
) (missing bool, why, err error) {
	why = d.try(ctx, with)
	var pe *pq.Error
	switch {
	case why == nil:
		return false, nil, nil
	case !errors.As(why, &pe):
		return false, nil, d.statementError(ctx, why)
	}
	return strings.Contains(pe.Message, absent) &&
		slices.ContainsFunc(kinds, func(k kind) bool { return k.missing(pe) }), why, nil
}

// closed marks a schema that the statement may not look into, where it is met on the way to a column. again: there is
// one.
func (d *diagnosis) closed(ctx context.Context) (again bool, err error) {
	for _, w := range d.words {
		if _, done := d.marks[w.Start]; done || !slices.Contains(d.kindsOf(w), "schema") {
			continue
		}
		absent := fmt.Sprintf("absent_%d_%s", w.Start, d.lease.ID)
		with := maps.Clone(d.marks)
		with[w.Start] = absent
		switch err := d.try(ctx, with); {
		case err != nil && state(err) == "":
			return false, d.statementError(ctx, err)
		case state(err) != "42501":
			d.marks, d.absent[absent] = with, w.Name
			return true, nil
		}
	}
	return false, nil
}

// try prepares the statement with other words in it, and undoes it.
func (d *diagnosis) try(ctx context.Context, with map[int]string) error {
	text := vending.Replace(d.text.SQL, d.words, with)
	d.replaced = &text
	if _, err := d.conn.ExecContext(ctx, "SAVEPOINT diagnosis"); err != nil {
		return err
	}
	var prepared error
	raw := d.conn.Raw(func(conn any) error {
		_, prepared = conn.(driver.ConnPrepareContext).PrepareContext(ctx, guard+text.SQL)
		return nil
	})
	if raw != nil || prepared != nil && state(prepared) == "" {
		return errors.Join(prepared, raw)
	}
	if _, err := d.conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT diagnosis"); err != nil {
		return err
	}
	return prepared
}

// stringAt is the string that an error is about.
func (d *diagnosis) stringAt(err error) (vending.Word, bool) {
	at := d.placeInText(err)
	for _, w := range d.words {
		if w.String() && at == len([]rune(d.text.SQL[:w.Start]))+1 {
			return w, true
		}
	}
	return vending.Word{}, false
}

// overloaded looks at the functions and operators that are hidden and were chosen all the same: among others of the
// same name, or because LIKE, IN, CASE, a join by name or a column that is not there asks for one. Where the statement
// says in which schema, the word is marked; else the schema is taken off the path. again: the statement means
// something else now.
func (d *diagnosis) overloaded(ctx context.Context, refused *gate.Refusals) (again bool, err error) {
	found, err := d.hiddenRoutines(ctx, refused)
	if err != nil || len(found) == 0 {
		return false, err
	}
	before := len(d.marks)
	for _, o := range found {
		if slices.Contains(d.snapshot.paths.Callers, o.Schema) && !slices.Contains(d.without, o.Schema) {
			d.without, again = append(d.without, o.Schema), true
		}
		for _, w := range d.words {
			if _, done := d.marks[w.Start]; !done && w.Qualifier != "" && w.Name+w.Operator == o.Name {
				if err := d.mark(ctx, w, []kind{"function"}); err != nil {
					return false, err
				}
			}
		}
	}
	if again {
		path := d.engine.vendedPath(d.schemas, without(d.snapshot.paths.Callers, d.without))
		//nolint:gosec // the value is quoted
		set := "SELECT pg_catalog.set_config('search_path', " + pq.QuoteLiteral(path) + ", true)"
		if _, err := d.conn.ExecContext(ctx, set); err != nil {
			return false, cutOff(ctx, err)
		}
	}
	return again || len(d.marks) > before, nil
}

// probe analyses what was prepared, as Analyze does, and says what the views of the lease stand for.
func (d *diagnosis) probe(ctx context.Context) (*vending.Statement, *gate.Refusals, error) {
	if _, err := d.conn.ExecContext(ctx, "SELECT pg_catalog.set_config('role', 'none', true)"); err != nil {
		return nil, nil, cutOff(ctx, err)
	}
	seen, err := probeOn(ctx, d.conn, d.replaced.SQL)
	if err != nil {
		return nil, nil, err
	}
	within, err := d.within(ctx)
	if err != nil {
		return nil, nil, err
	}
	// the role is the vended one again
	if _, err := d.conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT diagnosis"); err != nil {
		return nil, nil, cutOff(ctx, err)
	}
	statement, err := d.engine.statement(ctx, d.conn, within, d.lease.SQL, seen)
	if err != nil {
		return nil, nil, err
	}
	return statement, within.gate.Refused(seen.tree), nil
}

// within is the snapshot of the lease: its views stand for the tables.
func (d *diagnosis) within(ctx context.Context) (*snapshot, error) {
	out := *d.snapshot
	out.tables, out.gate = catalog.Tables{}, d.snapshot.gate.Clone()
	rows, err := d.conn.QueryContext(ctx, `
SELECT c.oid, c.reltype, t.typarray, n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = c.reltype WHERE n.nspname = ANY ($1)`, pq.Array(slices.Collect(maps.Values(d.schemas))))
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var oid, row, array uint32
		var schema, name string
		if err := rows.Scan(&oid, &row, &array, &schema, &name); err != nil {
			return nil, cutOff(ctx, err)
		}
		for _, a := range d.lease.Access {
			if name != a.Table.Name || schema != d.schemas[a.Table.Schema] {
				continue
			}
			r := &catalog.Relation{RowType: row, Numbers: map[int]string{}}
			if _, stands := d.snapshot.relation(a.Table); stands != nil {
				r.Parent = stands.Parent
			}
			r.Table.TableName = a.Table
			for i, c := range a.Columns {
				r.Table.Columns = append(r.Table.Columns, c.Column)
				r.Numbers[i+1] = c.Name
			}
			out.tables[oid] = r
			out.gate.StandIn(d.snapshot.tables, a.Table, oid, row, array)
		}
	}
	return &out, rows.Err()
}
