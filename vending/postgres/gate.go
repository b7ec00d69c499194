package postgres

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/vending"
)

// gate is what statements may use of the database beside governed tables, by object id.
type gate struct {
	functions      map[uint32]bool
	operators      map[uint32]bool
	types          map[uint32]*dataType // that governed tables, extensions and PostgreSQL itself have; any other is hidden
	composites     map[uint32]bool      // relations that stand for a known type, and for no table
	collations     map[uint32]bool      // that may be named
	configurations map[uint32]bool      // of text search, and dictionaries, that may be named
	typeOf         uint32               // pg_typeof: names no type but that of what it is given
	hints          map[uint32]string    // of functions of extensions that are refused: how they can be allowed
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
	"regclass*", "regproc*", "regoper*", "regrole*", "regnamespace*", "current_database", "version",
	"current_schema*", "oidvectortypes", "mxid_age", "satisfies_hash_partition", "fmgr_*", "dblink*", "gin_*", "brin_*",
}

// allowedAnyway are exceptions to refusedFunctions: plain computing under a name that looks like administration.
var allowedAnyway = []string{"pg_typeof", "pg_column_size", "pg_size_pretty", "pg_size_bytes", "pg_collation_for"}

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

// loadGate asks the database which objects the rules above mean. A new major's new functions are judged by the same
// rules.
func (e *Engine) loadGate(ctx context.Context, paths *paths, tables map[uint32]*relation) (*gate, error) {
	g := &gate{
		functions: map[uint32]bool{}, operators: map[uint32]bool{}, hints: map[uint32]string{}, astray: paths.astray(),
		types: map[uint32]*dataType{}, composites: map[uint32]bool{}, collations: map[uint32]bool{}, configurations: map[uint32]bool{},
	}
	var functions []functionRow
	err := e.db.SelectContext(ctx, &functions, `
SELECT p.oid, n.nspname AS schema, p.proname AS name, p.provolatile AS volatility, p.prosecdef AS security,
       'cstring'::regtype = ANY (p.proargtypes::oid[] || p.prorettype) AS raw, coalesce(x.extname, '') AS extension,
       n.nspname = 'pg_catalog' OR has_schema_privilege('public', n.oid, 'USAGE') AND has_function_privilege('public', p.oid, 'EXECUTE') AS public,
       n.nspname <> 'pg_catalog' AND deputy.others_create(n.oid) AS open
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN (pg_catalog.pg_depend d JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid)
  ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
WHERE n.nspname = 'pg_catalog' OR x.oid IS NOT NULL OR n.nspname || '.' || p.proname = ANY ($1)`, pq.Array(e.config.Functions))
	if err != nil {
		return nil, unavailable(err)
	}
	for _, f := range functions {
		if allowed, hint := f.judge(e.config); allowed {
			g.functions[f.OID] = true
		} else if hint != "" {
			g.hints[f.OID] = hint
		}
		if f.Schema == "pg_catalog" && f.Name == "pg_typeof" {
			g.typeOf = f.OID
		}
	}
	if err := e.loadOperators(ctx, g); err != nil {
		return nil, err
	}
	if err := g.loadTypes(ctx, e, tables); err != nil {
		return nil, err
	}
	return g, nil
}

// loadOperators lets an operator through whose function may be called, and that is PostgreSQL's, an extension's or made
// for a function that the configuration names. Another one may have the sign of one of these and do the opposite.
func (e *Engine) loadOperators(ctx context.Context, g *gate) error {
	var operators []struct {
		OID      uint32 `db:"oid"`
		Function uint32 `db:"function"`
		Name     string `db:"name"`
		Member   bool   `db:"member"`
		Open     bool   `db:"open"`
	}
	err := e.db.SelectContext(ctx, &operators, `
SELECT o.oid, o.oprcode::oid::int8 AS function, f.nspname || '.' || p.proname AS name,
       n.nspname = 'pg_catalog' OR EXISTS (
         SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_operator'::regclass AND d.objid = o.oid
         AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e') AS member,
       n.nspname <> 'pg_catalog' AND deputy.others_create(n.oid) AS open
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode JOIN pg_catalog.pg_namespace f ON f.oid = p.pronamespace`)
	if err != nil {
		return unavailable(err)
	}
	for _, o := range operators {
		switch {
		case o.Open:
			g.hints[o.OID] = openHint
		case g.functions[o.Function] && (o.Member || slices.Contains(e.config.Functions, o.Name)):
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
	case slices.Contains(allowedAnyway, f.Name):
		return true
	case f.Volatility == "v":
		return f.Extension == "" && slices.Contains(harmlessVolatile, f.Name)
	}
	return !matchesAny(f.Name, refusedFunctions)
}

// refusals are what a tree of nodes uses that the gate does not let through, by object id where names are asked for
// only then.
type refusals struct {
	functions, operators []uint32
	hidden               []uint32 // types and collations that are there for no caller
	forbidden            []vending.Forbidden
	rows                 bool // there are rows of no type in the tree
}

func (r *refusals) once(f vending.Forbidden) {
	if !slices.Contains(r.forbidden, f) {
		r.forbidden = append(r.forbidden, f)
	}
}

// refused lists what a tree of nodes uses that the gate does not let through.
func (g *gate) refused(t node) *refusals {
	r := &refusals{rows: hasRows(t)}
	t.walk(func(n node) {
		if n.name == "ROWMARKCLAUSE" {
			r.once(vending.Forbidden{What: "clause", Name: "FOR UPDATE or FOR SHARE"})
		}
		if n.name == "VAR" && n.number("varattno") < 0 {
			r.once(vending.Forbidden{What: "system column", Name: "(ctid, xmin, tableoid and the like)"})
		}
		if why := g.implicitText(n); why != "" {
			r.once(vending.Forbidden{What: "comparison", Name: "of a value of an extension's type as text", Hint: why})
		}
		for _, c := range slices.Concat(n.nodes("expr"), n.nodes("args")) {
			if r.rows && (n.name == "TARGETENTRY" || n.name == "ROWEXPR") && c.name == "CONST" {
				g.refusedPart(c, r)
			}
		}
		if what := n.unknown(); what != "" {
			r.once(
				vending.Forbidden{
					What: "construct",
					Name: what,
					Hint: "this version of PostgreSQL has it and Deputy does not know it yet",
				},
			)
		}
		for field, values := range n.fields {
			for _, id := range oids(values) {
				switch {
				case id == 0:
				case functionFields[field] && !g.functions[id]:
					r.functions = append(r.functions, id)
				case operatorFields[field] && !g.operators[id]:
					r.operators = append(r.operators, id)
				case holdsTypes(n.name, field):
					g.refusedType(n, id, r)
				case field == "collOid" && !g.collations[id]:
					r.hidden = append(r.hidden, id)
				}
			}
		}
	})
	slices.SortFunc(
		r.forbidden,
		func(a, b vending.Forbidden) int { return strings.Compare(a.What+" "+a.Name, b.What+" "+b.Name) },
	)
	return r
}

// clone is a gate that more types can be added to.
func (g *gate) clone() *gate {
	out := *g
	out.types = maps.Clone(g.types)
	return &out
}

// standIn takes the row of a view for that of the table that it stands for.
func (g *gate) standIn(s *snapshot, table entitlements.TableName, view, row, array uint32) {
	for _, r := range s.tables {
		if t := g.types[r.rowType]; r.table.TableName == table && t != nil {
			of := *t
			of.tables, of.row = []entitlements.TableName{table}, view
			g.types[row], g.types[array] = &of, &of
		}
	}
}
