package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lib/pq"

	"deputy/vending"
	"deputy/vending/postgres/gate"
	"deputy/vending/postgres/lineage"
	"deputy/vending/postgres/nodetree"
	"deputy/vending/postgres/parameters"
	"deputy/vending/postgres/sqltext"
)

// analysis is what is kept of a statement, and the catalog that it is true for.
type analysis struct {
	version   string
	statement vending.Statement
}

// Analyze lets PostgreSQL read the statement, as deputy_runner and inside a view definition that is rolled back: it
// resolves every name and runs nothing, and refuses what is not one read. Messages name nothing, because names are
// resolved here without regard to who asks.
func (e *Engine) Analyze(
	ctx context.Context,
	text string,
	bound ...vending.Parameter,
) (*vending.Statement, error) {
	s, err := e.current(ctx)
	if err != nil {
		return nil, err
	}
	runs := sqltext.Dialect.Trim(parameters.AsBound(text, bound))
	text = parameters.AsNull(text, bound)
	if a, ok := e.analyses.Get(text); ok && a.version == s.catalog.Version {
		known := a.statement
		known.Cached = true
		return &known, nil
	}
	defer analysed(ctx)
	seen, err := e.probe(ctx, s, sqltext.Dialect.Trim(text), func(conn *sql.Conn) error {
		err := parameters.Prepare(ctx, conn, guard+runs, bound)
		if err == nil || errors.Is(err, parameters.ErrOther) {
			return err
		}
		return analysisError(ctx, err)
	})
	if err != nil {
		return nil, err
	}
	if s, err = e.met(ctx, s, seen); err != nil {
		return nil, err
	}
	statement, err := e.statement(ctx, e.db, s, text, seen)
	if err != nil {
		return nil, err
	}
	statement.Catalog = s.catalog.Version
	if len(text) <= analysisLength && len(statement.Forbidden) == 0 { // what is refused may be there the next time
		e.analyses.Add(text, &analysis{version: s.catalog.Version, statement: *statement})
	}
	return statement, nil
}

// probed is what the database understood: relations and columns from its dependencies, everything else from the tree
// of nodes.
type probed struct {
	columns   map[uint32][]int // relation -> attribute numbers, 0 for a table with no named column
	relations map[uint32]bool  // all of them, catalogs and ungoverned ones too
	constants map[uint32]bool  // that are only the value of a constant, '…'::regclass: the gate refuses the type
	wholeRow  bool
	tree      nodetree.Node
}

const (
	probePrefix = "CREATE TEMPORARY VIEW deputy_probe AS SELECT FROM ("
	probeSuffix = "\n) q" // on a line of its own: the statement may end in a comment
	probeQuery  = `
SELECT coalesce((SELECT json_agg(json_build_array(d.refobjid::int8, d.refobjsubid))
                 FROM pg_catalog.pg_depend d
                 WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
                   AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class), '[]') AS dependencies,
       r.ev_action::text AS tree, r.ev_class::int8 AS probe
FROM pg_catalog.pg_rewrite r WHERE r.ev_class = 'pg_temp.deputy_probe'::regclass`
)

// probe analyses the text, after what is prepared in the same transaction.
func (e *Engine) probe(ctx context.Context, s *snapshot, text string, prepare func(*sql.Conn) error) (*probed, error) {
	begin := fmt.Sprintf(
		"BEGIN; SELECT set_config('search_path', %s, true), set_config('statement_timeout', '%d', true), %s",
		pq.QuoteLiteral(s.paths.Analysis()),
		analysisLimit.Milliseconds(),
		noMoment,
	)
	conn, err := e.begin(ctx, begin)
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	defer release(ctx, conn)
	if err := prepare(conn); err != nil {
		return nil, err
	}
	return probeOn(ctx, conn, text)
}

