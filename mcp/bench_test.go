package mcp_test

import (
	"context"
	"fmt"
	"testing"

	"deputy/mcp"
	"deputy/tools"
)

// An answer of 100,000 rows on its way through the protocol, in both copies.
func BenchmarkLargeAnswer(b *testing.B) {
	rows := make([][]any, 100_000)
	for i := range rows {
		rows[i] = []any{int64(i), fmt.Sprintf("Okafor %d", i), "US-EAST", "89.00"}
	}
	fake := &fakeTools{OnQuery: func(context.Context, tools.Call, tools.QueryArgs) (*tools.QueryResult, error) {
		out := orders()
		out.Rows, out.RowCount = rows, len(rows)
		return out, nil
	}}
	cfg, err := config(fake).Config.WithDefaults()
	if err != nil {
		b.Fatal(err)
	}
	s := mcp.NewServer(cfg)
	m, problem := mcp.ReadMessage([]byte(queryBody))
	if problem != nil {
		b.Fatal(problem)
	}
	for b.Loop() {
		c := &mcp.Call{Generation: mcp.Fixed(fake, nil).Now(), Message: m}
		c.Caller = func(ctx context.Context) (context.Context, tools.Call, error) { return ctx, tools.Call{}, nil }
		encoded, err := mcp.Encode(s.Answer(b.Context(), c))
		if err != nil || len(encoded) < 1<<20 {
			b.Fatal(len(encoded), err)
		}
		b.SetBytes(int64(len(encoded)))
	}
}
