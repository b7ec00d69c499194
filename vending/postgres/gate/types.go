package gate

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/catalog"
	"deputy/vending/postgres/nodetree"
	"deputy/vending/postgres/sqltext"
	"deputy/vending/postgres/wayout"
)

// dataType is what the gate knows of a type. A type that it does not know is hidden: no governed table has it.
type dataType struct {
	name    string
	refused string                   // the type that may not be used: it, or one that it is made of; empty: it may
	checked bool                     // making a value of it calls what the gate refuses, in the CHECK of a domain
	common  bool                     // it is built in, or comes with an extension or a function that is named
	tables  []entitlements.TableName // that have a column of it, or of something that is made of it
	row     uint32                   // the governed table whose row it is, or an array of such rows
}

// refusedTypes show names of objects that the caller must not know of, from numbers alone. The row types of system
// catalogs are refused as well: they have columns of such types.
var refusedTypes = []string{
	"regclass", "regtype", "regproc", "regprocedure", "regoper", "regoperator", "regrole", "regnamespace", "aclitem",
	"refcursor", "pg_node_tree", "pg_ndistinct", "pg_dependencies", "pg_mcv_list", "regconfig", "regdictionary",
	"regcollation",
}

// typeRow is one type, and what it is made of.
type typeRow struct {
	OID    uint32         `db:"oid"`
	Name   string         `db:"name"`
	System bool           `db:"system"`
	Common bool           `db:"common"`
	Row    bool           `db:"row"`
	Alone  uint32         `db:"alone"`  // the relation of a composite type that is no table's row; 0: it is none
	Parts  pq.Int64Array  `db:"parts"`  // elements, bases, ranges and attributes
	Checks pq.StringArray `db:"checks"` // node trees of a domain's constraints
	Above  pq.Int64Array  `db:"above"`  // its array and its multirange
}

// typesQuery follows types down to what they are made of, and up to their arrays and multiranges. The attributes of a
// catalog's row are left out: it is refused without them.
const typesQuery = `
WITH RECURSIVE system(oid) AS (
  SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ` + sqltext.SystemSchemas + `
), common(oid) AS (
  SELECT oid FROM pg_catalog.pg_type WHERE typnamespace IN (SELECT oid FROM system)
  UNION SELECT objid FROM pg_catalog.pg_depend WHERE classid = 'pg_catalog.pg_type'::regclass AND deptype = 'e'
  UNION SELECT unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]) || p.prorettype)
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname || '.' || p.proname = ANY ($2)
), part(whole, oid) AS (
  SELECT oid, typelem FROM pg_catalog.pg_type WHERE typelem <> 0
  UNION ALL SELECT oid, typbasetype FROM pg_catalog.pg_type WHERE typbasetype <> 0
  UNION ALL SELECT rngtypid, rngsubtype FROM pg_catalog.pg_range
  UNION ALL SELECT rngmultitypid, rngtypid FROM pg_catalog.pg_range
  UNION ALL SELECT t.oid, a.atttypid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
            WHERE a.attnum > 0 AND NOT a.attisdropped AND t.typnamespace NOT IN (SELECT oid FROM system)
), above(part, oid) AS (
  SELECT oid, typarray FROM pg_catalog.pg_type WHERE typarray <> 0 UNION ALL SELECT rngtypid, rngmultitypid FROM pg_catalog.pg_range
), next(of, oid) AS (
  SELECT whole, oid FROM part UNION ALL SELECT part, oid FROM above
), reached(oid) AS (
  SELECT oid FROM common UNION SELECT unnest($1::oid[])
  UNION SELECT next.oid FROM reached r JOIN next ON next.of = r.oid
)
SELECT t.oid, t.typname AS name, t.typnamespace IN (SELECT oid FROM system) AS system, c.oid IS NOT NULL AS common, t.typtype = 'c' AS row, coalesce(o.oid, 0) AS alone,
       p.oids AS parts, a.oids AS above, k.checks
FROM reached r JOIN pg_catalog.pg_type t ON t.oid = r.oid LEFT JOIN common c ON c.oid = t.oid
LEFT JOIN pg_catalog.pg_class o ON o.oid = t.typrelid AND o.relkind = 'c'
LEFT JOIN (SELECT whole, array_agg(oid::int8) AS oids FROM part GROUP BY whole) AS p ON p.whole = t.oid
LEFT JOIN (SELECT part, array_agg(oid::int8) AS oids FROM above GROUP BY part) AS a ON a.part = t.oid
LEFT JOIN (SELECT contypid, array_agg(conbin::text) AS checks FROM pg_catalog.pg_constraint
  WHERE contypid <> 0 AND conbin IS NOT NULL GROUP BY contypid) AS k
  ON k.contypid = t.oid`