// probeOn analyses the text in the transaction that the connection is in.
func probeOn(ctx context.Context, conn *sql.Conn, text string) (*probed, error) {
	if err := makeProbe(ctx, conn, probePrefix+text+probeSuffix); err != nil {
		return nil, analysisError(ctx, err)
	}
	defer weighing(conn, weighTree(ctx))()
	var dependencies, tree string
	var self uint32
	if err := conn.QueryRowContext(ctx, probeQuery).Scan(&dependencies, &tree, &self); err != nil {
		return nil, analysisError(ctx, err)
	}
	return newProbed(dependencies, tree, self)
}

const regclass = 2205 // the type, in every database

// makeProbe prepares the view's definition before it runs it, so that it goes through the extended protocol: one
// statement, never several.
func makeProbe(ctx context.Context, conn *sql.Conn, definition string) error {
	return conn.Raw(func(conn any) error {
		stmt, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, definition)
		if err != nil {
			return err
		}
		_, err = stmt.(driver.StmtExecContext).ExecContext(ctx, nil)
		return err
	})
}

func newProbed(dependencies, text string, self uint32) (*probed, error) {
	var pairs [][2]int64
	if err := json.Unmarshal([]byte(dependencies), &pairs); err != nil {
		return nil, unavailable(fmt.Errorf("reading dependencies: %w", err))
	}
	tree, err := nodetree.Parse(text)
	switch {
	case errors.Is(err, nodetree.ErrTooDeep):
		return nil, &vending.Error{Code: vending.InvalidSQL, Message: tooComplex, Cause: err}
	case err != nil:
		return nil, unavailable(err)
	}
	p := &probed{columns: map[uint32][]int{}, relations: map[uint32]bool{}, constants: map[uint32]bool{}, tree: tree}
	for _, pair := range pairs {
		relation := uint32(pair[0])
		p.relations[relation] = true
		p.columns[relation] = append(p.columns[relation], int(pair[1]))
	}
	read := map[uint32]bool{}
	tree.Walk(func(n nodetree.Node) {
		if n.Name == "VAR" && n.Text("varattno") == "0" {
			p.wholeRow = true
		}
		if id, ok := n.ConstantOID(); ok && slices.Contains(nodetree.OIDs(n.Fields["consttype"]), regclass) {
			p.constants[id] = true
		}
		for _, id := range nodetree.OIDs(n.Fields["relid"]) {
			if id != 0 && id != self {
				p.relations[id], read[id] = true, true
			}
		}
		p.addRenamed(n)
	})
	maps.DeleteFunc(p.constants, func(id uint32, _ bool) bool { return read[id] })
	return p, nil
}

// addRenamed takes up the columns of "t AS x(a, b)". The names go by position, so what stands before the last of them
// may not be missing from the vended view, used or not. Of a join they may count through all its tables, so those are
// taken whole.
func (p *probed) addRenamed(n nodetree.Node) {
	for _, alias := range n.Nodes("alias") {
		for _, names := range alias.Fields["colnames"] {
			for i, name := range names.List {
				switch relation := uint32(n.Number("relid")); {
				case n.Number("rtekind") == nodetree.RTEJoin:
					p.wholeRow = true
				case relation != 0 && name.Word != "": // a dropped column has no name
					p.columns[relation] = append(p.columns[relation], i+1)
				}
			}
		}
	}
}

func (p *probed) known(s *snapshot) bool {
	for id, numbers := range p.columns {
		r := s.tables[id]
		if r == nil {
			if s.gate.Composite(id) {
				continue
			}
			return false
		}
		for _, n := range numbers {
			if n > 0 && r.Numbers[n] == "" {
				return false
			}
		}
	}
	return len(s.gate.Refused(p.tree).Hidden) == 0
}

