package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending/postgres"
)

// rowFilters are conditions that every row meets, so that whatever differs is what the filter costs and not what it
// hides.
var rowFilters = map[string]string{
	"customer": "c_mktsegment <> 'NONE'", "orders": "o_orderstatus <> 'X'", "lineitem": "l_linestatus <> 'X'", "event": "e_severity <> 'error' OR e_id > 0",
}

// filtered is full access to what a statement reads, with a row filter on each table that has one.
func (w *warehouse) filtered(t testing.TB, statement string, filters map[string]string) []entitlements.Access {
	t.Helper()
	access := w.full(t, statement)
	for i := range access {
		if where, ok := filters[access[i].Table.Name]; ok {
			access[i].Filters = []entitlements.Filter{{Policy: "some rows", Where: []expression.Part{{SQL: where}}}}
		}
	}
	return access
}

// usesIndex reports whether some node looks a condition on the column up in an index.
func usesIndex(p plan, column string) (found bool) {
	p.all(func(n plan) { found = found || strings.Contains(n.IndexCond, column) })
	return found
}

// readsThrough reports whether the row filter stands where a table is read.
func readsThrough(p plan, filter string) (found bool) {
	p.all(func(n plan) { found = found || n.Relation != "" && strings.Contains(n.Filter, filter) })
	return found
}

// evaluatedAbove reports whether the caller's condition stands above the view, and nowhere below.
func evaluatedAbove(p plan, condition string) bool {
	above, below := false, false
	p.all(func(n plan) {
		switch stands := strings.Contains(n.Filter, condition) || strings.Contains(n.IndexCond, condition); {
		case n.Node == "Subquery Scan":
			above = above || stands
		case n.Relation != "" || n.Index != "":
			below = below || stands
		}
	})
	return above && !below
}

// What a leakproof function compares may be looked up before the row filter, because it cannot tell anybody what it
// saw. These are the comparisons that PostgreSQL marks so in every major from 14 to 18.
func TestUnderARowFilterLeakproofComparisonsKeepTheirIndex(t *testing.T) {
	w := newWarehouse(t)
	for _, c := range []struct{ name, column, filter, statement string }{
		{"integer equality", "o_orderkey", "o_orderstatus", `SELECT * FROM orders WHERE o_orderkey = 5`},
		{"integer range", "o_orderkey", "o_orderstatus", `SELECT * FROM tpch.orders WHERE o_orderkey BETWEEN 5 AND 20`},
		{"integer list", "o_orderkey", "o_orderstatus", `SELECT * FROM orders WHERE o_orderkey IN (5, 7, 9)`},
		{"text equality", "o_clerk", "o_orderstatus", `SELECT * FROM orders WHERE o_clerk = 'Clerk#000000017'`},
		{"text range", "o_clerk", "o_orderstatus", `SELECT * FROM orders WHERE o_clerk < 'Clerk#000000002'`},
		{"date equality", "o_orderdate", "o_orderstatus", `SELECT * FROM orders WHERE o_orderdate = '1995-03-15'`},
		{"date range", "o_orderdate", "o_orderstatus", `SELECT * FROM orders WHERE o_orderdate >= date '1995-03-15' AND o_orderdate < date '1995-03-25'`},
		{"date range, its end computed and cast back", "o_orderdate", "o_orderstatus",
			`SELECT * FROM orders WHERE o_orderdate >= date '1995-03-15' AND o_orderdate < (date '1995-03-15' + interval '10 days')::date`},
		{"timestamp range", "e_at", "e_severity", `SELECT * FROM event WHERE e_at >= timestamptz '1995-03-15' AND e_at < timestamptz '1995-03-15' + interval '3 days'`},
		{"two columns of one index", "l_suppkey", "l_linestatus", `SELECT * FROM lineitem WHERE l_partkey = 5 AND l_suppkey = 6`},
		{"a join by a key that is given", "o_custkey", "o_orderstatus", `SELECT * FROM nation JOIN customer ON c_nationkey = n_nationkey JOIN orders ON o_custkey = c_custkey WHERE c_custkey = 5`},
		{"a value from a subquery", "o_custkey", "o_orderstatus", `SELECT * FROM orders WHERE o_custkey = (SELECT max(ps_suppkey) FROM partsupp)`},
		{"a correlated subquery", "o_custkey", "o_orderstatus", `SELECT c_custkey, (SELECT max(o_orderdate) FROM orders WHERE o_custkey = c_custkey) FROM customer WHERE c_custkey < 10`},
		{"LATERAL with a LIMIT", "o_custkey", "o_orderstatus",
			`SELECT * FROM customer, LATERAL (SELECT o_orderkey FROM orders WHERE o_custkey = c_custkey ORDER BY o_orderdate LIMIT 3) o WHERE c_custkey < 10`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := w.vendedPlan(t, explain, c.statement, w.filtered(t, c.statement, rowFilters))
			if !usesIndex(p, c.column) {
				t.Errorf("no index is used for %s:\n%v", c.column, p)
			}
			if !readsThrough(p, c.filter) {
				t.Errorf("the row filter on %s is not where the table is read:\n%v", c.filter, p)
			}
		})
	}
}

