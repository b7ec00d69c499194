package sqlite

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator writes reads that are deterministic but for the order of their rows.
type generator struct {
	*rand.Rand
	tables  []relation // that the caller may read
	others  []relation // that it may not, or that are not there
	percent int        // of those
	common  []relation // the common table expressions in scope
	aliases int
}

// relation is something to read from. Its columns are called k, g, n, m as far as it has them.
type relation struct {
	text    string
	columns []string
}

// scope is what stands in a FROM: the text, and how its columns can be named.
type scope struct {
	text    string
	columns []string
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) alias() string {
	g.aliases++
	return fmt.Sprintf("a%d", g.aliases)
}

// statement is a whole read.
func (g *generator) statement() string {
	g.common, g.aliases = nil, 0
	with := ""
	for range g.IntN(3) {
		name := g.one("c1", "c2", "secret", "t2", "sqlite", "staff")
		if slices.ContainsFunc(g.common, func(r relation) bool { return r.text == name }) {
			continue
		}
		columns := []string{g.one("k", "g"), g.one("n", "m")}
		definition := fmt.Sprintf("%s(%s) AS (%s)", name, strings.Join(columns, ", "), g.query(2, 2))
		if with += ", " + definition; g.chance(20) {
			continue // never used, unless by the name of another thing
		}
		g.common = append(g.common, relation{name, columns})
	}
	if g.chance(10) {
		with += ", r(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM r WHERE k < 4)"
		g.common = append(g.common, relation{"r", []string{"k"}})
	}
	if with != "" {
		with = "WITH RECURSIVE " + strings.TrimPrefix(with, ", ") + " "
	}
	width := 1 + g.IntN(3)
	sql := with + g.query(width, 3)
	if g.chance(25) {
		order := "1"
		for i := 2; i <= width; i++ {
			order += fmt.Sprintf(", %d", i)
		}
		sql += " ORDER BY " + order
		if g.chance(50) {
			sql += fmt.Sprintf(" LIMIT %d OFFSET %d", g.IntN(5), g.IntN(3))
		}
	}
	return sql
}

// query is a read of some width; what is below it may be nested as deep as depth.
func (g *generator) query(width, depth int) string {
	if depth > 1 && g.chance(15) {
		operator := g.one("UNION", "UNION ALL", "INTERSECT", "EXCEPT")
		return g.core(width, depth-1) + " " + operator + " " + g.core(width, depth-1)
	}
	if g.chance(3) {
		return "VALUES (" + strings.TrimSuffix(strings.Repeat("1, ", width), ", ") + ")"
	}
	return g.core(width, depth)
}

func (g *generator) core(width, depth int) string {
	from := g.from(depth)
	where := ""
	if g.chance(60) {
		where = " WHERE " + g.condition(from, depth)
	}
	switch g.IntN(10) {
	case 0, 1: // groups
		key := g.one(from.columns...)
		outputs := []string{key}
		for len(outputs) < width {
			outputs = append(outputs, g.aggregate(from))
		}
		having := ""
		if g.chance(30) {
			having = " HAVING " + g.aggregate(from) + " > 1"
		}
		return "SELECT " + strings.Join(outputs, ", ") + " FROM " + from.text + where + " GROUP BY " + key + having
	case 2: // one row
		var outputs []string
		for len(outputs) < width {
			outputs = append(outputs, g.aggregate(from))
		}
		return "SELECT " + strings.Join(outputs, ", ") + " FROM " + from.text + where
	case 3: // windows
		var outputs []string
		for len(outputs) < width {
			outputs = append(outputs, fmt.Sprintf("%s OVER (PARTITION BY %s)", g.aggregate(from), g.one(from.columns...)))
		}
		return "SELECT " + strings.Join(outputs, ", ") + " FROM " + from.text + where
	}
	var outputs []string
	for len(outputs) < width {
		outputs = append(outputs, g.expression(from, depth))
	}
	return "SELECT " + g.one("", "", "DISTINCT ") + strings.Join(outputs, ", ") + " FROM " + from.text + where
}

