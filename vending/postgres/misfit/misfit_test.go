package misfit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/expression"
)

// access has one filter with these values.
func access(values ...string) []entitlements.Access {
	return []entitlements.Access{{Filters: []entitlements.Filter{{Policy: "p", Where: []expression.Part{
		{SQL: "id = any("}, {Variable: "attribute.a", Values: values}, {SQL: ")"},
	}}}}}
}

// numbersOnly understands values of digits, and counts how often it is asked.
func numbersOnly(asked *int) Try {
	return func(_ context.Context, access []entitlements.Access) (bool, error) {
		*asked++
		for _, v := range access[0].Filters[0].Where[1].Values {
			if strings.Trim(v, "0123456789") != "" {
				return false, nil
			}
		}
		return true, nil
	}
}

// What does not fit is found with few trials, and what cannot be found with so many counts as a misfit.
func TestFind(t *testing.T) {
	many := func(n int, word string) (values []string) {
		for i := range n {
			values = append(values, fmt.Sprint(word, i))
		}
		return values
	}
	for name, test := range map[string]struct{ values, want []string }{
		"none":              {nil, nil},
		"all fit":           {many(9, ""), many(9, "")},
		"one does not":      {append(many(100, ""), "a"), many(100, "")},
		"alone":             {[]string{"a"}, []string{}},
		"too many do not":   {append(many(300, "a"), "7"), []string{}},
		"an integer's zero": {[]string{"1.0", "1.5"}, []string{"1"}},
	} {
		asked := 0
		m := NewMemory(time.Now)
		found, err := m.Find(t.Context(), "v1", access(test.values...), numbersOnly(&asked))
		out, unfit := found.Apply(access(test.values...))
		if got := out[0].Filters[0].Where[1].Values; err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %d of %d values are left: %v", name, len(got), len(test.values), err)
		}
		if asked > mostTrials+1 {
			t.Errorf("%s: %d trials", name, asked)
		}
		if changed := len(test.values) > len(test.want); changed != (len(unfit) == 1) {
			t.Errorf("%s: it says %v", name, unfit)
		}
	}
}

// What is known is true for one catalog, and for a while.
func TestMemory(t *testing.T) {
	now, asked := time.Now(), 0
	m := NewMemory(func() time.Time { return now })
	if _, err := m.Find(t.Context(), "v1", access("1", "a"), numbersOnly(&asked)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		catalog string
		later   time.Duration
		known   int
	}{{"v1", 0, 1}, {"v2", 0, 0}, {"v1", age, 0}} {
		now = now.Add(test.later)
		if found := m.Recall(test.catalog, access("1", "a", "b")); len(found) != test.known {
			t.Errorf("%+v: %d are known", test, len(found))
		}
	}
}

// A value that was not reached may fit, and the next call reaches it.
func TestUntriedValues(t *testing.T) {
	var values []string
	for n := range 150 {
		values = append(values, fmt.Sprint("a", n))
	}
	m, asked := NewMemory(time.Now), 0
	for call := 1; ; call++ {
		rest, _ := m.Recall("v1", access(append(values, "7")...)).Apply(access(append(values, "7")...))
		found, err := m.Find(t.Context(), "v1", rest, numbersOnly(&asked))
		if err != nil || call == 9 {
			t.Fatalf("after %d calls: %v", call, err)
		}
		if out, _ := found.Apply(rest); slices.Equal(out[0].Filters[0].Where[1].Values, []string{"7"}) {
			break
		}
	}
}

// What fails without any value, or cannot be asked, is no question of values.
func TestOtherReasons(t *testing.T) {
	m := NewMemory(time.Now)
	never := func(context.Context, []entitlements.Access) (bool, error) { return false, nil }
	if found, err := m.Find(t.Context(), "v1", access("a"), never); err != nil || len(found) > 0 {
		t.Errorf("it finds %v, %v", found, err)
	}
	gone := errors.New("gone")
	failing := func(context.Context, []entitlements.Access) (bool, error) { return false, gone }
	if _, err := m.Find(t.Context(), "v1", access("a"), failing); !errors.Is(err, gone) {
		t.Errorf("it says %v", err)
	}
}
