package catalog

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/entitlements"
)

// What a statement about a table needs to know and no decision does: its kind, keys, the labels of enums, how many rows
// it has.

var tableKinds = map[string]entitlements.TableKind{
	"r": entitlements.Ordinary, "v": entitlements.Viewed, "m": entitlements.Materialized,
	"p": entitlements.Partitioned, "f": entitlements.Foreign,
}

// baseQuery is the type that the domain t is made of, through other domains. A mask that is not of the domain's own
// type gives that.
const baseQuery = `
WITH RECURSIVE base(oid, typtype) AS (
  SELECT b.oid, b.typtype FROM pg_type b WHERE b.oid = t.typbasetype AND t.typtype = 'd'
  UNION ALL
  SELECT b.oid, b.typtype FROM base JOIN pg_type d ON d.oid = base.oid AND d.typtype = 'd'
  JOIN pg_type b ON b.oid = d.typbasetype
) SELECT format_type(oid, NULL) FROM base WHERE typtype <> 'd'`

// readLabels are the labels of every enum, in their order.
func readLabels(ctx context.Context, db *sqlx.DB) (map[uint32][]string, error) {
	var rows []struct {
		Type  uint32 `db:"enumtypid"`
		Label string `db:"enumlabel"`
	}
	if err := Read(
		ctx,
		db,
		&rows,
		`SELECT enumtypid, enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder`,
	); err != nil {
		return nil, err
	}
	labels := map[uint32][]string{}
	for _, row := range rows {
		labels[row.Type] = append(labels[row.Type], row.Label)
	}
	return labels, nil
}

// keysQuery leaves out what a partition has of its table's keys, and PostgreSQL's own copies of keys to partitions.
const keysQuery = `
SELECT conrelid, contype = 'p' AS main, conkey, confrelid, coalesce(confkey, '{}') AS confkey FROM pg_constraint
WHERE contype IN ('p', 'f') AND conparentid = 0 AND conrelid = ANY ($1::oid[]) ORDER BY conrelid, contype, conname`

// readKeys puts in primary keys, and the foreign keys between governed tables. What was read before is older by a
// moment: a key over a column that it does not have is left out until the next time.
func (t Tables) readKeys(ctx context.Context, db *sqlx.DB) error {
	var rows []struct {
		Table      uint32        `db:"conrelid"`
		Main       bool          `db:"main"`
		Columns    pq.Int64Array `db:"conkey"`
		Other      uint32        `db:"confrelid"`
		References pq.Int64Array `db:"confkey"`
	}
	ids := make([]int64, 0, len(t))
	for id := range t {
		ids = append(ids, int64(id))
	}
	if err := Read(ctx, db, &rows, keysQuery, pq.Array(ids)); err != nil {
		return err
	}
	for _, row := range rows {
		of, to := t[row.Table], t[row.Other]
		columns := of.named(row.Columns)
		switch {
		case columns == nil:
		case row.Main:
			of.Table.Key = columns
		case to != nil:
			if references := to.named(row.References); references != nil {
				of.Table.ForeignKeys = append(of.Table.ForeignKeys, entitlements.ForeignKey{
					Columns: columns, Table: to.Table.TableName, References: references,
				})
			}
		}
	}
	return nil
}

// named are the columns of these numbers; nil where one of them is not known.
func (r *Relation) named(numbers pq.Int64Array) (names []string) {
	for _, n := range numbers {
		name, known := r.Numbers[int(n)]
		if !known {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// rowsQuery adds up what the last ANALYZE or VACUUM counted in each table and in those that are read with it. It takes
// no lock on them. Of a table that has been counted only in part, or that the database's own policies hide rows of,
// nothing is known.
const rowsQuery = `
WITH RECURSIVE below(root, oid) AS (
  SELECT c.oid, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'm', 'f', 'p') AND NOT c.relispartition AND NOT c.relrowsecurity
  UNION
  SELECT b.root, i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.oid
)
SELECT b.root, sum(c.reltuples)::int8 AS rows FROM below b JOIN pg_class c ON c.oid = b.oid
WHERE c.relkind <> 'p' GROUP BY b.root HAVING min(c.reltuples) >= 0`

func (t Tables) readRows(ctx context.Context, db *sqlx.DB, schemas []string) error {
	var rows []struct {
		Table uint32 `db:"root"`
		Rows  int64  `db:"rows"`
	}
	if err := Read(ctx, db, &rows, rowsQuery, pq.Array(schemas)); err != nil {
		return err
	}
	for _, row := range rows {
		if r := t[row.Table]; r != nil {
			r.Rows = row.Rows
		}
	}
	return nil
}
