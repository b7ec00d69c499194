// Package gate decides what statements may use of a PostgreSQL database beside its governed tables: functions,
// operators, types and collations, by identity. It is the second lock: what it refuses is harmless without it too.
package gate

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/catalog"
	"deputy/vending/postgres/nodetree"
	"deputy/vending/postgres/searchpath"
	"deputy/vending/postgres/sqltext"
)

// Config is what an administrator allows beyond what is known to only compute.
type Config struct {
	Functions  []string // "schema.name"
	Extensions []string // names of extensions beside the well-known ones
}

// Gate is what statements may use of the database beside governed tables, by object id.
type Gate struct {
	functions      map[uint32]bool
	operators      map[uint32]bool
	types          map[uint32]*dataType // that governed tables, extensions and PostgreSQL itself have; any other is hidden
	composites     map[uint32]bool      // relations that stand for a known type, and for no table
	collations     map[uint32]bool      // that may be named
	configurations map[uint32]bool      // of text search, and dictionaries, that may be named
	typeOf         uint32               // pg_typeof: names no type but that of what it is given
	hints          map[uint32]string    // of functions that are refused: how they can be allowed, or done without
	astray         map[uint32]string    // types of extensions whose operators are out of reach: what that is because of
}

// refusedFunctions are built-in functions that are immutable or stable and yet do more than compute: they run SQL given
// as text, show settings, definitions and statistics, or tell which names exist. Everything volatile is refused as it
// is, but for harmlessVolatile. A trailing * stands for any ending.
var refusedFunctions = []string{
	"query_to_xml*", "table_to_xml*", "cursor_to_xml*", "schema_to_xml*", "database_to_xml*",
	"current_setting", "pg_*", "has_*", "to_reg*", "row_security_active", "inet_client_*", "inet_server_*",
	"col_description", "obj_description", "shobj_description", "format_type", "lo_*", "txid_*", "current_query",
	"ts_stat", "ts_debug", "binary_upgrade_*", "currval", "lastval", "acldefault", "aclexplode", "makeaclitem",
	"regclass*", "regproc*", "regoper*", "regrole*", "regnamespace*", "current_schema*",
	"oidvectortypes", "mxid_age", "satisfies_hash_partition", "fmgr_*", "dblink*", "gin_*", "brin_*",
}

// currentSchema is PostgreSQL's number of the word without parentheses. A vended role is in no schema of the caller's.
const currentSchema = 14

// allowedAnyway are exceptions to refusedFunctions: plain computing under a name that looks like administration.
var allowedAnyway = []string{
	"pg_typeof", "pg_column_size", "pg_size_pretty", "pg_size_bytes", "pg_collation_for", "pg_lsn_*",
}

// instead says what a statement can do without a function of PostgreSQL's own that is refused; empty: nothing.
func instead(function string) string {
	for _, way := range ways {
		if matchesAny(function, way.functions) {
			return way.out
		}
	}
	return ""
}

var ways = []struct {
	functions []string
	out       string
}{
	{
		[]string{"current_schema*", "to_reg*", "pg_get_*", "col_description", "obj_description"},
		"describe_table shows schemas, tables and columns",
	},
	{[]string{"current_setting"}, "settings are not shown; times are told in another zone with AT TIME ZONE"},
	{
		[]string{"pg_total_relation_size", "pg_relation_size", "pg_table_size", "pg_indexes_size", "pg_database_size"},
		"sizes on the disk are not shown; count(*) counts rows",
	},
	{[]string{"setseed"}, "ORDER BY md5(a key as text) is an order at random that is the same each time"},
	{[]string{"nextval", "currval", "lastval", "setval"}, "the numbers of sequences are not shown or used up"},
}

// harmlessVolatile are volatile functions that only compute.
var harmlessVolatile = []string{
	"random",
	"random_normal",
	"gen_random_uuid",
	"uuidv4",
	"uuidv7",
	"clock_timestamp",
	"timeofday",
}

