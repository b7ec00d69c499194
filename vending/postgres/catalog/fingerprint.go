package catalog

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/vending/postgres/sqltext"
)

// Fingerprint is an SQL expression over a row c of pg_class, a bigint that changes with the relation's columns, their
// types, the comments that tags stand in, and what a view is made of. Every name in it means PostgreSQL's own, whatever
// the search path.
const Fingerprint = `pg_catalog.hashtextextended(pg_catalog.concat_ws('|', c.relkind, c.relispartition,
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod,
       a.attcollation), ',' ORDER BY a.attnum)
     FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', d.objsubid, d.description), ',' ORDER BY d.objsubid)
     FROM pg_catalog.pg_description d
     WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid = c.oid),
  (SELECT pg_catalog.string_agg(r.ev_action::pg_catalog.text, ',' ORDER BY r.oid)
     FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid),
  pg_catalog.obj_description(c.relnamespace, 'pg_namespace')), 0)`

// readPrints are the fingerprints of the relations of the schemas.
func readPrints(ctx context.Context, db *sqlx.DB, schemas []string) (map[uint32]int64, error) {
	var rows []struct {
		OID   uint32 `db:"oid"`
		Print int64  `db:"print"`
	}
	err := Read(ctx, db, &rows, `SELECT c.oid, `+Fingerprint+` AS print FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = ANY ($1) AND c.relkind IN `+sqltext.GovernedKinds, pq.Array(schemas))
	if err != nil {
		return nil, err
	}
	prints := map[uint32]int64{}
	for _, row := range rows {
		prints[row.OID] = row.Print
	}
	return prints, nil
}