// from joins one to three relations in every way there is.
func (g *generator) from(depth int) scope {
	columns, text, left := []string{}, "", []string(nil)
	for i := range 1 + g.IntN(3) {
		r := g.relation(depth)
		alias := g.alias()
		item := r.text + " AS " + alias
		var own []string
		for _, c := range r.columns {
			own = append(own, alias+"."+c)
		}
		var shared []string
		for _, c := range r.columns {
			if slices.Contains(left, c) {
				shared = append(shared, c)
			}
		}
		on := ""
		if i > 0 {
			on = fmt.Sprintf(" ON %s %s %s", g.one(columns...), g.one("=", "<", "IS"), g.one(own...))
		}
		switch kind := g.IntN(9); {
		case i == 0:
			text = item
		case kind < 2 && len(shared) > 0 && g.unique(left, shared[0]):
			text += g.one(" JOIN ", " LEFT JOIN ", " FULL JOIN ") + item + " USING (" + shared[0] + ")"
		case kind < 5 && !slices.ContainsFunc(shared, func(c string) bool { return !g.unique(left, c) }):
			text += g.one(" NATURAL JOIN ", " NATURAL LEFT JOIN ", " natural/**/join ") + item
		case kind < 6:
			text += ", " + item
		default:
			text += g.one(" JOIN ", " LEFT JOIN ") + item + on
		}
		if left = append(left, r.columns...); i == 0 || !g.foreign(r) || g.chance(10) {
			columns = append(columns, own...)
		}
	}
	return scope{text, columns}
}

// unique says that a column stands once on the left, so that a join by its name is not ambiguous.
func (g *generator) unique(left []string, column string) bool {
	n := 0
	for _, c := range left {
		if c == column {
			n++
		}
	}
	return n == 1
}

func (g *generator) relation(depth int) relation {
	switch n := g.IntN(100); {
	case n < 15 && len(g.common) > 0:
		return g.common[g.IntN(len(g.common))]
	case n < 30 && depth > 1:
		columns := []string{g.one("k", "g"), g.one("n", "m")}
		a := g.alias()
		inner := g.query(2, depth-1)
		text := fmt.Sprintf("(WITH %s(%s) AS (%s) SELECT * FROM %s)", a, strings.Join(columns, ", "), inner, a)
		return relation{text, columns}
	case n < 33:
		return relation{`(SELECT value AS k, key AS n FROM json_each('[1,2,3]'))`, []string{"k", "n"}}
	case n < 36:
		return relation{`(SELECT 1 AS k, 'x' AS g)`, []string{"k", "g"}}
	case n < 36+g.percent:
		return g.others[g.IntN(len(g.others))]
	}
	return g.tables[g.IntN(len(g.tables))]
}

// foreign relations are best read without a word about their columns.
func (g *generator) foreign(r relation) bool {
	return slices.ContainsFunc(g.others, func(o relation) bool { return o.text == r.text })
}

func (g *generator) condition(from scope, depth int) string {
	a, b := g.one(from.columns...), g.one(from.columns...)
	switch n := g.IntN(9); {
	case n == 0:
		return fmt.Sprintf("%s = %s OR %s > 2", a, b, a)
	case n == 1:
		return fmt.Sprintf("%s IS NOT NULL AND %s <> %s", a, a, b)
	case n == 2 && depth > 1:
		return fmt.Sprintf("%s %s (%s)", a, g.one("IN", "NOT IN"), g.query(1, depth-1))
	case n == 3 && depth > 1:
		return fmt.Sprintf("%s (%s)", g.one("EXISTS", "NOT EXISTS"), g.query(1, depth-1))
	case n == 4 && depth > 1: // correlated
		inner := g.from(depth - 1)
		return fmt.Sprintf("EXISTS (SELECT 1 FROM %s WHERE %s = %s)", inner.text, g.one(inner.columns...), a)
	case n == 5:
		return a + " IN " + g.tableOfOne()
	case n == 6:
		return "1 = 2 AND " + a + " = " + b
	}
	return fmt.Sprintf("%s %s %s", a, g.one("=", "<", ">", "<=", "IS NOT", "LIKE"), g.one(b, "1", "'x'", "2"))
}

// tableOfOne may stand behind IN without parentheses.
func (g *generator) tableOfOne() string {
	return g.one(`single`, `sales.single`, `"single"`, `"quo""ted"`, `counted`, `(1, 2)`)
}

func (g *generator) aggregate(from scope) string {
	c := g.one(from.columns...)
	return g.one("count(*)", "count("+c+")", "min("+c+")", "max("+c+")", "count(DISTINCT "+c+")", "sum(1)")
}

func (g *generator) expression(from scope, depth int) string {
	c := g.one(from.columns...)
	switch n := g.IntN(8); {
	case n == 0 && depth > 1: // correlated
		inner := g.from(depth - 1)
		return fmt.Sprintf("(SELECT count(*) FROM %s WHERE %s = %s)", inner.text, g.one(inner.columns...), c)
	case n == 1:
		return "coalesce(" + c + ", 'none')"
	case n == 2:
		return fmt.Sprintf("CASE WHEN %s THEN 1 ELSE %s END", g.condition(from, 1), c)
	case n == 3:
		return c + " || 'x'"
	}
	return c
}
