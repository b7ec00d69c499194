package mcp

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"deputy/tools"
	"deputy/vending"
)

// What engines count of a value is what both forms of the answer take of it once they are JSON.
func TestSizeIsWhatIsSent(t *testing.T) {
	encoded := func(rows [][]any) int {
		columns := make([]tools.Column, len(rows[0]))
		text, err := json.Marshal(showRows(tools.QueryResult{Rows: rows, Columns: columns}))
		if err != nil {
			t.Fatal(err)
		}
		return len(text)
	}
	kinds := []func() any{
		func() any { return nil },
		func() any { return "" },
		func() any { return "NULL" },
		func() any { return rand.IntN(2) == 0 },
		func() any { return rand.Int64() - rand.Int64() },
		func() any { return rand.NormFloat64() * 1e10 },
		func() any { return string([]byte{byte(rand.IntN(256)), byte(rand.IntN(256))}) },
		func() any { return strings.Repeat(string(rune(rand.IntN(0x110000))), rand.IntN(5)) },
		func() any { return string(rune(rand.IntN(128))) },
		func() any { return "plain text, and some more of it" },
	}
	for range 3000 {
		const columns = 6
		empty, row, size := make([]any, columns), make([]any, columns), 0
		for i := range row {
			row[i] = kinds[rand.IntN(len(kinds))]()
			size += vending.Size(row[i]) - vending.Size(nil)
		}
		if took := encoded([][]any{row}) - encoded([][]any{empty}); took > size+3*columns {
			t.Fatalf("%q take %d bytes and not %d", row, took, size)
		}
	}
	for n := range 6000 {
		c := rune(n)
		if n >= 0x300 {
			c = rand.Int32N(0x110000)
		}
		if s := string(c); encoded([][]any{{s}})-encoded([][]any{{"a"}}) > vending.Size(s)-vending.Size("a") {
			t.Fatalf("%q takes more than %d bytes", s, vending.Size(s))
		}
	}
	many := make([][]any, 500)
	size := 0
	for i := range many {
		many[i] = []any{strings.Repeat("x", 2000)}
		size += vending.Size(many[i][0])
	}
	if took := encoded(many); took > size+2000 || took < size*9/10 {
		t.Errorf("an answer of %d bytes takes %d", size, took)
	}
}
