package postgres

import (
	"cmp"
	"slices"

	"deputy/entitlements"
	"deputy/vending"
)

// lineage finds out which columns an output column is made from. For a caller's statement it decides nothing: where it
// finds no origin, the column is shown without one, and its values are still the masked ones. For a view's definition
// it says where it cannot tell.
type lineage struct {
	tables map[uint32]*relation
	views  map[uint32]definition // definitions of views that are not governed; nil for a caller's statement
	gate   *gate                 // of a view's definition: which functions read nothing but what they are given
	steps  int                   // so far; nested expressions could take exponentially many

	computed bool // the last column is more than a copy of others
	hidden   bool // where the last column comes from cannot be told
}

// unknown gives up.
func (l *lineage) unknown() []entitlements.ColumnName {
	l.hidden = true
	return nil
}

// scope is one query and those around it.
type scope struct {
	query node
	outer *scope
}

const (
	rteRelation = 0
	rteSubquery = 1
	rteJoin     = 2
	rteCTE      = 6
	rteGroup    = 9
	maxDeep     = 50
	maxSteps    = 10_000
)

// outputs describes the output columns of the statement inside the probe, whose only subquery it is.
func (l *lineage) outputs(probe node) []vending.Output {
	for _, rte := range probe.nodes("rtable") {
		if rte.number("rtekind") != rteSubquery {
			continue
		}
		var out []vending.Output
		query := rte.nodes("subquery")[0]
		for i, target := range visibleTargets(query) {
			origins := l.target(&scope{query, nil}, i+1, 0)
			out = append(out, vending.Output{Name: target.text("resname"), Origins: origins})
		}
		return out
	}
	return nil
}

func visibleTargets(query node) []node {
	return slices.DeleteFunc(query.nodes("targetList"), func(t node) bool { return t.text("resjunk") == "true" })
}

// target traces output column number of a query, in every branch of a UNION and the like.
func (l *lineage) target(s *scope, number, depth int) []entitlements.ColumnName {
	if l.steps++; depth > maxDeep || l.steps > maxSteps {
		return l.unknown()
	}
	var origins []entitlements.ColumnName
	for _, operation := range s.query.nodes("setOperations") {
		operation.walk(func(n node) {
			if n.name == "RANGETBLREF" {
				if branch := l.rte(s, n.number("rtindex")); branch != nil && len(branch.nodes("subquery")) == 1 {
					origins = append(origins, l.target(&scope{branch.nodes("subquery")[0], s}, number, depth+1)...)
				}
			}
		})
	}
	if targets := visibleTargets(s.query); origins == nil && number >= 1 && number <= len(targets) {
		origins = l.expression(s, targets[number-1], depth)
	}
	slices.SortFunc(origins, compareColumns)
	return slices.Compact(origins)
}

func (l *lineage) expression(s *scope, expression node, depth int) []entitlements.ColumnName {
	var origins []entitlements.ColumnName
	if l.steps++; l.steps > maxSteps {
		return l.unknown()
	}
	l.hidden = l.hidden || l.callsUnknown(expression)
	switch expression.name {
	case "VAR", "TARGETENTRY", "RELABELTYPE", "QUERY":
	default:
		l.computed = true
	}
	if expression.name == "VAR" {
		return l.variable(s, expression, depth)
	}
	if expression.name == "QUERY" { // a scalar subselect: what it returns
		return l.target(&scope{expression, s}, 1, depth+1)
	}
	for _, values := range expression.fields {
		for _, v := range values {
			for _, w := range append(v.list, v) {
				if w.node != nil {
					origins = append(origins, l.expression(s, *w.node, depth)...)
				}
			}
		}
	}
	return origins
}

func (l *lineage) variable(s *scope, v node, depth int) []entitlements.ColumnName {
	for range v.number("varlevelsup") {
		if s = s.outer; s == nil {
			return l.unknown()
		}
	}
	rte, column := l.rte(s, v.number("varno")), v.number("varattno")
	if rte == nil || depth > maxDeep {
		return l.unknown()
	}
	switch rte.number("rtekind") {
	case rteRelation:
		if below, ok := l.views[uint32(rte.number("relid"))]; ok && l.tables[uint32(rte.number("relid"))] == nil {
			return l.below(below, column, depth)
		}
		return l.columns(rte, column)
	case rteSubquery:
		if sub := rte.nodes("subquery"); len(sub) == 1 {
			return l.target(&scope{sub[0], s}, column, depth+1)
		}
	case rteCTE:
		return l.cte(s, *rte, column, depth)
	case rteJoin:
		return l.nth(s, rte.nodes("joinaliasvars"), column, depth)
	case rteGroup:
		return l.nth(s, rte.nodes("groupexprs"), column, depth)
	}
	return l.made(s, *rte, depth)
}

// made is a column of what a function, a list of values and the like give: all that they are given.
func (l *lineage) made(s *scope, rte node, depth int) (origins []entitlements.ColumnName) {
	l.computed = true
	for _, field := range []string{"functions", "tablefunc", "values_lists"} {
		walkValues(rte.fields[field], func(n node) {
			l.hidden = l.hidden || l.callsUnknown(n)
			if n.name == "VAR" || n.name == "QUERY" {
				origins = append(origins, l.expression(s, n, depth+1)...)
			}
		})
	}
	return origins
}

// below is a column of a view that is not governed, or all for the whole row.
func (l *lineage) below(v definition, column, depth int) (origins []entitlements.ColumnName) {
	if !v.ok || column < 0 {
		return l.unknown()
	}
	first, last := column, column
	if column == 0 {
		first, last, l.computed = 1, len(visibleTargets(v.tree)), true
	}
	for i := first; i <= last; i++ {
		origins = append(origins, l.target(&scope{v.tree, nil}, i, depth+1)...)
	}
	return origins
}

func (l *lineage) nth(s *scope, expressions []node, n, depth int) []entitlements.ColumnName {
	if n < 1 || n > len(expressions) {
		return l.unknown()
	}
	return l.expression(s, expressions[n-1], depth+1)
}

// columns of a table: one, or all for the whole row.
func (l *lineage) columns(rte *node, number int) []entitlements.ColumnName {
	r := l.tables[uint32(rte.number("relid"))]
	if r == nil {
		return nil
	}
	if name, ok := r.numbers[number]; ok {
		return []entitlements.ColumnName{{TableName: r.table.TableName, Column: name}}
	}
	var all []entitlements.ColumnName
	l.computed = true
	for _, c := range r.table.Columns {
		if number == 0 {
			all = append(all, entitlements.ColumnName{TableName: r.table.TableName, Column: c.Name})
		}
	}
	return all
}

func (l *lineage) cte(s *scope, rte node, column, depth int) []entitlements.ColumnName {
	for range rte.number("ctelevelsup") {
		if s = s.outer; s == nil {
			return l.unknown()
		}
	}
	for _, cte := range s.query.nodes("cteList") {
		if cte.text("ctename") == rte.text("ctename") && len(cte.nodes("ctequery")) == 1 {
			return l.target(&scope{cte.nodes("ctequery")[0], s}, column, depth+10) // recursive ones end soon
		}
	}
	return l.unknown()
}

func (l *lineage) rte(s *scope, number int) *node {
	table := s.query.nodes("rtable")
	if number < 1 || number > len(table) {
		return nil
	}
	return &table[number-1]
}

func compareColumns(a, b entitlements.ColumnName) int {
	return cmp.Or(compareNames(a.TableName, b.TableName), cmp.Compare(a.Column, b.Column))
}
