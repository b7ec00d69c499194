package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/internal/budget"
	"deputy/vending"
	"deputy/vending/sqlite/sqltext"
)

// Analyze prepares the statement on a connection where the file bears the governed schema's name, and reports what
// SQLite's authorizer was asked. The statement is never stepped.
func (e *Engine) Analyze(ctx context.Context, sql string, parameters ...vending.Parameter) (*vending.Statement, error) {
	if err := vending.Shape(sql); err != nil {
		return nil, err
	}
	s, err := e.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if known := e.analyses.get(s.catalog.Version, sql, parameters); known != nil {
		return known, nil
	}
	release, err := e.slot(ctx, defaultTimeout)
	if err != nil {
		return nil, err
	}
	defer release()
	var found *vending.Statement
	defer budget.Of(ctx).Lower(0)
	for range 3 { // each time the schema has changed once more
		err = e.inMemory(ctx, func(memory int64) error {
			return e.withMemory(ctx, e.schema, memory, func(c conn) error {
				found, err = e.analyze(c, s, sql, parameters)
				return err
			})
		})
		if ctx.Err() != nil {
			return nil, interrupted(ctx)
		}
		if !errors.Is(err, vending.ErrChanged) {
			break
		}
		renewed, failure := e.snapshot(ctx)
		if failure != nil {
			return nil, failure
		}
		s = renewed
	}
	if err != nil {
		return nil, e.refusal(err, sql, e.underSchema(s, sql))
	}
	found.Catalog = s.catalog.Version
	if len(found.Forbidden) == 0 { // what is refused may be there the next time
		e.analyses.put(s.catalog.Version, *found, parameters)
	}
	return found, nil
}

// byName are the words of joins by the names of columns. SQLite does not say which columns those are, so that tables
// are used whole. A keyword cannot be quoted or escaped: where a string or a name holds one, a table is used whole
// without need.
var byName = regexp.MustCompile(`(?i)(^|[^a-z0-9_$])(natural|using)($|[^a-z0-9_$])`)

func (e *Engine) analyze(
	c conn,
	s *snapshot,
	sql string,
	parameters []vending.Parameter,
) (*vending.Statement, error) {
	if err := c.Exec(`BEGIN`); err != nil { // the pages of tables do not move until they have been looked up
		return nil, err
	}
	if changed, err := e.stale(c, e.schema, s); err != nil || changed {
		return nil, cmp.Or(err, vending.ErrChanged)
	}
	objects, err := c.objects(e.schema)
	if err != nil {
		return nil, err
	}
	c.limit(parameters)
	notes := newNotes(e.schema, s)
	if err := c.SetAuthorizer(notes.authorize); err != nil {
		return nil, err
	}
	text := e.underSchema(s, sql).SQL
	stmt, err := c.prepareRead(text, parameters)
	if notes.acts {
		err = errNotRead
	}
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	statement := &vending.Statement{SQL: sql, Outputs: notes.outputs(stmt)}
	if err := c.SetAuthorizer(nil); err != nil {
		return nil, err
	}
	notes.whole = byName.MatchString(text)
	if err := notes.readProgram(c, objects, text); err != nil {
		return nil, err
	}
	if notes.whole || len(notes.unclear) > 0 {
		if err := e.resolve(c, notes, objects, text, parameters); err != nil {
			return nil, err
		}
	}
	statement.Tables, statement.Forbidden = notes.tables(), notes.forbidden()
	return statement, nil
}

// underSchema is the statement in which "main.orders" names the governed schema.
func (e *Engine) underSchema(s *snapshot, sql string) vending.Requalified {
	return e.Dialect().Requalify(e.Dialect().Trim(sql), "", func(schema, table string) (string, bool) {
		_, governed := s.tables[table]
		return sqltext.Quote(e.schema), schema == ownName && governed
	})
}

// resolve finds the tables that the authorizer does not tell: those of which only a join by name uses columns, and bare
// names of which no column is used, which could be common table expressions too. Everything in the file is put out of
// sight, and SQLite says which object it misses, until it misses none.
func (e *Engine) resolve(c conn, notes *notes, objects objects, text string, parameters []vending.Parameter) error {
	nothing, err := e.randomName()
	if err != nil {
		return err
	}
	if err := c.hide(e.schema, nothing); err != nil {
		return err
	}
	shown := map[string]bool{}
	for {
		retargeted := e.Dialect().Requalify(text, "", func(schema, table string) (string, bool) {
			return "temp", schema == e.schema && !shown[table]
		})
		stmt, err := c.prepareRead(retargeted.SQL, parameters)
		stmt.Close()
		missed, hidden := objects.hidden(err, nothing)
		if !hidden {
			return err
		}
		table := sqltext.Fold(missed)
		if _, governed := notes.known.tables[table]; !governed || shown[table] {
			notes.refuse("table", table)
			return nil
		}
		shown[table] = true
		notes.use(table, "")
		if err := c.show(missed); err != nil {
			return err
		}
	}
}