// loadTypes closes the types of the governed tables over elements, bases, ranges and attributes. It needs the gate's
// functions.
func (g *Gate) loadTypes(ctx context.Context, db *sqlx.DB, config Config, tables catalog.Tables) error {
	var roots []uint32
	for _, r := range tables {
		roots = append(roots, r.RowType)
	}
	var rows []typeRow
	if err := catalog.Read(ctx, db, &rows, typesQuery, sqltext.OIDs(roots), pq.Array(config.Functions)); err != nil {
		return err
	}
	c := closure{gate: g, rows: map[uint32]typeRow{}, done: map[uint32]bool{}}
	for _, row := range rows {
		c.rows[row.OID] = row
		g.types[row.OID] = &dataType{name: row.Name, common: row.Common}
		if row.Alone != 0 {
			g.composites[row.Alone] = true
		}
	}
	for oid := range c.rows {
		c.close(oid)
	}
	for id, r := range tables {
		c.show(r.RowType, r.Table.TableName)
		for _, oid := range append(c.rows[r.RowType].Above, int64(r.RowType)) {
			if t := g.types[uint32(oid)]; t != nil {
				t.row = id
			}
		}
	}
	for oid := range c.rows {
		slices.SortFunc(g.types[oid].tables, entitlements.TableName.Compare)
	}
	return g.loadConfigurations(ctx, db)
}

// closure gives a type what holds of those that it is made of.
type closure struct {
	gate *Gate
	rows map[uint32]typeRow
	done map[uint32]bool
}

func (c *closure) close(oid uint32) *dataType {
	t, row := c.gate.types[oid], c.rows[oid]
	if t == nil {
		return &dataType{refused: "?"} // it was made while the rows were read
	}
	if c.done[oid] {
		return t
	}
	c.done[oid] = true // a type may have itself among its parts, through an array
	if row.System && (row.Row || slices.Contains(refusedTypes, row.Name)) {
		t.refused = row.Name
	}
	for _, check := range row.Checks {
		t.checked = t.checked || c.gate.refusesCheck(check)
	}
	for _, part := range row.Parts {
		p := c.close(uint32(part))
		t.checked = t.checked || p.checked
		switch {
		case t.refused != "" || p.refused == "":
		case row.System:
			t.refused = row.Name
		default:
			t.refused = p.refused
		}
	}
	return t
}

// show says of a type, of what it is made of and of arrays of these that a table has them.
func (c *closure) show(oid uint32, table entitlements.TableName) {
	t := c.gate.types[oid]
	if t == nil || slices.Contains(t.tables, table) {
		return
	}
	t.tables = append(t.tables, table)
	for _, next := range slices.Concat(c.rows[oid].Parts, c.rows[oid].Above) {
		c.show(uint32(next), table)
	}
}

// refusesCheck reports whether a domain's constraint uses what a statement may not use. One that cannot be read does.
func (g *Gate) refusesCheck(tree string) bool {
	check, err := nodetree.ParseExpression(tree)
	if err != nil {
		return true
	}
	used := g.Refused(check)
	return len(used.Functions)+len(used.Operators)+len(used.Forbidden) > 0 // its types are those of what it calls
}

// loadConfigurations reads the text search configurations and dictionaries that everybody has: constants of them name
// nothing hidden.
func (g *Gate) loadConfigurations(ctx context.Context, db *sqlx.DB) error {
	var rows []struct {
		OID       uint32 `db:"oid"`
		Collation bool   `db:"collation"`
	}
	err := db.SelectContext(ctx, &rows, `
SELECT oid, false AS collation FROM pg_catalog.pg_ts_config WHERE cfgnamespace = 'pg_catalog'::regnamespace
UNION ALL SELECT oid, false FROM pg_catalog.pg_ts_dict WHERE dictnamespace = 'pg_catalog'::regnamespace
UNION ALL SELECT oid, true FROM pg_catalog.pg_collation WHERE collnamespace = 'pg_catalog'::regnamespace`)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Collation {
			g.collations[row.OID] = true
		} else {
			g.configurations[row.OID] = true
		}
	}
	return nil
}

