package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"deputy/audit"
)

func Example() {
	folder, err := os.MkdirTemp("", "audit")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "deputy-audit.jsonl")

	log, err := audit.Open(audit.Config{Path: path})
	if err != nil {
		panic(err)
	}
	defer log.Close()
	err = log.Append(context.Background(), audit.Record{
		ID:      "k3v9x2",
		Time:    time.Date(2026, 11, 23, 10, 4, 5, 0, time.UTC),
		Tool:    "query",
		Agent:   audit.Party{ID: "marketing"},
		User:    &audit.Party{ID: "taylor"},
		SQL:     "SELECT region FROM sales.customer_orders",
		Role:    &audit.Role{Name: "deputy_k3v9x2"},
		Rows:    5,
		Outcome: audit.Answered,
	})
	if err != nil {
		panic(err) // no record, no rows
	}

	f, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	for record, err := range audit.Read(f) {
		if err != nil {
			panic(err)
		}
		fmt.Println(audit.Line(record))
	}
	// Output:
	// 2026-11-23T10:04:05Z | marketing for taylor | deputy_k3v9x2 | answered, 5 rows | query: SELECT region FROM sales.customer_orders
}