// notes are what the authorizer was asked about one statement, and what its byte code opens. Tables are by their folded
// names.
type notes struct {
	schema  string
	known   *snapshot
	columns map[string]map[string]bool
	refused map[vending.Forbidden]bool
	acts    bool            // the statement would do something else than read
	unclear map[string]bool // bare names of which no column is used: a table's, or a common table expression's
	whole   bool            // all columns of the tables are used, as far as is known
}

func newNotes(schema string, s *snapshot) *notes {
	return &notes{
		schema: schema, known: s,
		columns: map[string]map[string]bool{}, unclear: map[string]bool{}, refused: map[vending.Forbidden]bool{},
	}
}

func (n *notes) authorize(
	action sqlite3.AuthorizerActionCode,
	third, fourth, schema, _ string,
) sqlite3.AuthorizerReturnCode {
	switch action {
	case sqlite3.AUTH_SELECT, sqlite3.AUTH_RECURSIVE:
	case sqlite3.AUTH_FUNCTION:
		if name := sqltext.Fold(fourth); !functions[name] {
			n.refuse("function", name)
		}
	case sqlite3.AUTH_READ:
		n.read(sqltext.Fold(third), fourth, schema)
	default:
		n.acts = true
		return sqlite3.AUTH_DENY
	}
	return sqlite3.AUTH_OK
}

func (n *notes) read(table, column, schema string) {
	_, governed := n.known.tables[table]
	switch {
	case isCatalog(table):
		n.refuse("catalog", table)
	case sqltext.Fold(schema) == n.schema && governed:
		n.use(table, column)
	case schema == "" && column == "":
		if governed {
			n.unclear[table] = true
		}
	case schema == "main" && tableFunctions[table]:
	default:
		n.refuse("table", table)
	}
}

// readProgram adds what the byte code opens. What is not governed is refused, whether the authorizer was asked about it
// or not.
func (n *notes) readProgram(c conn, objects objects, text string) error {
	p, err := c.explain(text)
	if err != nil {
		return err
	}
	for _, t := range p.trees {
		owner := objects.owners[t.root]
		if _, governed := n.known.tables[owner]; !governed || t.database != file {
			n.refuse("table", owner)
			continue
		}
		if n.columns[owner] == nil && !n.unclear[owner] { // the authorizer was not asked about it at all
			n.whole = true
		}
		n.use(owner, "")
		delete(n.unclear, owner)
		if n.whole && strings.Contains(owner, `"`) {
			n.refuse("join by name (write it with ON) with the table", owner)
		}
	}
	if len(p.modules) == 0 {
		return nil
	}
	known, err := c.tableModules()
	if err != nil {
		return err
	}
	for _, m := range p.modules {
		if !slices.Contains(known, m) {
			n.refuse("table", "a virtual table")
		}
	}
	return nil
}

func (n *notes) use(table, column string) {
	if n.columns[table] == nil {
		n.columns[table] = map[string]bool{}
	}
	switch {
	case column == "":
	case slices.ContainsFunc(n.known.tables[table].Columns, func(c entitlements.Column) bool { return c.Name == column }):
		n.columns[table][column] = true
	default:
		n.refuse("system column", sqltext.Fold(column))
	}
}

func (n *notes) refuse(what, name string) {
	n.refused[vending.Forbidden{What: what, Name: name}] = true
}

func (n *notes) tables() []vending.TableUse {
	uses := []vending.TableUse{}
	for name, columns := range n.columns {
		table := n.known.tables[name]
		use := vending.TableUse{Table: table.TableName, All: n.whole}
		for _, c := range table.Columns {
			if n.whole || columns[c.Name] {
				use.Columns = append(use.Columns, c.Name)
			}
		}
		uses = append(uses, use)
	}
	slices.SortFunc(uses, func(a, b vending.TableUse) int { return cmp.Compare(a.Table.Name, b.Table.Name) })
	return uses
}

func (n *notes) forbidden() []vending.Forbidden {
	var all []vending.Forbidden
	for f := range n.refused {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b vending.Forbidden) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

// outputs have an origin where a column comes out as it is. SQLite does not say what an expression is made from.
func (n *notes) outputs(stmt *sqlite3.Stmt) []vending.Output {
	out := make([]vending.Output, stmt.ColumnCount())
	for i := range out {
		out[i].Name = stmt.ColumnName(i)
		table, governed := n.known.tables[sqltext.Fold(stmt.ColumnTableName(i))]
		if governed && sqltext.Fold(stmt.ColumnDatabaseName(i)) == n.schema {
			out[i].Origins = []entitlements.ColumnName{{TableName: table.TableName, Column: stmt.ColumnOriginName(i)}}
		}
	}
	return out
}
