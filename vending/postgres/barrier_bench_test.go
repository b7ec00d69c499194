package postgres_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"deputy/vending/postgres"
)

// BenchmarkRowFilter measures what security_barrier costs: each statement on a plain connection, vended without filters
// and vended with filters that every row meets, in turn, so that noise falls on all three alike. Read the ratios, not
// the milliseconds.
//
//	go test ./vending/postgres -run '^$' -bench RowFilter
func BenchmarkRowFilter(b *testing.B) {
	w := newWarehouse(b)
	for _, c := range []struct {
		name       string
		statements []string
	}{
		{"one row by integer key", []string{`SELECT * FROM orders WHERE o_orderkey = 4242`}},
		{"ten days by date literals", []string{`SELECT * FROM orders WHERE o_orderdate >= date '1995-03-15' AND o_orderdate < date '1995-03-25'`}},
		{"ten days up to date + interval", []string{`SELECT * FROM orders WHERE o_orderdate >= date '1995-03-15' AND o_orderdate < date '1995-03-15' + interval '10 days'`}},
		{"numeric range", []string{`SELECT * FROM orders WHERE o_totalprice > 440000`}},
		{"LIKE with a prefix", []string{`SELECT * FROM orders WHERE o_clerk LIKE 'Clerk#000000017%'`}},
		{"join of one customer given by key", []string{`SELECT * FROM customer JOIN orders ON o_custkey = c_custkey WHERE c_custkey = 5`}},
		{"join of four customers", []string{`SELECT * FROM customer JOIN orders ON o_custkey = c_custkey WHERE c_custkey < 5`}},
		{"the same as LATERAL with LIMIT", []string{
			`SELECT * FROM customer, LATERAL (SELECT * FROM orders WHERE o_custkey = c_custkey ORDER BY o_orderkey LIMIT 1000) o WHERE c_custkey < 5`}},
		{"aggregate of all rows (TPC-H 1)", []string{tpchQueries(b)["q01"]}},
		{"joins of six tables (TPC-H 5)", []string{tpchQueries(b)["q05"]}},
		{"all 22 of TPC-H", slices.Collect(maps.Values(tpchQueries(b)))},
	} {
		b.Run(c.name, func(b *testing.B) {
			var raw, vended, filtered []time.Duration
			for b.Loop() {
				raw = append(raw, duration(func() {
					for _, s := range c.statements {
						if _, err := postgres.ReadPlain(b.Context(), w.owner, s); err != nil {
							b.Fatal(err)
						}
					}
				}))
				vended = append(vended, w.run(b, c.statements, nil))
				filtered = append(filtered, w.run(b, c.statements, rowFilters))
			}
			b.ReportMetric(median(raw), "raw-ms")
			b.ReportMetric(median(vended), "vended-ms")
			b.ReportMetric(median(filtered), "filtered-ms")
			b.ReportMetric(median(filtered)/median(vended), "filtered/vended")
			b.ReportMetric(0, "ns/op") // of all three together, which says nothing
		})
	}
}

// run vends each statement; its analysis is known already, as it is for most calls.
func (w *warehouse) run(b *testing.B, statements []string, filters map[string]string) time.Duration {
	total := time.Duration(0)
	for _, s := range statements {
		lease := w.lease(s, w.filtered(b, s, filters))
		total += duration(func() {
			if _, err := w.engine.Run(b.Context(), lease); err != nil {
				b.Fatal(err)
			}
		})
	}
	return total
}

func duration(do func()) time.Duration {
	started := time.Now()
	do()
	return time.Since(started)
}

func median(of []time.Duration) float64 {
	slices.Sort(of)
	return float64(of[len(of)/2].Microseconds()) / 1000
}