// functionRow is one function. Raw ones read or write values as types do (record_in, regtypeout): they take the number
// of any type there is, a table's row type too, and tell its name and its columns.
type functionRow struct {
	OID        uint32 `db:"oid"`
	Schema     string `db:"schema"`
	Name       string `db:"name"`
	Volatility string `db:"volatility"`
	Security   bool   `db:"security"`
	Raw        bool   `db:"raw"`
	Extension  string `db:"extension"` // that it is a member of
	Public     bool   `db:"public"`    // every role may call it
	Open       bool   `db:"open"`      // others than the owner of its schema may create there
}

// Load asks the database which objects the rules above mean. A new major's new functions are judged by the same rules.
func Load(ctx context.Context, db *sqlx.DB, c Config, paths *searchpath.Paths, tables catalog.Tables) (*Gate, error) {
	g := &Gate{
		functions: map[uint32]bool{}, operators: map[uint32]bool{}, hints: map[uint32]string{}, astray: paths.Astray(),
		types: map[uint32]*dataType{}, composites: map[uint32]bool{}, collations: map[uint32]bool{},
		configurations: map[uint32]bool{},
	}
	var functions []functionRow
	err := db.SelectContext(ctx, &functions, `
SELECT p.oid, n.nspname AS schema, p.proname AS name, p.provolatile AS volatility, p.prosecdef AS security,
       'cstring'::regtype = ANY (p.proargtypes::oid[] || p.prorettype) AS raw, coalesce(x.extname, '') AS extension,
       n.nspname = 'pg_catalog' OR has_schema_privilege('public', n.oid, 'USAGE')
         AND has_function_privilege('public', p.oid, 'EXECUTE') AS public,
       n.nspname <> 'pg_catalog' AND deputy.others_create(n.oid) AS open
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN (pg_catalog.pg_depend d JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid)
  ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
    AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
WHERE n.nspname = 'pg_catalog' OR x.oid IS NOT NULL OR n.nspname || '.' || p.proname = ANY ($1)`, pq.Array(c.Functions))
	if err != nil {
		return nil, err
	}
	for _, f := range functions {
		if allowed, hint := f.judge(c); allowed {
			g.functions[f.OID] = true
		} else if hint != "" {
			g.hints[f.OID] = hint
		}
		if f.Schema == "pg_catalog" && f.Name == "pg_typeof" {
			g.typeOf = f.OID
		}
	}
	if err := g.loadOperators(ctx, db, c); err != nil {
		return nil, err
	}
	if err := g.loadTypes(ctx, db, c, tables); err != nil {
		return nil, err
	}
	return g, nil
}

// loadOperators lets an operator through whose function may be called, and that is PostgreSQL's, an extension's or made
// for a function that the configuration names. Another one may have the sign of one of these and do the opposite.
func (g *Gate) loadOperators(ctx context.Context, db *sqlx.DB, c Config) error {
	var operators []struct {
		OID      uint32 `db:"oid"`
		Function uint32 `db:"function"`
		Name     string `db:"name"`
		Member   bool   `db:"member"`
		Open     bool   `db:"open"`
	}
	err := db.SelectContext(ctx, &operators, `
SELECT o.oid, o.oprcode::oid::int8 AS function, f.nspname || '.' || p.proname AS name,
       n.nspname = 'pg_catalog' OR `+sqltext.Member("pg_operator", "o.oid")+` AS member,
       n.nspname <> 'pg_catalog' AND deputy.others_create(n.oid) AS open
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode JOIN pg_catalog.pg_namespace f ON f.oid = p.pronamespace`)
	if err != nil {
		return err
	}
	for _, o := range operators {
		switch {
		case o.Open:
			g.hints[o.OID] = searchpath.OpenHint
		case g.functions[o.Function] && (o.Member || slices.Contains(c.Functions, o.Name)):
			g.operators[o.OID] = true
		case o.Member && g.hints[o.Function] != "":
			g.hints[o.OID] = g.hints[o.Function]
		}
	}
	return nil
}

// harmless reports whether the function only computes, whatever it belongs to.
func (f functionRow) harmless() bool {
	switch {
	case f.Security || f.Raw:
		return false
	case matchesAny(f.Name, allowedAnyway):
		return true
	case f.Volatility == "v":
		return f.Extension == "" && slices.Contains(harmlessVolatile, f.Name)
	}
	return !matchesAny(f.Name, refusedFunctions)
}

