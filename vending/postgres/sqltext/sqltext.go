// Package sqltext is how PostgreSQL's SQL is written: its dialect, names, search paths and lists of object ids.
package sqltext

import (
	"strings"

	"github.com/lib/pq"

	"deputy/vending"
)

// Dialect is PostgreSQL's.
var Dialect = vending.Dialect{
	Product: "PostgreSQL", System: "postgresql", DollarQuotes: true, EscapeStrings: true, NestedComments: true,
	NameBytes: 63, Bare: bare,
}

// Quote writes a name.
func Quote(name string) string { return Dialect.Quote(name) }

// Path writes a search path. pg_catalog stays first, as it always is when it is not mentioned; the session's own schema
// is last, where it shadows nothing.
func Path(schemas []string) string {
	var quoted []string
	for _, s := range schemas {
		quoted = append(quoted, Quote(s))
	}
	return strings.Join(append(quoted, "pg_temp"), ", ")
}

// OIDs is an argument of the type oid[].
func OIDs(ids []uint32) any {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	return pq.Array(out)
}

// GovernedKinds are the kinds of relations (pg_class.relkind) that can be governed: tables, views, materialised views,
// foreign tables and partitioned tables.
const GovernedKinds = `('r', 'v', 'm', 'f', 'p')`

// SystemSchemas are PostgreSQL's own.
const SystemSchemas = `('pg_catalog', 'information_schema', 'pg_toast')`

// Member is the condition that an object belongs to an extension: by the catalog that the object is listed in, and the
// expression for its id.
func Member(catalog, id string) string {
	return `EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.` + catalog + `'::regclass AND d.objid = ` +
		id + ` AND d.deptype = 'e')`
}