// passing are the nodes whose value was made elsewhere, so that no constraint of its type is asked again.
var passing = strings.Fields(
	`VAR FIELDSELECT SUBSCRIPTINGREF AGGREF WINDOWFUNC CASE CASEEXPR CASETESTEXPR COALESCE COALESCEEXPR MINMAX MINMAXEXPR
	ARRAY ARRAYEXPR NULLIFEXPR PARAM SUBLINK SETOPERATIONSTMT COMMONTABLEEXPR RTE RANGETBLENTRY`,
)

// refusedType judges one type in a field of a node.
func (g *Gate) refusedType(n nodetree.Node, id uint32, r *Refusals) {
	t := g.types[id]
	switch {
	case t == nil:
		r.Hidden = append(r.Hidden, id)
	case t.refused != "" && (!g.namesNothing(n, t.refused) || r.rows && (n.Name == "VAR" || t.refused == "regtype")):
		r.once(vending.Forbidden{What: "type", Name: t.refused, Hint: wayout.OfType(t.refused)})
	case t.checked && !slices.Contains(passing, n.Name):
		r.once(
			vending.Forbidden{What: "type", Name: t.name, Hint: "making a value of it calls a function that may not be used"},
		)
	}
}

// namesNothing reports whether a node of a refused type shows no name that the caller must not know of: a call of
// pg_typeof, a column of a subselect that has one, and what text search goes by, unless the statement made it of a
// number.
func (g *Gate) namesNothing(n nodetree.Node, refused string) bool {
	switch refused {
	case "regtype":
		return n.Name == "VAR" || n.Name == "FUNCEXPR" && n.Number("funcid") == int(g.typeOf)
	case "regconfig", "regdictionary":
		id, _ := n.ConstantOID()
		return n.Name == "VAR" || n.Text("constisnull") == "true" || g.configurations[id]
	}
	return false
}

// The rows that ROW(…) and a whole subselect are, and arrays of them: the types record and record[], in every database.
var anonymous = []uint32{2249, 2287}

// hasRows reports whether there are rows of no type in a tree. Functions that make a row anew from a text
// (json_populate_record, #=) read into it whatever its columns are, so that a row with the one regtype that shows
// nothing would show the name of every table.
func hasRows(t nodetree.Node) (found bool) {
	t.Walk(func(n nodetree.Node) {
		for field, values := range n.Fields {
			found = found ||
				nodetree.HoldsTypes(n.Name, field) &&
					slices.ContainsFunc(nodetree.OIDs(values), func(id uint32) bool { return slices.Contains(anonymous, id) })
		}
	})
	return found
}

// refusedPart judges a constant that is a column of a row.
func (g *Gate) refusedPart(c nodetree.Node, r *Refusals) {
	for _, id := range nodetree.OIDs(c.Fields["consttype"]) {
		if t := g.types[id]; t != nil && t.refused != "" {
			r.once(vending.Forbidden{What: "type", Name: t.refused})
		}
	}
}

// TypesOf are the types in a tree that only some tables have, each with the tables, and the tables whose rows they are.
func (g *Gate) TypesOf(t nodetree.Node) (uses []vending.TypeUse, rows map[uint32]bool) {
	seen, rows := map[uint32]bool{}, map[uint32]bool{}
	t.Walk(func(n nodetree.Node) {
		for field, values := range n.Fields {
			if !nodetree.HoldsTypes(n.Name, field) {
				continue
			}
			for _, id := range nodetree.OIDs(values) {
				d := g.types[id]
				if d == nil || d.common || seen[id] {
					continue
				}
				seen[id] = true
				uses = append(uses, vending.TypeUse{Name: d.name, Tables: d.tables})
				if d.row != 0 && n.Name != "VAR" {
					rows[d.row] = true
				}
			}
		}
	})
	return uses, rows
}
