package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"deputy/entitlements"
)

// snapshot is what the database looked like at one moment: the governed tables, and the functions, operators and types
// that statements may use.
type snapshot struct {
	taken   time.Time
	catalog *entitlements.Catalog
	tables  map[uint32]*relation
	gate    *gate
	paths   *paths
}

// relation is a governed table with what the engine has to know beside the catalog's entry.
type relation struct {
	table   entitlements.Table
	numbers map[int]string // attribute number -> column
	rowType uint32
	public  bool // every role may read some of it as it is
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
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snapshot != nil && e.config.Now().Sub(e.snapshot.taken) < catalogAge {
		return e.snapshot, nil
	}
	return e.takeLocked(ctx)
}

// renewed returns a snapshot that is newer than the one given, unless that one is fresh: a statement named something
// unknown.
func (e *Engine) renewed(ctx context.Context, than *snapshot) (*snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snapshot != than || e.config.Now().Sub(than.taken) < time.Second {
		return e.snapshot, nil
	}
	return e.takeLocked(ctx)
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

func (e *Engine) takeLocked(ctx context.Context) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, analysisLimit) // everybody else waits for this
	defer cancel()
	taken := e.config.Now()
	tables, err := e.loadTables(ctx)
	if err != nil {
		return nil, err
	}
	p, err := e.loadPaths(ctx)
	if err != nil {
		return nil, err
	}
	g, err := e.loadGate(ctx, p, tables)
	if err != nil {
		return nil, err
	}
	views, err := e.loadViews(ctx)
	if err != nil {
		return nil, err
	}
	addViews(tables, views, g)
	s := &snapshot{taken: taken, tables: tables, gate: g, paths: p, catalog: &entitlements.Catalog{}}
	for _, r := range tables {
		s.catalog.Tables = append(s.catalog.Tables, r.table)
	}
	slices.SortFunc(s.catalog.Tables, func(a, b entitlements.Table) int { return compareNames(a.TableName, b.TableName) })
	s.catalog.Version = version(s.catalog.Tables, tables, p, g)
	if e.snapshot != nil && e.snapshot.catalog.Version == s.catalog.Version {
		s.catalog = e.snapshot.catalog // the same pointer, so that nobody compiles policies again for nothing
	}
	e.snapshot = s
	return s, nil
}

// A partition is no table of its own: it is read through its table, and would be seen without the table's masks and
// filters otherwise.
const catalogQuery = `
SELECT c.oid, c.reltype AS row_type, has_any_column_privilege('public', c.oid, 'SELECT') AS public, n.nspname AS schema, c.relname AS name, coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
       coalesce(obj_description(n.oid, 'pg_namespace'), '') AS schema_comment,
       a.attnum AS number, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
       t.typtype, t.typcategory AS category, CASE
         WHEN t.typcategory <> 'S' THEN ''
         WHEN t.typname = 'citext' AND EXISTS (
           SELECT FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
           AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND x.extname = 'citext') THEN 'folded'
         WHEN t.typnamespace <> 'pg_catalog'::regnamespace OR NOT coalesce(l.collisdeterministic, true) THEN 'unsaid'
         ELSE '' END AS equality,
       coalesce(col_description(c.oid, a.attnum), '') AS column_comment
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition
ORDER BY n.nspname, c.relname, a.attnum`

type catalogRow struct {
	OID           uint32 `db:"oid"`
	RowType       uint32 `db:"row_type"`
	Public        bool   `db:"public"`
	Schema        string `db:"schema"`
	Name          string `db:"name"`
	Comment       string `db:"comment"`
	SchemaComment string `db:"schema_comment"`
	Number        int    `db:"number"`
	Column        string `db:"column"`
	Type          string `db:"type"`
	TypType       string `db:"typtype"`
	Category      string `db:"category"`
	Equality      string `db:"equality"`
	ColumnComment string `db:"column_comment"`
}

// readCatalogs reads rows of the catalogs into a slice. With nothing else on the path, format_type writes every type in
// a way that resolves anywhere. Over thousands of tables PostgreSQL would compile such a query for seconds, to run it
// in a fraction of one.
func (e *Engine) readCatalogs(ctx context.Context, rows any, query string, args ...any) error {
	tx, err := e.db.BeginTxx(ctx, nil)
	if err != nil {
		return unavailable(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `SET LOCAL search_path = pg_catalog; SET LOCAL jit = off`); err != nil {
		return unavailable(err)
	}
	if err := tx.SelectContext(ctx, rows, query, args...); err != nil {
		return unavailable(err)
	}
	return nil
}

func (e *Engine) loadTables(ctx context.Context) (map[uint32]*relation, error) {
	var rows []catalogRow
	if err := e.readCatalogs(ctx, &rows, catalogQuery, pq.Array(e.config.Schemas)); err != nil {
		return nil, err
	}
	tables := map[uint32]*relation{}
	for _, row := range rows {
		r := tables[row.OID]
		if r == nil {
			r = newRelation(row)
			tables[row.OID] = r
		}
		r.numbers[row.Number] = row.Column
		description, tags := entitlements.SplitComment(row.ColumnComment)
		r.table.Columns = append(r.table.Columns, entitlements.Column{
			Name: row.Column, Type: row.Type, Kind: kindOf(row), Equality: entitlements.Equality(row.Equality), Description: description, Tags: tags,
		})
	}
	return tables, nil
}

// newRelation is a table without its columns. What its schema is tagged with, it is tagged with too.
func newRelation(row catalogRow) *relation {
	_, tags := entitlements.SplitComment(row.SchemaComment)
	description, own := entitlements.SplitComment(row.Comment)
	for _, tag := range own {
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return &relation{numbers: map[int]string{}, rowType: row.RowType, public: row.Public, table: entitlements.Table{
		TableName: entitlements.TableName{Schema: row.Schema, Name: row.Name}, Description: description, Tags: tags,
	}}
}

// kindOf sorts types by PostgreSQL's own categories. Domains and enums are Other: a mask's value might not pass their
// checks.
func kindOf(row catalogRow) entitlements.Kind {
	if row.TypType != "b" {
		return entitlements.Other
	}
	switch row.Category {
	case "S":
		return entitlements.Text
	case "N":
		if row.Type == "oid" || strings.HasPrefix(row.Type, "reg") {
			return entitlements.Other
		}
		return entitlements.Number
	case "B":
		return entitlements.Boolean
	case "D":
		if strings.HasPrefix(row.Type, "time ") || strings.HasPrefix(row.Type, "time(") {
			return entitlements.Other // a time of day is no date
		}
		if row.Type == "date" {
			return entitlements.Date
		}
		return entitlements.Time
	}
	return entitlements.Other
}

// version changes with anything that a decision or an analysis depends on, tags and object ids included: a table that
// was dropped and made again is another table.
func version(sorted []entitlements.Table, tables map[uint32]*relation, p *paths, g *gate) string {
	oids := map[string]uint32{}
	for oid, r := range tables {
		oids[r.table.String()] = oid
	}
	h := sha256.New()
	json.NewEncoder(h).Encode(sorted)
	json.NewEncoder(h).Encode(oids)
	json.NewEncoder(h).Encode(p.schemas)
	for _, oid := range slices.Sorted(maps.Keys(g.types)) {
		fmt.Fprintln(h, oid, *g.types[oid])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func compareNames(a, b entitlements.TableName) int {
	return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
}
