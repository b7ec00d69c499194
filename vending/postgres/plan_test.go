package postgres_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/postgres"
)

const explain = "EXPLAIN (FORMAT JSON) "

// plan is a node of a plan as EXPLAIN writes it.
type plan struct {
	Node        string  `json:"Node Type"`
	Join        string  `json:"Join Type"`
	Relation    string  `json:"Relation Name"`
	Index       string  `json:"Index Name"`
	IndexCond   string  `json:"Index Cond"`
	Filter      string  `json:"Filter"`
	Cost        float64 `json:"Total Cost"`
	StartupCost float64 `json:"Startup Cost"`
	Rows        float64 `json:"Plan Rows"`
	Launched    int     `json:"Workers Launched"` // with ANALYZE
	Plans       []plan
}

// String is all of a plan but its expressions, which are spelled after the schema that they are read in, and its
// widths: a whole row has only the columns it is made of, and PostgreSQL 18 guesses the width of a view's column in
// GROUPING SETS.
func (p plan) String() string {
	out := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s cost=%v..%v rows=%v",
		p.Node, p.Join, p.Relation, p.Index, p.StartupCost, p.Cost, p.Rows)), " ")
	for _, below := range p.Plans {
		out += "\n  " + strings.ReplaceAll(below.String(), "\n", "\n  ")
	}
	return out
}

func (p plan) all(visit func(plan)) {
	visit(p)
	for _, below := range p.Plans {
		below.all(visit)
	}
}

// launched is how many worker processes a plan was run with.
func (p plan) launched() (workers int) {
	p.all(func(n plan) { workers += n.Launched })
	return workers
}

// vendedPlan is the plan of what a vended role would run. Run takes an EXPLAIN: it is the analysis that refuses one.
func (w *warehouse) vendedPlan(t testing.TB, explain, statement string, access []entitlements.Access) plan {
	t.Helper()
	result, err := w.engine.Run(t.Context(), w.lease(explain+statement, access))
	if err != nil {
		t.Fatalf("explaining what is vended: %v", err)
	}
	return parsePlan(t, result)
}

func (w *warehouse) plainPlan(t testing.TB, statement string) plan {
	t.Helper()
	result, err := postgres.ReadPlain(t.Context(), w.owner, explain+statement)
	if err != nil {
		t.Fatalf("explaining on a plain connection: %v", err)
	}
	return parsePlan(t, result)
}

func parsePlan(t testing.TB, result vending.Result) plan {
	t.Helper()
	var explained []struct{ Plan plan }
	text, _ := result.Rows[0][0].(string)
	if err := json.Unmarshal([]byte(text), &explained); err != nil || len(explained) != 1 || explained[0].Plan.Node == "" {
		t.Fatalf("this is no plan: %v: %s", err, text)
	}
	return explained[0].Plan
}

// A view without a barrier is gone before anything is planned, so that there is nothing to tolerate: every node, every
// cost and every number of rows is the same to the last digit.
func TestWithoutRowFiltersEveryPlanIsTheOneOfAPlainConnection(t *testing.T) {
	w := newWarehouse(t)
	for name, group := range map[string]map[string]string{"tpch": tpchQueries(t), "analytics": analyticQueries(t)} {
		for query, statement := range group {
			t.Run(name+"/"+query, func(t *testing.T) {
				got := w.vendedPlan(t, explain, statement, w.full(t, statement))
				if want := w.plainPlan(t, statement); got.String() != want.String() {
					t.Errorf("vended, the plan is\n%v\nand on a plain connection\n%v", got, want)
				}
			})
		}
	}
}

// Workers are processes of their own, which have to take over a role that no other session can see.
func TestAVendedRoleReadsWithParallelWorkersToo(t *testing.T) {
	w := newWarehouse(t, "max_parallel_workers_per_gather=2", "parallel_setup_cost=0", "parallel_tuple_cost=0",
		"min_parallel_table_scan_size=0", "min_parallel_index_scan_size=0")
	workers := 0
	for query, statement := range tpchQueries(t) {
		t.Run(query, func(t *testing.T) {
			w.same(t, statement)
			workers += w.vendedPlan(t, "EXPLAIN (ANALYZE, FORMAT JSON) ", statement, w.full(t, statement)).launched()
		})
	}
	if workers == 0 {
		t.Error("no query was run with a worker: this test says nothing")
	}
}
