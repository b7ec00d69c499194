package sqlite

import (
	"fmt"
	"strings"
	"testing"

	"deputy/entitlements"
)

// A join of masked columns finds what a join of the values would, or there is NULL and it finds nothing: whatever the
// collation of the columns and the affinity of their types.
func TestKeyedMasksKeepEquality(t *testing.T) {
	kept := 0
	for _, pair := range []struct{ left, a, right, b string }{
		{"text COLLATE NOCASE", "'Ann'", "text COLLATE NOCASE", "'ANN'"}, {"text COLLATE nocase", "'ÄRGER'", "text COLLATE nocase", "'ärger'"},
		{"text COLLATE RTRIM", "'ab  '", "text COLLATE RTRIM", "'ab'"}, {"text COLLATE RTRIM", "'ab' || char(9)", "text COLLATE RTRIM", "'ab'"},
		{"text", "'Ann'", "text", "'ann'"}, {"text", "1", "text", "'1'"}, {"text", "1.0", "text", "1"}, {"varchar(9)", "1.0", "text", "'1.0'"}, {"charint", "1.0", "charint", "1"},
		{"charint", "'1.00'", "charint", "1"}, {"charint", "-0.0", "charint", "0"}, {"charint", "9e18", "charint", "9000000000000000000"}, {"charint", "1e20", "charint", "'100000000000000000000'"},
		{"integer", "1", "real", "1.0"}, {"numeric", "'1.0'", "integer", "1"}, {"real", "-0.0", "real", "0.0"}, {"blob", "'a'", "blob", "'a'"}, {"", "1", "", "1.0"},
		{"char(5)", "'ab   '", "char(5)", "'ab'"}, {"text PRIMARY KEY COLLATE NOCASE", "'a'", "text COLLATE NOCASE", "'A'"},
	} {
		e := newEngine(
			t,
			newFile(
				t,
				`CREATE TABLE a (v `+pair.left+`)`,
				`INSERT INTO a VALUES (`+pair.a+`)`,
				`CREATE TABLE b (v `+pair.right+`)`,
				`INSERT INTO b VALUES (`+pair.b+`)`,
			),
		)
		ask := func(sql string, mask entitlements.Mask) string {
			masks := map[string]entitlements.Mask{}
			if mask.Kind != "" {
				masks["v"] = mask
			}
			result, err := e.Run(t.Context(), lease(sql, open(t, e, "a", masks), open(t, e, "b", masks)))
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			return strings.Trim(fmt.Sprint(result.Rows), "[]")
		}
		const join = `SELECT count(*) FROM a JOIN b ON a.v = b.v`
		want := ask(join, entitlements.Mask{})
		for _, kind := range []entitlements.MaskKind{entitlements.MaskHash, entitlements.MaskFormatPreserving} {
			mask := entitlements.Mask{Kind: kind}
			if ask(`SELECT count(*) FROM a, b WHERE a.v IS NULL OR b.v IS NULL`, mask) == "1" {
				continue
			}
			kept++
			if got := ask(join, mask); got != want {
				t.Errorf(
					"%s %s and %s %s: the join under %s finds %s, not %s",
					pair.left,
					pair.a,
					pair.right,
					pair.b,
					kind,
					got,
					want,
				)
			}
		}
	}
	if kept < 20 {
		t.Errorf("only %d joins were made: this test says little", kept)
	}
}
