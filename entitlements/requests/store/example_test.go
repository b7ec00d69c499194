package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
)

// Somebody asks, a steward approves, and for an hour it counts.
func Example() {
	dir, err := os.MkdirTemp("", "state")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{File: filepath.Join(dir, "state.db")})
	if err != nil {
		panic(err)
	}
	defer s.Close()

	kept, made, err := s.Make(ctx, request("r1"), noon.Add(-24*time.Hour))
	fmt.Println(kept.Status, made, err)
	kept, err = s.Step(ctx, "r1", func(r requests.Request) (requests.Request, error) {
		return r.Approve(needs(nil, 1), step("audit-1", "sam", noon))
	})
	fmt.Println(kept.Status, err)
	for _, now := range []time.Time{noon, noon.Add(time.Hour)} {
		approvals, err := s.Approvals(ctx, asker("taylor"), "shop", now)
		fmt.Println(len(approvals), err)
	}
	// Output:
	// pending true <nil>
	// approved <nil>
	// 1 <nil>
	// 0 <nil>
}