func (e *Engine) statement(
	ctx context.Context,
	db querier,
	s *snapshot,
	text string,
	p *probed,
) (*vending.Statement, error) {
	out := &vending.Statement{SQL: text, Outputs: lineage.Outputs(s.tables, p.tree)}
	types, rows := s.gate.TypesOf(p.tree)
	out.Types = types
	for id := range rows {
		p.relations[id] = true
	}
	var others []uint32
	for _, id := range slices.Sorted(maps.Keys(p.relations)) {
		r := s.tables[id]
		if r == nil {
			if !s.gate.Composite(id) && !p.constants[id] { // the type of (p).a is judged as a type
				others = append(others, id)
			}
			continue
		}
		use := vending.TableUse{Table: r.Table.TableName, All: p.wholeRow || rows[id]}
		for _, c := range r.Table.Columns {
			if slices.ContainsFunc(p.columns[id], func(n int) bool { return r.Numbers[n] == c.Name }) {
				use.Columns = append(use.Columns, c.Name)
			}
		}
		out.Tables = append(out.Tables, use)
	}
	slices.SortFunc(out.Tables, func(a, b vending.TableUse) int { return a.Table.Compare(b.Table) })

	refused := s.gate.Refused(p.tree)
	if s.readsAlone(p.tree) {
		refused.Forbidden = append(refused.Forbidden, vending.Forbidden{
			What: "clause", Name: "ONLY", Hint: "a table that others inherit from is read together with them",
		})
	}
	named, err := nameRefused(ctx, db, others, refused)
	if err != nil {
		return nil, err
	}
	s.gate.Hint(named, refused)
	out.Forbidden = append(named, refused.Forbidden...)
	return out, nil
}

// readsAlone reports whether a table is read without those that inherit from it. Its view has the rows of all.
func (s *snapshot) readsAlone(tree nodetree.Node) (found bool) {
	tree.Walk(func(n nodetree.Node) {
		r := s.tables[uint32(n.Number("relid"))]
		found = found || r != nil && r.Parent && n.Text("inh") == "false"
	})
	return found
}

// querier is the pool, or a connection whose transaction goes on.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// nameRefused gives the refused objects their names. Relations come first: whether a table may be known of is answered
// before anything else. One that has no name any more is refused all the same.
func nameRefused(
	ctx context.Context,
	db querier,
	relations []uint32,
	refused *gate.Refusals,
) ([]vending.Forbidden, error) {
	if len(relations)+len(refused.Functions)+len(refused.Operators)+len(refused.Hidden) == 0 {
		return nil, nil
	}
	var out []vending.Forbidden
	rows, err := db.QueryContext(ctx, `
SELECT DISTINCT ON (1, 2) what, name FROM (
  SELECT CASE WHEN n.nspname IN `+sqltext.SystemSchemas+` THEN 'catalog' ELSE 'table' END AS what,
         coalesce(n.nspname || '.' || c.relname, id::text) AS name
  FROM unnest($1::oid[]) AS id LEFT JOIN pg_catalog.pg_class c ON c.oid = id LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  UNION ALL
  SELECT 'function', coalesce(p.proname, id::text) FROM unnest($2::oid[]) AS id LEFT JOIN pg_catalog.pg_proc p ON p.oid = id
  UNION ALL
  SELECT 'operator', coalesce(o.oprname, id::text) FROM unnest($3::oid[]) AS id LEFT JOIN pg_catalog.pg_operator o ON o.oid = id
  UNION ALL
  SELECT 'hidden', coalesce(t.typname, c.collname, id::text)
  FROM unnest($4::oid[]) AS id LEFT JOIN pg_catalog.pg_type t ON t.oid = id LEFT JOIN pg_catalog.pg_collation c ON c.oid = id
) AS refused ORDER BY 1 DESC, 2`, sqltext.OIDs(relations), sqltext.OIDs(refused.Functions), sqltext.OIDs(refused.Operators), sqltext.OIDs(refused.Hidden))
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var f vending.Forbidden
		if err := rows.Scan(&f.What, &f.Name); err != nil {
			return nil, cutOff(ctx, err)
		}
		out = append(out, f)
	}
	if err := rows.Err(); err != nil {
		return nil, cutOff(ctx, err)
	}
	slices.SortStableFunc(
		out,
		func(a, b vending.Forbidden) int { return strings.Compare(order[a.What], order[b.What]) },
	)
	return out, nil
}

var order = map[string]string{"table": "1", "hidden": "1", "catalog": "2", "function": "3", "operator": "4"}
