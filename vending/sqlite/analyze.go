package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/vending"
)

// Analyze prepares the statement on a connection where the file bears the governed schema's name, and reports what SQLite's
// authorizer was asked. The statement is never stepped.
func (e *Engine) Analyze(ctx context.Context, sql string) (*vending.Statement, error) {
	if err := vending.Shape(sql); err != nil {
		return nil, err
	}
	s, err := e.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if known := e.analyses.get(s.catalog.Version, sql); known != nil {
		return known, nil
	}
	release, err := e.slot(ctx, defaultTimeout)
	if err != nil {
		return nil, err
	}
	defer release()
	var found *vending.Statement
	err = e.withFile(ctx, e.schema, func(c conn) error {
		found, err = e.analyze(c, s, sql)
		return err
	})
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	if err != nil {
		return nil, e.refusal(err, sql, vending.Requalified{SQL: e.Dialect().Trim(sql)})
	}
	e.analyses.put(s.catalog.Version, *found)
	return found, nil
}

func (e *Engine) analyze(c conn, s *snapshot, sql string) (*vending.Statement, error) {
	for category, value := range limits {
		c.Limit(category, value)
	}
	notes := newNotes(e.schema, s)
	if err := c.SetAuthorizer(notes.authorize); err != nil {
		return nil, err
	}
	text := e.Dialect().Trim(sql)
	stmt, err := c.prepareRead(text)
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
	for table := range notes.counted {
		if notes.columns[table] == nil && c.readsTable(text, s.tables[table].Name) {
			notes.columns[table] = map[string]bool{}
		}
	}
	statement.Tables, statement.Forbidden = notes.tables(), notes.forbidden()
	return statement, nil
}

// readsTable answers what the authorizer leaves open when no column is used of an unqualified name: does it mean the table, or a common
// table expression of that name? If the table is put out of sight and the statement still means something, it is not the table.
func (c conn) readsTable(sql, table string) bool {
	if err := c.Exec(`CREATE TEMP VIEW ` + quoteName(table) + ` AS SELECT * FROM temp.deputy_nothing`); err != nil {
		return true
	}
	defer c.Exec(`DROP VIEW temp.` + quoteName(table))
	stmt, err := c.prepareRead(sql)
	stmt.Close()
	return err != nil
}

// notes are what the authorizer was asked about one statement. Tables are by their folded names.
type notes struct {
	schema  string
	known   *snapshot
	columns map[string]map[string]bool
	counted map[string]bool // tables of which no column is used, or common table expressions of that name
	refused map[vending.Forbidden]bool
	acts    bool // the statement would do something else than read
}

func newNotes(schema string, s *snapshot) *notes {
	return &notes{schema: schema, known: s, columns: map[string]map[string]bool{}, counted: map[string]bool{}, refused: map[vending.Forbidden]bool{}}
}

func (n *notes) authorize(action sqlite3.AuthorizerActionCode, third, fourth, schema, _ string) sqlite3.AuthorizerReturnCode {
	switch action {
	case sqlite3.AUTH_SELECT, sqlite3.AUTH_RECURSIVE:
	case sqlite3.AUTH_FUNCTION:
		if name := fold(fourth); !functions[name] {
			n.refuse("function", name)
		}
	case sqlite3.AUTH_READ:
		n.read(fold(third), fourth, schema)
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
	case fold(schema) == n.schema && governed:
		n.use(table, column)
	case schema == "" && column == "":
		if governed {
			n.counted[table] = true
		}
	case schema == "main" && tableFunctions[table]:
	default:
		n.refuse("table", table)
	}
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
		n.refuse("system column", fold(column))
	}
}

func (n *notes) refuse(what, name string) {
	n.refused[vending.Forbidden{What: what, Name: name}] = true
}

func (n *notes) tables() []vending.TableUse {
	uses := []vending.TableUse{}
	for name, columns := range n.columns {
		table := n.known.tables[name]
		use := vending.TableUse{Table: table.TableName}
		for _, c := range table.Columns {
			if columns[c.Name] {
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
		table, governed := n.known.tables[fold(stmt.ColumnTableName(i))]
		if governed && fold(stmt.ColumnDatabaseName(i)) == n.schema {
			out[i].Origins = []entitlements.ColumnName{{TableName: table.TableName, Column: stmt.ColumnOriginName(i)}}
		}
	}
	return out
}

// analyses remembers statements while the catalog stays as it is.
type analyses struct {
	mu      sync.Mutex
	version string
	known   map[string]vending.Statement
}

const maxAnalyses = 1024

func (a *analyses) get(version, sql string) *vending.Statement {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.known[sql]
	if !ok || a.version != version {
		return nil
	}
	s.Cached = true
	return &s
}

func (a *analyses) put(version string, s vending.Statement) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.version != version || len(a.known) >= maxAnalyses {
		a.version, a.known = version, map[string]vending.Statement{}
	}
	a.known[s.SQL] = s
}