// This is what the row filter costs: what is not leakproof waits until it has seen which rows there are, and so finds
// no index. A plain connection uses one for each.
func TestUnderARowFilterOtherConditionsWaitForIt(t *testing.T) {
	w := newWarehouse(t)
	for _, c := range []struct{ name, column, filter, condition, statement string }{
		{"LIKE", "o_clerk", "o_orderstatus", "~~", `SELECT * FROM orders WHERE o_clerk LIKE 'Clerk#000000017%'`},
		{"regular expression", "o_clerk", "o_orderstatus", "~", `SELECT * FROM orders WHERE o_clerk ~ '^Clerk#000000017'`},
		{"numeric range", "o_totalprice", "o_orderstatus", "o_totalprice", `SELECT * FROM orders WHERE o_totalprice > 440000`},
		{"function on an index's expression", "lower", "o_orderstatus", "lower", `SELECT * FROM orders WHERE lower(o_clerk) = 'clerk#000000017'`},
		{"date compared with a timestamp", "o_orderdate", "o_orderstatus", "o_orderdate", `SELECT * FROM orders WHERE o_orderdate = date '1995-03-15' + interval '1 day'`},
		{"full text", "e_search", "e_severity", "e_search", `SELECT * FROM event WHERE e_search @@ to_tsquery('english', 'sleeping & platelets & furious')`},
		{"JSON containment", "e_body", "e_severity", "e_body", `SELECT * FROM event WHERE e_body @> '{"weight": 7.5}'`},
		{"array containment", "e_tags", "e_severity", "e_tags", `SELECT * FROM event WHERE e_tags @> '{vip,mail,nobody}'`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if p := w.plainPlan(t, c.statement); !usesIndex(p, c.column) {
				t.Errorf("not even a plain connection uses an index for %s:\n%v", c.column, p)
			}
			p := w.vendedPlan(t, explain, c.statement, w.filtered(t, c.statement, rowFilters))
			if !readsThrough(p, c.filter) || !evaluatedAbove(p, c.condition) {
				t.Errorf("%s does not wait for the row filter on %s:\n%+v", c.name, c.filter, p)
			}
		})
	}
}

// A filtered table is never looked up row by row from the other side of a join, however the key compares: the whole
// table is read once. A correlated subquery or LATERAL with a LIMIT, above, gets the index back.
func TestUnderARowFilterAJoinReadsTheWholeTable(t *testing.T) {
	w := newWarehouse(t)
	statement := `SELECT * FROM customer JOIN orders ON o_custkey = c_custkey WHERE c_custkey < 5`
	if p := w.plainPlan(t, statement); !usesIndex(p, "o_custkey") {
		t.Errorf("not even a plain connection uses an index for the join:\n%v", p)
	}
	p := w.vendedPlan(t, explain, statement, w.filtered(t, statement, rowFilters))
	if usesIndex(p, "o_custkey") {
		t.Errorf("the join uses an index after all: README says that it does not:\n%v", p)
	}
}

// Each filter here hides something. The owner's own views of the same names say what is left.
func TestUnderRowFiltersTPCHAnswersAsOverTheRowsThatAreLeft(t *testing.T) {
	w := newWarehouse(t)
	hiding := map[string]string{
		"customer": "c_nationkey <> 3",
		"orders":   "o_orderkey % 10 < 8",
		"lineitem": "l_shipmode <> 'RAIL'",
		"supplier": "s_suppkey <> 20",
	}
	for table, where := range hiding {
		if _, err := w.owner.ExecContext(t.Context(), `CREATE TEMPORARY VIEW `+table+` AS SELECT * FROM tpch.`+table+` WHERE `+where); err != nil {
			t.Fatal(err)
		}
	}
	for query, statement := range tpchQueries(t) {
		t.Run(query, func(t *testing.T) {
			want, err := postgres.ReadPlain(t.Context(), w.owner, strings.ReplaceAll(statement, "tpch.", ""))
			if err != nil {
				t.Fatalf("on a plain connection: %v", err)
			}
			got, err := w.engine.Run(t.Context(), w.lease(statement, w.filtered(t, statement, hiding)))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got.Rows, want.Rows, slices.Equal) {
				t.Errorf("vended, the rows are\n%v\nand over the rows that are left\n%v", got.Rows, want.Rows)
			}
		})
	}
}
