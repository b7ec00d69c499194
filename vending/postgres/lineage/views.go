package lineage

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/vending/postgres/catalog"
	"deputy/vending/postgres/nodetree"
)

// The definitions of views say which tables and columns they are made of. PostgreSQL keeps them as the trees that it
// runs, so that they are read in the same way as a caller's statement is.

// viewsQuery finds every view that a governed one could be made of, those outside the governed schemas too.
const viewsQuery = `
SELECT r.ev_class::int8 AS oid, r.xmin::text AS version
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.ev_type = '1' AND c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'deputy') AND n.nspname !~ '^(pg_|deputy_)'`

// definition is one of a view, as it was last read; ok is false where it could not be understood.
type definition struct {
	version string
	tree    nodetree.Node
	ok      bool
}

// Views are the definitions of all views, as they were last read.
type Views map[uint32]definition

// Read returns the definitions that stand in the database now. It reads those that are not known yet.
func (views Views) Read(ctx context.Context, db *sqlx.DB) (Views, error) {
	var there []struct {
		OID     int64  `db:"oid"`
		Version string `db:"version"`
	}
	if err := db.SelectContext(ctx, &there, viewsQuery); err != nil {
		return nil, err
	}
	now, missing := Views{}, []int64{}
	for _, v := range there {
		read, ok := views[uint32(v.OID)]
		if !ok || read.version != v.Version {
			missing, read = append(missing, v.OID), definition{version: v.Version}
		}
		now[uint32(v.OID)] = read
	}
	var read []struct {
		OID  int64  `db:"oid"`
		Tree string `db:"tree"`
	}
	const trees = `SELECT ev_class::int8 AS oid, ev_action::text AS tree FROM pg_rewrite WHERE ev_type = '1' AND ev_class = ANY ($1::oid[])`
	if len(missing) > 0 {
		if err := db.SelectContext(ctx, &read, trees, pq.Array(missing)); err != nil {
			return nil, err
		}
	}
	for _, r := range read {
		v := now[uint32(r.OID)]
		tree, err := nodetree.Parse(r.Tree)
		v.tree, v.ok = tree, err == nil
		now[uint32(r.OID)] = v
	}
	return now, nil
}

// Describe puts into the governed views what they are made of. only reports whether a function of PostgreSQL's own
// reads nothing but what it is given.
func (views Views) Describe(tables catalog.Tables, only func(function uint32) bool) {
	for oid, r := range tables {
		v, ok := views[oid]
		if !ok {
			continue
		}
		made := &entitlements.View{Columns: make([]entitlements.Lineage, len(r.Table.Columns))}
		r.Table.View, r.Through = made, map[uint32]string{}
		seen := map[uint32]bool{oid: true}
		made.Hidden = !readsOf(v, tables, views, seen, r)
		slices.SortFunc(made.Reads, entitlements.TableName.Compare)
		made.Reads = slices.Compact(made.Reads)
		for i := range made.Columns {
			l := &lineage{tables: tables, views: views, only: only}
			var origins []entitlements.ColumnName
			if v.ok {
				origins = l.target(&scope{v.tree, nil}, i+1, 0)
			}
			made.Columns[i] = entitlements.Lineage{
				From:     origins,
				Computed: l.computed,
				Hidden:   l.hidden || !v.ok || made.Hidden,
			}
		}
	}
}

// readsOf lists the governed tables that a view reads, through views that are not governed too, which it lists as well.
// It is false where one of these cannot be understood.
func readsOf(
	v definition,
	tables catalog.Tables,
	views Views,
	seen map[uint32]bool,
	into *catalog.Relation,
) bool {
	if !v.ok {
		return false
	}
	understood := true
	v.tree.Walk(func(n nodetree.Node) {
		for _, id := range nodetree.OIDs(n.Fields["relid"]) {
			if seen[id] {
				continue
			}
			seen[id] = true
			if r := tables[id]; r != nil {
				into.Table.View.Reads = append(into.Table.View.Reads, r.Table.TableName)
			} else if below, ok := views[id]; ok {
				into.Through[id] = below.version
				understood = readsOf(below, tables, views, seen, into) && understood
			}
		}
	})
	return understood
}

// firstObject is the first object id that PostgreSQL itself does not use.
const firstObject = 16384

// callsUnknown reports whether the node calls a function that may read tables by itself: any but PostgreSQL's own that
// callers may use too.
func (l *lineage) callsUnknown(n nodetree.Node) bool {
	if l.only == nil {
		return false
	}
	for _, field := range []string{"funcid", "aggfnoid", "winfnoid", "opfuncid"} {
		for _, id := range nodetree.OIDs(n.Fields[field]) {
			if id != 0 && (id >= firstObject || !l.only(id)) {
				return true
			}
		}
	}
	return false
}
