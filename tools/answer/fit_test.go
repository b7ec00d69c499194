package answer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"deputy/vending"
)

// kinds of cells: what databases give, and what takes more of a copy than it looks.
var cells = map[string]*rapid.Generator[any]{
	"number": rapid.Map(rapid.Int64(), func(n int64) any { return n }),
	"float":  rapid.Map(rapid.Float64(), func(f float64) any { return f / 3e290 }),
	"null":   rapid.Map(rapid.Bool(), func(b bool) any { return map[bool]any{true: nil, false: b}[b] }),
	"exact":  rapid.Map(rapid.Uint64(), func(n uint64) any { return strconv.FormatUint(n, 10) + ".50" }),
	"word":   rapid.Map(rapid.SampledFrom(words), func(s string) any { return s }),
	"wide": rapid.Map(rapid.SliceOfN(rapid.SampledFrom(words), 0, 3000), func(all []string) any {
		return strings.Join(all, " ")
	}),
	"json": rapid.Custom(func(t *rapid.T) any {
		of := map[string]any{}
		for _, key := range rapid.SliceOfN(rapid.SampledFrom(words), 0, 40).Draw(t, "keys") {
			of[key] = rapid.SliceOfN(rapid.SampledFrom(words), 0, 5).Draw(t, "values")
		}
		encoded, _ := json.Marshal(of)
		return string(encoded)
	}),
	"bytes": rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 4000), func(b []byte) any { return fmt.Sprintf(`\x%x`, b) }),
	"array": rapid.Map(rapid.SliceOfN(rapid.SampledFrom(words), 0, 400), func(all []string) any {
		return "{" + strings.Join(all, ",") + "}"
	}),
	"any text": rapid.Map(rapid.StringN(0, 300, -1), func(s string) any { return s }),
	"controls": rapid.Map(rapid.SliceOfN(rapid.ByteMax(31), 0, 500), func(b []byte) any { return string(b) }),
	"quotes":   rapid.Map(rapid.IntRange(0, 2000), func(n int) any { return strings.Repeat(`"|\`, n) }),
	"broken":   rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 500), func(b []byte) any { return string(b) }),
	"emoji": rapid.Map(
		rapid.IntRange(0, 500),
		func(n int) any { return strings.Repeat("\U0001f469\U0001f3fd\u200d\U0001f680", n) },
	),
	"long word": rapid.Map(rapid.IntRange(0, 9000), func(n int) any { return strings.Repeat("entitlement", n/10) }),
}

var words = strings.Fields("customer order Okafor delivered US-EAST 2026-11-30 Größe null true 4711 3.14 " +
	"a@example.com https://example.com/a?b=c x_y camelCase ignore " +
	"клиент العملاء ग्राहक 当订单延迟 주문이 ลูกค้า ደንበኞች")

func drawAnswer(t *rapid.T) Answer {
	names := rapid.SliceOfN(rapid.SampledFrom(slices.Sorted(maps.Keys(cells))), 1, 30).Draw(t, "kinds")
	a := Answer{AuditID: "01j0000000000000000000000a", Role: "deputy_01j0000000000000000000000a"}
	for i, name := range names {
		c := Column{Name: name + strconv.Itoa(i), Type: "text"}
		if rapid.IntRange(0, 5).Draw(t, "masked") == 0 {
			c.MaskedBy = "hide personal data"
			a.Notices = append(a.Notices, c.Name+` is masked by policy "hide personal data"`)
		}
		a.Columns = append(a.Columns, c)
	}
	for range rapid.IntRange(0, 60).Draw(t, "rows") {
		row := make([]any, len(names))
		for i, name := range names {
			row[i] = cells[name].Draw(t, name)
		}
		a.Rows = append(a.Rows, row)
	}
	a.RowCount = len(a.Rows)
	if rapid.IntRange(0, 3).Draw(t, "more") == 0 {
		a.Truncated, a.Cut = true, &Cut{By: ByRows, RowsRead: len(a.Rows)}
	}
	return a
}

// Whatever the cells hold, neither copy is over the budget, and what is left out is said.
func TestNoAnswerOverItsBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := drawAnswer(t)
		budget := rapid.IntRange(1000, 9000).Draw(t, "budget")
		a := whole
		if err := a.Fit(budget); err != nil {
			if !errors.Is(err, vending.ErrRowTooLarge) || budget > 100*len(a.Columns) {
				t.Fatalf("%d columns in %d tokens: %v", len(a.Columns), budget, err)
			}
			return
		}
		structured, text := string(a.Structured()), a.Text()
		if s, x := Tokens(structured), Tokens(text); s > budget || x > budget {
			t.Fatalf("%d and %d tokens are over the budget of %d", s, x, budget)
		}
		var read Answer
		if err := json.Unmarshal([]byte(structured), &read); err != nil {
			t.Fatalf("%v: %s", err, structured)
		}
		if read.RowCount != len(read.Rows) || len(read.Rows) != len(a.Rows) || read.Truncated != a.Truncated {
			t.Fatalf("%d rows are read as %d of %d", len(a.Rows), len(read.Rows), read.RowCount)
		}
		if a.Truncated != (whole.Truncated || len(a.Rows) < len(whole.Rows)) {
			t.Fatalf("truncated is %v with %d of %d rows", a.Truncated, len(a.Rows), len(whole.Rows))
		}
		checkCuts(t, whole, a, text)
	})
}

// checkCuts holds what an answer shows and says against what there was.
func checkCuts(t *rapid.T, whole, a Answer, text string) {
	cut := 0
	for i, row := range a.Rows {
		for j, value := range row {
			original := whole.Rows[i][j]
			s, ok := value.(string)
			if value == original || !ok {
				continue
			}
			cut++
			shown, said, marked := strings.Cut(s, "…[cut, ")
			all, _ := original.(string)
			if !marked || !strings.HasPrefix(all, shown) ||
				said != strconv.Itoa(utf8.RuneCountInString(all))+" characters]" {
				t.Fatalf("%q is cut to %q", all, s)
			}
		}
	}
	if (a.Cut != nil) != (cut > 0 || a.Truncated) {
		t.Fatalf("%d cells and %d of %d rows, and the cut is %+v", cut, len(a.Rows), len(whole.Rows), a.Cut)
	}
	if a.Cut == nil {
		return
	}
	if a.Cut.Cells != cut || a.Cut.RowsRead != len(whole.Rows) {
		t.Fatalf("%d cells of %d rows are cut: %+v", cut, len(whole.Rows), a.Cut)
	}
	if fewer := len(a.Rows) < len(whole.Rows); (a.Cut.By == ByTokens) != (fewer || !whole.Truncated) {
		t.Fatalf("the cut is by %s", a.Cut.By)
	}
	if a.Truncated && !strings.Contains(text, fmt.Sprintf("OFFSET %d goes on", len(a.Rows))) {
		t.Fatalf("the text does not say how to go on: %.200s", text[max(0, len(text)-200):])
	}
}

// Notices take a part of an answer at most, and what is left out of them is counted.
func TestManyNoticesLeaveRoomForRows(t *testing.T) {
	a := Answer{Columns: []Column{{Name: "id", Type: "integer"}}, Rows: [][]any{{int64(1)}}, AuditID: "a1"}
	for i := range 300 {
		a.Notices = append(a.Notices, fmt.Sprintf("column_%d is masked (constant) by policy %q", i, "hide"))
	}
	if err := a.Fit(1000); err != nil || len(a.Rows) != 1 {
		t.Fatalf("%d rows: %v", len(a.Rows), err)
	}
	last := a.Notices[len(a.Notices)-1]
	if want := fmt.Sprintf("%d more notices: ", 301-len(a.Notices)); !strings.HasPrefix(last, want) {
		t.Errorf("of 300 notices %d are there, and then %q", len(a.Notices), last)
	}
}

// A single document may take the whole answer; beside other rows, an eighth of it.
func TestLongCellsTakeTheirShare(t *testing.T) {
	long := strings.Repeat("entitlement ", 4000)
	for rows, least := range map[int]int{1: 1600, 5: 180} {
		a := Answer{Columns: []Column{{Name: "body", Type: "text"}}, AuditID: "a1"}
		for range rows {
			a.Rows = append(a.Rows, []any{long})
		}
		if err := a.Fit(2000 + aboutCuts); err != nil || len(a.Rows) != rows || a.Cut.Cells != rows || a.Truncated {
			t.Fatalf("%d rows are %d: %v, %+v", rows, len(a.Rows), err, a.Cut)
		}
		if took := Tokens(a.Rows[0][0].(string)); took < least || took > least*3/2 {
			t.Errorf("of %d rows one takes %d tokens", rows, took)
		}
	}
	wide := Answer{Columns: make([]Column, 500), Rows: [][]any{make([]any, 500)}}
	if err := wide.Fit(1000); !errors.Is(err, vending.ErrRowTooLarge) {
		t.Errorf("500 columns fit into 1,000 tokens: %v", err)
	}
}
