package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/gate"
	"deputy/vending/postgres/sqltext"
)

// kind is what a name is looked up as.
type kind string

// object is something that a word of a statement may mean.
type object struct {
	Kind   kind   `db:"kind"`
	Schema string `db:"schema"` // empty for a schema
	Name   string `db:"name"`
	OID    uint32 `db:"oid"`
	System bool   `db:"system"` // in a schema of PostgreSQL's own
	Member bool   `db:"member"` // of an extension
}

// missing reports whether PostgreSQL says by this error that there is nothing of the kind by that name. Columns and the
// names that a statement gives itself are missed in other ways.
func (k kind) missing(e *pq.Error) bool {
	switch k {
	case "relation":
		return e.Code == "42P01" && e.Routine == "parserOpenTable"
	case "type", "collation":
		return e.Code == "42704" && e.Routine != "transformRangeTableSample"
	case "function", "operator":
		return e.Code == "42883" || e.Routine == "transformRangeTableSample"
	case "schema":
		return e.Code == "42P01" && e.Routine == "parserOpenTable" ||
			slices.Contains([]string{"42704", "42883", "3F000"}, string(e.Code))
	}
	return false
}

// objectsQuery looks up words among all that the vended role can reach by a name, and among schemas that it cannot use.
const objectsQuery = `
WITH reached AS (
  SELECT oid, nspname, nspname IN ` + sqltext.SystemSchemas + ` AS system FROM pg_catalog.pg_namespace
  WHERE pg_catalog.has_schema_privilege(oid, 'USAGE')
), found AS (
  SELECT 'relation' AS kind, relnamespace AS schema, relname AS name, oid, 'pg_catalog.pg_class'::regclass AS class
  FROM pg_catalog.pg_class WHERE relname = ANY ($1)
  UNION ALL SELECT 'type', typnamespace, typname, oid, 'pg_catalog.pg_type'::regclass
  FROM pg_catalog.pg_type WHERE typname = ANY ($1)
  UNION ALL SELECT 'function', pronamespace, proname, oid, 'pg_catalog.pg_proc'::regclass
  FROM pg_catalog.pg_proc WHERE proname = ANY ($1)
  UNION ALL SELECT 'collation', collnamespace, collname, oid, 'pg_catalog.pg_collation'::regclass
  FROM pg_catalog.pg_collation WHERE collname = ANY ($1)
  UNION ALL SELECT 'operator', oprnamespace, oprname, oid, 'pg_catalog.pg_operator'::regclass
  FROM pg_catalog.pg_operator WHERE oprname = ANY ($1)
)
SELECT f.kind, r.nspname AS schema, f.name, f.oid::int8, r.system,
       EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = f.class AND d.objid = f.oid AND d.deptype = 'e')
         AS member
FROM found f JOIN reached r ON r.oid = f.schema
UNION ALL
SELECT 'schema', '', n.nspname, n.oid::int8, r.system IS TRUE, false FROM pg_catalog.pg_namespace n
LEFT JOIN reached r ON r.oid = n.oid WHERE n.nspname = ANY ($1)`

