package postgres

import (
	"context"
	"slices"

	"github.com/lib/pq"

	"deputy/entitlements"
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
	tree    node
	ok      bool
}

// loadViews reads the definitions that are not known yet. e.mu is held.
func (e *Engine) loadViews(ctx context.Context) (map[uint32]definition, error) {
	var there []struct {
		OID     int64  `db:"oid"`
		Version string `db:"version"`
	}
	if err := e.db.SelectContext(ctx, &there, viewsQuery); err != nil {
		return nil, unavailable(err)
	}
	views, missing := map[uint32]definition{}, []int64{}
	for _, v := range there {
		known, ok := e.views[uint32(v.OID)]
		if !ok || known.version != v.Version {
			missing, known = append(missing, v.OID), definition{version: v.Version}
		}
		views[uint32(v.OID)] = known
	}
	var read []struct {
		OID  int64  `db:"oid"`
		Tree string `db:"tree"`
	}
	const trees = `SELECT ev_class::int8 AS oid, ev_action::text AS tree FROM pg_rewrite WHERE ev_type = '1' AND ev_class = ANY ($1::oid[])`
	if len(missing) > 0 {
		if err := e.db.SelectContext(ctx, &read, trees, pq.Array(missing)); err != nil {
			return nil, unavailable(err)
		}
	}
	for _, r := range read {
		v := views[uint32(r.OID)]
		tree, err := parseNodeTree(r.Tree)
		v.tree, v.ok = tree, err == nil
		views[uint32(r.OID)] = v
	}
	e.views = views
	return views, nil
}

// addViews puts into the governed views what they are made of.
func addViews(tables map[uint32]*relation, views map[uint32]definition, g *gate) {
	for oid, r := range tables {
		v, ok := views[oid]
		if !ok {
			continue
		}
		made := &entitlements.View{Columns: make([]entitlements.Lineage, len(r.table.Columns))}
		r.table.View = made
		seen := map[uint32]bool{oid: true}
		made.Hidden = !readsOf(v, tables, views, seen, made)
		slices.SortFunc(made.Reads, compareNames)
		made.Reads = slices.Compact(made.Reads)
		for i := range made.Columns {
			l := &lineage{tables: tables, views: views, gate: g}
			var origins []entitlements.ColumnName
			if v.ok {
				origins = l.target(&scope{v.tree, nil}, i+1, 0)
			}
			made.Columns[i] = entitlements.Lineage{From: origins, Computed: l.computed, Hidden: l.hidden || !v.ok || made.Hidden}
		}
	}
}

// readsOf lists the governed tables that a view reads, through views that are not governed too. It is false where one
// of these cannot be understood.
func readsOf(
	v definition,
	tables map[uint32]*relation,
	views map[uint32]definition,
	seen map[uint32]bool,
	made *entitlements.View,
) bool {
	if !v.ok {
		return false
	}
	understood := true
	v.tree.walk(func(n node) {
		for _, id := range oids(n.fields["relid"]) {
			if seen[id] {
				continue
			}
			seen[id] = true
			if r := tables[id]; r != nil {
				made.Reads = append(made.Reads, r.table.TableName)
			} else if below, ok := views[id]; ok {
				understood = readsOf(below, tables, views, seen, made) && understood
			}
		}
	})
	return understood
}

// firstObject is the first object id that PostgreSQL itself does not use.
const firstObject = 16384

// callsUnknown reports whether the node calls a function that may read tables by itself: any but PostgreSQL's own that
// callers may use too.
func (l *lineage) callsUnknown(n node) bool {
	if l.gate == nil {
		return false
	}
	for _, field := range []string{"funcid", "aggfnoid", "winfnoid", "opfuncid"} {
		for _, id := range oids(n.fields[field]) {
			if id != 0 && (id >= firstObject || !l.gate.functions[id]) {
				return true
			}
		}
	}
	return false
}