// Refusals are what a tree of nodes uses that the gate does not let through, by object id where names are asked for
// only then.
type Refusals struct {
	Functions, Operators []uint32
	Hidden               []uint32 // types and collations that are there for no caller
	Forbidden            []vending.Forbidden
	rows                 bool // there are rows of no type in the tree
}

func (r *Refusals) once(f vending.Forbidden) {
	if !slices.Contains(r.Forbidden, f) {
		r.Forbidden = append(r.Forbidden, f)
	}
}

// Refused lists what a tree of nodes uses that the gate does not let through.
func (g *Gate) Refused(t nodetree.Node) *Refusals {
	r := &Refusals{rows: hasRows(t)}
	t.Walk(func(n nodetree.Node) {
		if n.Name == "ROWMARKCLAUSE" {
			r.once(vending.Forbidden{What: "clause", Name: "FOR UPDATE or FOR SHARE"})
		}
		if n.Name == "SQLVALUEFUNCTION" && n.Number("op") == currentSchema {
			r.once(vending.Forbidden{What: "function", Name: "current_schema", Hint: instead("current_schema")})
		}
		if n.Name == "VAR" && n.Number("varattno") < 0 {
			r.once(vending.Forbidden{What: "system column", Name: "(ctid, xmin, tableoid and the like)"})
		}
		if why := g.implicitText(n); why != "" {
			r.once(vending.Forbidden{What: "comparison", Name: "of a value of an extension's type as text", Hint: why})
		}
		for _, c := range slices.Concat(n.Nodes("expr"), n.Nodes("args")) {
			if r.rows && (n.Name == "TARGETENTRY" || n.Name == "ROWEXPR") && c.Name == "CONST" {
				g.refusedPart(c, r)
			}
		}
		if what := n.Unknown(); what != "" {
			r.once(
				vending.Forbidden{
					What: "construct",
					Name: what,
					Hint: "this version of PostgreSQL has it and Deputy does not know it yet",
				},
			)
		}
		for field, values := range n.Fields {
			for _, id := range nodetree.OIDs(values) {
				switch {
				case id == 0:
				case nodetree.HoldsFunctions(field) && !g.functions[id]:
					r.Functions = append(r.Functions, id)
				case nodetree.HoldsOperators(field) && !g.operators[id]:
					r.Operators = append(r.Operators, id)
				case nodetree.HoldsTypes(n.Name, field):
					g.refusedType(n, id, r)
				case field == "collOid" && !g.collations[id]:
					r.Hidden = append(r.Hidden, id)
				}
			}
		}
	})
	slices.SortFunc(
		r.Forbidden,
		func(a, b vending.Forbidden) int { return strings.Compare(a.What+" "+a.Name, b.What+" "+b.Name) },
	)
	return r
}

// Computes reports whether statements may call the function.
func (g *Gate) Computes(function uint32) bool { return g.functions[function] }

// Composite reports whether a relation stands for a known type, and for no table.
func (g *Gate) Composite(relation uint32) bool { return g.composites[relation] }

// Shown reports whether a type is there for a caller who may read some of the tables.
func (g *Gate) Shown(id uint32, open func(entitlements.TableName) bool) bool {
	t := g.types[id]
	return t != nil && (t.common || slices.ContainsFunc(t.tables, open))
}

// WriteTypes writes what is known of the types: it changes when an analysis may be true no more.
func (g *Gate) WriteTypes(w io.Writer) {
	for _, oid := range slices.Sorted(maps.Keys(g.types)) {
		fmt.Fprintln(w, oid, *g.types[oid])
	}
}

// Clone is a gate that more types can be added to.
func (g *Gate) Clone() *Gate {
	out := *g
	out.types = maps.Clone(g.types)
	return &out
}

// StandIn takes the row of a view, and the array of such rows, for that of the table that the view stands for.
func (g *Gate) StandIn(tables catalog.Tables, table entitlements.TableName, view, row, array uint32) {
	for _, r := range tables {
		if t := g.types[r.RowType]; r.Table.TableName == table && t != nil {
			of := *t
			of.tables, of.row = []entitlements.TableName{table}, view
			g.types[row], g.types[array] = &of, &of
		}
	}
}