// find looks up what the words of the statement may mean, and keeps what is hidden. What is not, and has the same name,
// is kept as well: it may be what is meant.
func (d *diagnosis) find(ctx context.Context) error {
	names := map[string]bool{}
	for _, w := range d.words {
		names[w.Name], names[w.Operator], names[w.Dotted] = true, true, true
	}
	delete(names, "")
	rows, err := d.conn.QueryContext(ctx, objectsQuery, pq.Array(slices.Collect(maps.Keys(names))))
	if err != nil {
		return cutOff(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var o object
		if err := rows.Scan(&o.Kind, &o.Schema, &o.Name, &o.OID, &o.System, &o.Member); err != nil {
			return cutOff(ctx, err)
		}
		d.objects = append(d.objects, o)
	}
	return rows.Err()
}

// shown reports whether the caller may know of an object.
func (d *diagnosis) shown(o object) bool {
	switch {
	case o.System || d.isVended(o.Schema):
		return true
	case o.Kind == "schema":
		return d.schemaShown(o.Name)
	case o.Kind == "function":
		return o.Member || slices.Contains(d.engine.config.Functions, o.Schema+"."+o.Name)
	case o.Kind == "type":
		return d.snapshot.gate.Shown(o.OID, d.open)
	}
	return o.Kind != "relation" && o.Member
}

// schemaShown: the schemas of open tables are in every description, public is in every database, and the others are in
// the configuration because callers are to use what is in them.
func (d *diagnosis) schemaShown(name string) bool {
	_, vended := d.schemas[name]
	return vended || name == "public" || slices.Contains(d.snapshot.paths.Callers, name) || d.isVended(name) ||
		slices.ContainsFunc(d.lease.Open, func(t entitlements.TableName) bool { return t.Schema == name })
}

// open reports whether the caller may read a table.
func (d *diagnosis) open(table entitlements.TableName) bool {
	return slices.Contains(d.lease.Open, table) ||
		slices.ContainsFunc(d.lease.Access, func(a entitlements.Access) bool { return a.Table == table })
}

// kindsOf are the kinds of hidden objects that a word may mean.
func (d *diagnosis) kindsOf(w vending.Word) (kinds []kind) {
	for _, o := range d.objects {
		if d.shown(o) || !d.means(w, o) || o.Kind == "function" && d.isColumn(o.Name) {
			continue
		}
		kinds = append(kinds, o.Kind)
		// type(value)
		if o.Kind == "type" && !d.isColumn(o.Name) && !d.shadowed(object{Kind: "function", Name: o.Name, Schema: o.Schema}) {
			kinds = append(kinds, "function")
		}
	}
	return kinds
}

// means reports whether a word may mean an object, by its name and what stands around it. Of an operator with a schema,
// the schema is the word that is exchanged.
func (d *diagnosis) means(w vending.Word, o object) bool {
	name := w.Name + w.Operator
	switch {
	case o.Kind == "schema":
		return w.Dotted != "" && o.Name == name
	case o.Kind == "operator" && w.Name != "":
		return w.Dotted == o.Name && o.Schema == name && !d.shadowed(o)
	case o.Name != name || (o.Kind == "operator") != (w.Operator != ""):
		return false
	case w.Qualifier != "":
		return w.Qualifier == o.Schema
	}
	return slices.Contains(d.snapshot.paths.Callers, o.Schema) && !d.shadowed(o)
}

// shadowed reports whether a name means something that is shown, or may: PostgreSQL's own, a view of the lease, or
// another function or operator of the name.
func (d *diagnosis) shadowed(by object) bool {
	return slices.ContainsFunc(d.objects, func(o object) bool {
		if o.Kind != by.Kind || o.Name != by.Name || !d.shown(o) {
			return false
		}
		return o.Schema == "pg_catalog" || o.Schema == by.Schema || o.Kind == "function" || o.Kind == "operator" ||
			d.isVended(o.Schema)
	})
}

// isColumn reports whether a column of the lease has the name: column(row) is written like a call.
func (d *diagnosis) isColumn(name string) bool {
	return slices.ContainsFunc(d.lease.Access, func(a entitlements.Access) bool {
		return slices.ContainsFunc(a.Columns, func(c entitlements.ColumnAccess) bool { return c.Name == name })
	})
}

func (d *diagnosis) isVended(schema string) bool {
	return slices.Contains(slices.Collect(maps.Values(d.schemas)), schema)
}

// hiddenRoutines are the refused functions and operators that are there for no caller.
func (d *diagnosis) hiddenRoutines(ctx context.Context, refused *gate.Refusals) (found []object, err error) {
	//nolint:gosec // what stands between is SQL of the package sqltext, with no text of a caller in it
	rows, err := d.conn.QueryContext(
		ctx,
		`
SELECT n.nspname, p.proname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid = ANY ($1::oid[]) AND n.nspname <> 'pg_catalog' AND n.nspname || '.' || p.proname <> ALL ($2)
  AND NOT `+sqltext.Member("pg_proc", "p.oid")+`
UNION ALL
SELECT n.nspname, o.oprname FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
WHERE o.oid = ANY ($3::oid[]) AND n.nspname <> 'pg_catalog'
  AND NOT `+sqltext.Member("pg_operator", "o.oid"),
		sqltext.OIDs(refused.Functions),
		pq.Array(append([]string{}, d.engine.config.Functions...)),
		sqltext.OIDs(refused.Operators),
	)
	if err != nil {
		return nil, cutOff(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var o object
		if err := rows.Scan(&o.Schema, &o.Name); err != nil {
			return nil, cutOff(ctx, err)
		}
		found = append(found, o)
	}
	return found, rows.Err()
}
