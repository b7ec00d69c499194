// Package lineage finds out which governed columns the columns of a statement, or of a view in the database, are made
// from.
package lineage

import (
	"cmp"
	"slices"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres/catalog"
	"deputy/vending/postgres/nodetree"
)

// lineage finds out which columns an output column is made from. For a caller's statement it decides nothing: where it
// finds no origin, the column is shown without one, and its values are still the masked ones. For a view's definition
// it says where it cannot tell.
type lineage struct {
	tables catalog.Tables
	views  Views                      // definitions of views that are not governed; nil for a caller's statement
	only   func(function uint32) bool // of a view's definition: it reads nothing but what it is given
	steps  int                        // so far; nested expressions could take exponentially many

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
	query nodetree.Node
	outer *scope
}

const (
	maxDeep  = 50
	maxSteps = 10_000
)

// Outputs describes the output columns of the statement inside the probe, whose only subquery it is.
func Outputs(tables catalog.Tables, probe nodetree.Node) []vending.Output {
	l := &lineage{tables: tables}
	for _, rte := range probe.Nodes("rtable") {
		if rte.Number("rtekind") != nodetree.RTESubquery {
			continue
		}
		var out []vending.Output
		query := rte.Nodes("subquery")[0]
		for i, target := range visibleTargets(query) {
			origins := l.target(&scope{query, nil}, i+1, 0)
			out = append(out, vending.Output{Name: target.Text("resname"), Origins: origins})
		}
		return out
	}
	return nil
}

func visibleTargets(query nodetree.Node) []nodetree.Node {
	return slices.DeleteFunc(query.Nodes("targetList"), func(t nodetree.Node) bool { return t.Text("resjunk") == "true" })
}

// target traces output column number of a query, in every branch of a UNION and the like.
func (l *lineage) target(s *scope, number, depth int) []entitlements.ColumnName {
	if l.steps++; depth > maxDeep || l.steps > maxSteps {
		return l.unknown()
	}
	var origins []entitlements.ColumnName
	for _, operation := range s.query.Nodes("setOperations") {
		operation.Walk(func(n nodetree.Node) {
			if n.Name == "RANGETBLREF" {
				if branch := l.rte(s, n.Number("rtindex")); branch != nil && len(branch.Nodes("subquery")) == 1 {
					origins = append(origins, l.target(&scope{branch.Nodes("subquery")[0], s}, number, depth+1)...)
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

func (l *lineage) expression(s *scope, expression nodetree.Node, depth int) []entitlements.ColumnName {
	var origins []entitlements.ColumnName
	if l.steps++; l.steps > maxSteps {
		return l.unknown()
	}
	l.hidden = l.hidden || l.callsUnknown(expression)
	switch expression.Name {
	case "VAR", "TARGETENTRY", "RELABELTYPE", "QUERY":
	default:
		l.computed = true
	}
	if expression.Name == "VAR" {
		return l.variable(s, expression, depth)
	}
	if expression.Name == "QUERY" { // a scalar subselect: what it returns
		return l.target(&scope{expression, s}, 1, depth+1)
	}
	for _, values := range expression.Fields {
		for _, v := range values {
			for _, w := range append(v.List, v) {
				if w.Node != nil {
					origins = append(origins, l.expression(s, *w.Node, depth)...)
				}
			}
		}
	}
	return origins
}

func (l *lineage) variable(s *scope, v nodetree.Node, depth int) []entitlements.ColumnName {
	for range v.Number("varlevelsup") {
		if s = s.outer; s == nil {
			return l.unknown()
		}
	}
	rte, column := l.rte(s, v.Number("varno")), v.Number("varattno")
	if rte == nil || depth > maxDeep {
		return l.unknown()
	}
	switch rte.Number("rtekind") {
	case nodetree.RTERelation:
		if below, ok := l.views[uint32(rte.Number("relid"))]; ok && l.tables[uint32(rte.Number("relid"))] == nil {
			return l.below(below, column, depth)
		}
		return l.columns(rte, column)
	case nodetree.RTESubquery:
		if sub := rte.Nodes("subquery"); len(sub) == 1 {
			return l.target(&scope{sub[0], s}, column, depth+1)
		}
	case nodetree.RTECTE:
		return l.cte(s, *rte, column, depth)
	case nodetree.RTEJoin:
		return l.nth(s, rte.Nodes("joinaliasvars"), column, depth)
	case nodetree.RTEGroup:
		return l.nth(s, rte.Nodes("groupexprs"), column, depth)
	}
	return l.made(s, *rte, depth)
}

// made is a column of what a function, a list of values and the like give: all that they are given.
func (l *lineage) made(s *scope, rte nodetree.Node, depth int) (origins []entitlements.ColumnName) {
	l.computed = true
	for _, field := range []string{"functions", "tablefunc", "values_lists"} {
		nodetree.WalkValues(rte.Fields[field], func(n nodetree.Node) {
			l.hidden = l.hidden || l.callsUnknown(n)
			if n.Name == "VAR" || n.Name == "QUERY" {
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

func (l *lineage) nth(s *scope, expressions []nodetree.Node, n, depth int) []entitlements.ColumnName {
	if n < 1 || n > len(expressions) {
		return l.unknown()
	}
	return l.expression(s, expressions[n-1], depth+1)
}

// columns of a table: one, or all for the whole row.
func (l *lineage) columns(rte *nodetree.Node, number int) []entitlements.ColumnName {
	r := l.tables[uint32(rte.Number("relid"))]
	if r == nil {
		return nil
	}
	if name, ok := r.Numbers[number]; ok {
		return []entitlements.ColumnName{{TableName: r.Table.TableName, Column: name}}
	}
	var all []entitlements.ColumnName
	l.computed = true
	for _, c := range r.Table.Columns {
		if number == 0 {
			all = append(all, entitlements.ColumnName{TableName: r.Table.TableName, Column: c.Name})
		}
	}
	return all
}

func (l *lineage) cte(s *scope, rte nodetree.Node, column, depth int) []entitlements.ColumnName {
	for range rte.Number("ctelevelsup") {
		if s = s.outer; s == nil {
			return l.unknown()
		}
	}
	for _, cte := range s.query.Nodes("cteList") {
		if cte.Text("ctename") == rte.Text("ctename") && len(cte.Nodes("ctequery")) == 1 {
			return l.target(&scope{cte.Nodes("ctequery")[0], s}, column, depth+10) // recursive ones end soon
		}
	}
	return l.unknown()
}

func (l *lineage) rte(s *scope, number int) *nodetree.Node {
	table := s.query.Nodes("rtable")
	if number < 1 || number > len(table) {
		return nil
	}
	return &table[number-1]
}

func compareColumns(a, b entitlements.ColumnName) int {
	return cmp.Or(a.TableName.Compare(b.TableName), cmp.Compare(a.Column, b.Column))
}
