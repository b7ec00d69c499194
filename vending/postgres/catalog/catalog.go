// Package catalog reads what a PostgreSQL database governs: the tables of the governed schemas, with their columns,
// comments and tags, as PostgreSQL's own catalogs describe them.
package catalog

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/vending/postgres/sqltext"
)

// Relation is a governed table with what the engine has to know beside the catalog's entry.
type Relation struct {
	Table   entitlements.Table
	Numbers map[int]string // attribute number -> column
	RowType uint32
	Public  bool  // every role may read some of it as it is
	Parent  bool  // others inherit from it, or are its partitions
	Print   int64 // its fingerprint: see Fingerprint
	// Through are the views that are not governed through which it reads, at any depth, and the versions of their
	// definitions.
	Through map[uint32]string
	Rows    int64 // how many PostgreSQL thinks it has, hidden ones too; negative: that is not known
}

// Tables are the governed tables by their object ids.
type Tables map[uint32]*Relation

// Sorted returns the catalog's entries, by name.
func (t Tables) Sorted() []entitlements.Table {
	var out []entitlements.Table
	for _, r := range t {
		out = append(out, r.Table)
	}
	slices.SortFunc(out, func(a, b entitlements.Table) int { return a.Compare(b.TableName) })
	return out
}

// A partition is no table of its own: it is read through its table, and would be seen without the table's masks and
// filters otherwise.
const catalogQuery = `
SELECT c.oid, c.relkind AS relkind, c.relhassubclass AS parent, c.reltype AS row_type,
       has_any_column_privilege('public', c.oid, 'SELECT') AS public,
       coalesce(has_table_privilege(o.oid, c.oid, 'SELECT')
         AND has_schema_privilege(o.oid, n.oid, 'USAGE'), false) AS readable,
       n.nspname AS schema, c.relname AS name,
       coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
       coalesce(obj_description(n.oid, 'pg_namespace'), '') AS schema_comment,
       coalesce(a.attnum, 0) AS number, coalesce(a.attname, '') AS column,
       coalesce(format_type(a.atttypid, a.atttypmod), '') AS type, coalesce(t.typtype, ' ') AS typtype,
       coalesce((` + baseQuery + `), '') AS base,
       coalesce(CASE t.typcategory WHEN 'A' THEN t.typelem ELSE t.oid END, 0) AS element,
       coalesce(t.typcategory, ' ') AS category, CASE
         WHEN t.typcategory <> 'S' THEN ''
         WHEN t.typname = 'citext' AND EXISTS (
           SELECT FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
           AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND x.extname = 'citext') THEN 'folded'
         WHEN t.typnamespace <> 'pg_catalog'::regnamespace OR NOT coalesce(l.collisdeterministic, true) THEN 'unsaid'
         ELSE '' END AS equality,
       coalesce(col_description(c.oid, a.attnum), '') AS column_comment
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_roles o ON o.rolname = 'deputy_owner'
WHERE n.nspname = ANY ($1) AND c.relkind IN ` + sqltext.GovernedKinds + ` AND NOT c.relispartition
ORDER BY n.nspname, c.relname, a.attnum`

type catalogRow struct {
	OID           uint32 `db:"oid"`
	RelKind       string `db:"relkind"`
	RowType       uint32 `db:"row_type"`
	Public        bool   `db:"public"`
	Parent        bool   `db:"parent"`
	Readable      bool   `db:"readable"`
	Schema        string `db:"schema"`
	Name          string `db:"name"`
	Comment       string `db:"comment"`
	SchemaComment string `db:"schema_comment"`
	Number        int    `db:"number"`
	Column        string `db:"column"`
	Type          string `db:"type"`
	TypType       string `db:"typtype"`
	Base          string `db:"base"`
	Element       uint32 `db:"element"`
	Category      string `db:"category"`
	Equality      string `db:"equality"`
	ColumnComment string `db:"column_comment"`
}

// Read reads rows of the catalogs into a slice. With nothing else on the path, format_type writes every type in
// a way that resolves anywhere. Over thousands of tables PostgreSQL would compile such a query for seconds, to run it
// in a fraction of one.
func Read(ctx context.Context, db *sqlx.DB, rows any, query string, args ...any) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `SET LOCAL search_path = pg_catalog; SET LOCAL jit = off`); err != nil {
		return err
	}
	return tx.SelectContext(ctx, rows, query, args...)
}

// Load reads the tables of the schemas.
func Load(ctx context.Context, db *sqlx.DB, schemas []string) (Tables, error) {
	prints, err := readPrints(ctx, db, schemas) // before the tables: one that is too old is noticed
	if err != nil {
		return nil, err
	}
	var rows []catalogRow
	if err := Read(ctx, db, &rows, catalogQuery, pq.Array(schemas)); err != nil {
		return nil, err
	}
	labels, err := readLabels(ctx, db)
	if err != nil {
		return nil, err
	}
	tables := Tables{}
	for _, row := range rows {
		r := tables[row.OID]
		if r == nil {
			r = newRelation(row)
			r.Print = prints[row.OID]
			tables[row.OID] = r
		}
		if row.Number == 0 {
			continue // the table has no column
		}
		r.Numbers[row.Number] = row.Column
		description, tags := entitlements.SplitComment(row.ColumnComment)
		r.Table.Columns = append(r.Table.Columns, entitlements.Column{
			Name: row.Column, Type: row.Type, Kind: kindOf(row), Equality: entitlements.Equality(row.Equality),
			Description: description, Tags: tags, Base: row.Base, Labels: labels[row.Element],
		})
	}
	if err := tables.readKeys(ctx, db); err != nil {
		return nil, err
	}
	return tables, tables.readRows(ctx, db, schemas)
}

// newRelation is a table without its columns. What its schema is tagged with, it is tagged with too.
func newRelation(row catalogRow) *Relation {
	_, tags := entitlements.SplitComment(row.SchemaComment)
	description, own := entitlements.SplitComment(row.Comment)
	for _, tag := range own {
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	r := &Relation{Numbers: map[int]string{}, RowType: row.RowType, Public: row.Public, Parent: row.Parent, Rows: -1}
	r.Table = entitlements.Table{
		TableName: entitlements.TableName{Schema: row.Schema, Name: row.Name}, Description: description, Tags: tags,
		Unreadable: !row.Readable, Kind: tableKinds[row.RelKind],
	}
	return r
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
