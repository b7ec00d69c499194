package store_test

import (
	"fmt"
	"testing"
	"time"

	"deputy/entitlements/requests"
)

// BenchmarkApprovals is what each call of a human costs, beside a query that does nothing. There are two hundred
// requests of as many people; the one who calls has one in force.
func BenchmarkApprovals(b *testing.B) {
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		b.Run(engine, func(b *testing.B) {
			s := open(b, newConfig(b, engine))
			for i := range 200 {
				r := request(fmt.Sprint("r", i))
				if i > 0 {
					r.Asker = asker(fmt.Sprint("person", i))
				}
				r, err := r.Approve(needs(b, 1), step("audit", "sam", noon))
				if err != nil {
					b.Fatal(err)
				}
				mustMake(b, s, r)
			}
			for _, who := range []struct {
				name  string
				asker requests.Asker
				want  int
			}{{"in force", asker("taylor"), 1}, {"none", asker("nobody"), 0}} {
				b.Run(who.name, func(b *testing.B) {
					var ours, empty time.Duration // one after the other, so that both meet the same machine
					calls := 0
					for b.Loop() {
						began := time.Now()
						got, err := s.Approvals(b.Context(), who.asker, "shop", noon)
						if err != nil || len(got) != who.want {
							b.Fatal(len(got), err)
						}
						between := time.Now()
						var one int
						if err := s.One(b.Context(), &one, "SELECT 1"); err != nil {
							b.Fatal(err)
						}
						ours, empty = ours+between.Sub(began), empty+time.Since(between)
						calls++
					}
					b.ReportMetric(0, "ns/op") // of both together: nobody wants it
					b.ReportMetric(float64(ours.Nanoseconds())/float64(calls), "ns/approvals")
					b.ReportMetric(float64(empty.Nanoseconds())/float64(calls), "ns/empty-query")
					b.ReportMetric(float64(ours)/float64(empty), "x-empty-query")
				})
			}
		})
	}
}
