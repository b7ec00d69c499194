package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/vending"
)

// gate is what statements may use of the database beside governed tables, by object id.
type gate struct {
	functions map[uint32]bool
	operators map[uint32]bool
	types     map[uint32]string // that may NOT be used, with their names
	typeOf    uint32            // pg_typeof: names no type but that of what it is given
}

// refusedFunctions are built-in functions that are immutable or stable and yet do more than compute: they run SQL given as text,
// show settings, definitions and statistics, or tell which names exist. Everything volatile is refused as it is, but for
// harmlessVolatile. A trailing * stands for any ending.
var refusedFunctions = []string{
	"query_to_xml*", "table_to_xml*", "cursor_to_xml*", "schema_to_xml*", "database_to_xml*",
	"current_setting", "pg_*", "has_*", "to_reg*", "row_security_active", "inet_client_*", "inet_server_*",
	"col_description", "obj_description", "shobj_description", "format_type", "lo_*", "txid_*", "current_query",
	"ts_stat", "ts_debug", "binary_upgrade_*", "currval", "lastval", "acldefault", "aclexplode", "makeaclitem",
	"regclass*", "regproc*", "regoper*", "regrole*", "regnamespace*", "current_database", "version",
	"current_schema*", "oidvectortypes", "mxid_age", "satisfies_hash_partition", "fmgr_*", "dblink*", "gin_*", "brin_*",
}

// allowedAnyway are exceptions to refusedFunctions: plain computing under a name that looks like administration.
var allowedAnyway = []string{"pg_typeof", "pg_column_size", "pg_size_pretty", "pg_size_bytes", "pg_collation_for"}

// harmlessVolatile are volatile functions that only compute.
var harmlessVolatile = []string{"random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp", "timeofday"}

// refusedTypes show names of objects that the caller must not know of, from numbers alone.
var refusedTypes = []string{
	"regclass", "regtype", "regproc", "regprocedure", "regoper", "regoperator", "regrole", "regnamespace", "aclitem", "refcursor",
	"pg_node_tree", "pg_ndistinct", "pg_dependencies", "pg_mcv_list",
}

// functionRow is one function. Raw ones read or write values as types do (record_in, regtypeout): they take the number of any type there
// is, a table's row type too, and tell its name and its columns.
type functionRow struct {
	OID        uint32 `db:"oid"`
	Schema     string `db:"schema"`
	Name       string `db:"name"`
	Volatility string `db:"volatility"`
	Security   bool   `db:"security"`
	Raw        bool   `db:"raw"`
}

// loadGate asks the database which objects the rules above mean. A new major's new functions are judged by the same rules.
func (e *Engine) loadGate(ctx context.Context) (*gate, error) {
	g := &gate{functions: map[uint32]bool{}, operators: map[uint32]bool{}, types: map[uint32]string{}}
	var functions []functionRow
	err := e.db.SelectContext(ctx, &functions, `
SELECT p.oid, n.nspname AS schema, p.proname AS name, p.provolatile AS volatility, p.prosecdef AS security,
       'cstring'::regtype = ANY (p.proargtypes::oid[] || p.prorettype) AS raw
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'pg_catalog' OR n.nspname || '.' || p.proname = ANY ($1)`, pq.Array(e.config.Functions))
	if err != nil {
		return nil, unavailable(err)
	}
	for _, f := range functions {
		if f.allowed(e.config.Functions) {
			g.functions[f.OID] = true
		}
		if f.Schema == "pg_catalog" && f.Name == "pg_typeof" {
			g.typeOf = f.OID
		}
	}
	if err := g.loadOperators(ctx, e.db); err != nil {
		return nil, err
	}
	var types []struct {
		OID  uint32 `db:"oid"`
		Name string `db:"typname"`
	}
	err = e.db.SelectContext(ctx, &types, `
SELECT t.oid, t.typname FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type element ON element.oid = t.typelem AND t.typcategory = 'A'
WHERE t.typnamespace = 'pg_catalog'::regnamespace AND (t.typname = ANY ($1) OR element.typname = ANY ($1))`, pq.Array(refusedTypes))
	if err != nil {
		return nil, unavailable(err)
	}
	for _, t := range types {
		g.types[t.OID] = t.Name
	}
	return g, nil
}

func (g *gate) loadOperators(ctx context.Context, db *sqlx.DB) error {
	var operators []struct {
		OID      uint32 `db:"oid"`
		Function uint32 `db:"oprcode"`
	}
	if err := db.SelectContext(ctx, &operators, `SELECT oid, oprcode::oid::int8 AS oprcode FROM pg_catalog.pg_operator`); err != nil {
		return unavailable(err)
	}
	for _, o := range operators {
		if g.functions[o.Function] {
			g.operators[o.OID] = true
		}
	}
	return nil
}

func (f functionRow) allowed(named []string) bool {
	if slices.Contains(named, f.Schema+"."+f.Name) {
		return true
	}
	switch {
	case f.Schema != "pg_catalog" || f.Security || f.Raw:
		return false
	case slices.Contains(allowedAnyway, f.Name):
		return true
	case f.Volatility == "v":
		return slices.Contains(harmlessVolatile, f.Name)
	}
	return !slices.ContainsFunc(refusedFunctions, func(pattern string) bool {
		prefix, any := strings.CutSuffix(pattern, "*")
		return any && strings.HasPrefix(f.Name, prefix) || f.Name == pattern
	})
}

// refused lists what a tree of nodes uses that the gate does not let through. names are asked for only then.
func (g *gate) refused(t node) (functions, operators []uint32, forbidden []vending.Forbidden) {
	seen := map[string]bool{}
	once := func(f vending.Forbidden) {
		if !seen[f.What+f.Name] {
			seen[f.What+f.Name] = true
			forbidden = append(forbidden, f)
		}
	}
	t.walk(func(n node) {
		if n.name == "ROWMARKCLAUSE" {
			once(vending.Forbidden{What: "clause", Name: "FOR UPDATE or FOR SHARE"})
		}
		if n.name == "VAR" && n.number("varattno") < 0 {
			once(vending.Forbidden{What: "system column", Name: "(ctid, xmin, tableoid and the like)"})
		}
		for field, values := range n.fields {
			for _, id := range oids(values) {
				switch {
				case id == 0:
				case isFunctionField(field) && !g.functions[id]:
					functions = append(functions, id)
				case isOperatorField(field) && !g.operators[id]:
					operators = append(operators, id)
				case strings.Contains(field, "type") && g.types[id] != "" && !g.ownType(n, id):
					once(vending.Forbidden{What: "type", Name: g.types[id]})
				}
			}
		}
	})
	return functions, operators, forbidden
}

// ownType reports whether the node is a call of pg_typeof, or a column of a subselect that has one: nobody made that type of a number.
func (g *gate) ownType(n node, id uint32) bool {
	return g.types[id] == "regtype" && (n.name == "VAR" || n.name == "FUNCEXPR" && n.number("funcid") == int(g.typeOf))
}

// The node tree names its fields alike across versions: funcid, opfuncid, aggfnoid, winfnoid, hashfuncid, startInRangeFunc … for
// functions; opno, opnos, eqop, sortop … for operators.
func isFunctionField(f string) bool {
	return strings.HasSuffix(f, "funcid") || strings.HasSuffix(f, "fnoid") || strings.HasSuffix(f, "RangeFunc") || f == "tsmhandler"
}

func isOperatorField(f string) bool {
	return f == "opno" || f == "opnos" || f == "eqop" || f == "sortop" || f == "cycle_mark_neop"
}
