package postgres

import (
	"cmp"
	"slices"

	"deputy/entitlements"
	"deputy/vending"
)

// lineage finds out which columns an output column is made from, for the caller to be told which values are masked. It decides
// nothing: where it finds no origin, the column is shown without one, and its values are still the masked ones.
type lineage struct {
	tables map[uint32]*relation
	steps  int // so far; nested expressions could take exponentially many
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
		return nil
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
		return nil
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
			return nil
		}
	}
	rte, column := l.rte(s, v.number("varno")), v.number("varattno")
	if rte == nil || depth > maxDeep {
		return nil
	}
	switch rte.number("rtekind") {
	case rteRelation:
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
	return nil
}

func (l *lineage) nth(s *scope, expressions []node, n, depth int) []entitlements.ColumnName {
	if n < 1 || n > len(expressions) {
		return nil
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
			return nil
		}
	}
	for _, cte := range s.query.nodes("cteList") {
		if cte.text("ctename") == rte.text("ctename") && len(cte.nodes("ctequery")) == 1 {
			return l.target(&scope{cte.nodes("ctequery")[0], s}, column, depth+10) // recursive ones end soon
		}
	}
	return nil
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
