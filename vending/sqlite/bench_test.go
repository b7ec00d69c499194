package sqlite

import (
	"testing"

	"deputy/vending/enginetest/dataset"
)

func BenchmarkRun(b *testing.B) {
	e := newEngine(b, newFile(b, dataset.Statements("")...))
	l := lease(
		`SELECT lastname, order_total FROM sales.customer_orders WHERE region = 'US-WEST'`,
		open(b, e, "customer_orders", redacted),
	)
	for b.Loop() {
		if _, err := e.Run(b.Context(), l); err != nil {
			b.Fatal(err)
		}
	}
}
