package sqlite

import (
	"fmt"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/vending/enginetest/dataset"
)

func truncating(unit entitlements.Unit) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskTruncate, Unit: unit}
}

func rounding(step string) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskRound, Step: step}
}

// SQLite stores anything in any column. What a mask does not understand, it does not show.
func TestMasksOnWhateverIsStored(t *testing.T) {
	byDate := entitlements.Mask{
		Kind:    entitlements.MaskBucket,
		Buckets: []entitlements.Bucket{{Below: "2026-01-01", Name: "before"}, {Name: "after"}},
	}
	byNumber := entitlements.Mask{
		Kind:    entitlements.MaskBucket,
		Buckets: []entitlements.Bucket{{Below: "0.5", Name: "low"}, {Name: "high"}},
	}
	for _, test := range []struct {
		declared, stored string
		mask             entitlements.Mask
		want             string
	}{
		{"datetime", `'2026-11-23 10:41:07'`, truncating("hour"), "2026-11-23 10:00:00"}, {"datetime", `'2026-11-23T10:41:07.123Z'`, truncating("minute"), "2026-11-23T10:41:00.000Z"},
		{"datetime", `'2026-01-01T00:30:00+02:00'`, truncating("day"), "2025-12-31T00:00:00+00:00"}, {"datetime", `'2026-11-23 10:41'`, truncating("hour"), "2026-11-23 10:00"},
		{"datetime", `'2026-11-23 10:41'`, truncating("day"), "2026-11-23 00:00"}, {"datetime", `'2026-11-23'`, truncating("month"), "2026-11-01"}, {"datetime", `'0000-01-01'`, truncating("week"), "<nil>"},
		{"date", `'2026-11-23 10:41:07'`, truncating("week"), "2026-11-23 00:00:00"}, {"date", `'2026-11-29'`, truncating("week"), "2026-11-23"}, {"date", `'2027-01-01'`, truncating("week"), "2026-12-28"},

		// The unit would hide nothing of these.
		{"datetime", `'2026-11-23'`, truncating("day"), "<nil>"}, {"datetime", `'2026-11-23'`, truncating("hour"), "<nil>"}, {"datetime", `'2026-11-23'`, truncating("minute"), "<nil>"},
		{"datetime", `'2026-11-23 10:41'`, truncating("minute"), "<nil>"},

		{"datetime", `1763894467`, truncating("year"), "<nil>"}, {"datetime", `2461003.5`, truncating("year"), "<nil>"}, {"datetime", `'yesterday'`, truncating("year"), "<nil>"},
		{"datetime", `'2026-02-30'`, truncating("year"), "<nil>"}, {"datetime", `'2026-11-23 25:00'`, truncating("year"), "<nil>"}, {"datetime", `' 2026-11-23'`, truncating("year"), "<nil>"},
		{"datetime", `'2026-11-23x'`, truncating("year"), "<nil>"}, {"datetime", `x'323032362d31312d3233'`, truncating("year"), "<nil>"}, {"datetime", `'2026-11-23'`, truncating("aeon"), "<nil>"},
		{"datetime", `'2026-01-01T00:30:00+02:00'`, byDate, "before"}, {"datetime", `'2026-01-01'`, byDate, "after"}, {"datetime", `20260101`, byDate, "<nil>"}, {"datetime", `'soon'`, byDate, "<nil>"},

		{"integer", `9223372036854775807`, rounding("1000"), "9223372036854775000"}, {"integer", `-9223372036854775807 - 1`, rounding("1000"), "-9223372036854775000"},
		{"integer", `15`, rounding("10"), "20"}, {"integer", `-15`, rounding("10"), "-20"}, {"real", `2.675`, rounding("0.01"), "2.68"}, {"real", `0.30000000000000004`, rounding("0.00000000000000001"), "0.30000000000000004"},
		{"real", `1.7e308`, rounding("7"), "1.7e+308"}, {"real", `9e999`, rounding("7"), "Inf"}, {"integer", `'abc'`, rounding("10"), "<nil>"}, {"number int", `x'31'`, rounding("10"), "<nil>"},
		{"integer", `15`, rounding("-10"), "<nil>"}, {"integer", `15`, rounding("ten"), "<nil>"},
		{"integer", `'abc'`, byNumber, "<nil>"}, {"real", `9e999`, byNumber, "high"}, {"real", `-9e999`, byNumber, "low"}, {"real", `0.5`, byNumber, "high"}, {"integer", `0`, byNumber, "low"},

		{"text", `x'6142'`, entitlements.Mask{Kind: entitlements.MaskPartial, First: 1}, "a*"}, {"text", `x'ff'`, entitlements.Mask{Kind: entitlements.MaskFormatPreserving}, "a"}, {"char(2)", `7`, entitlements.Mask{Kind: entitlements.MaskPartial, First: 1}, "*"},
	} {
		e := newEngine(t, newFile(t, `CREATE TABLE t (x `+test.declared+`)`, `INSERT INTO t VALUES (`+test.stored+`)`))
		result, err := e.Run(
			t.Context(),
			lease(`SELECT x FROM t`, open(t, e, "t", map[string]entitlements.Mask{"x": test.mask})),
		)
		if got := strings.Trim(fmt.Sprint(result.Rows), "[]"); err != nil || got != test.want {
			t.Errorf(
				"%s in a column declared %s under %+v shows %s, not %s (%v)",
				test.stored,
				test.declared,
				test.mask,
				got,
				test.want,
				err,
			)
		}
	}
}

func TestEverySessionHasItsOwnMaskFunction(t *testing.T) {
	e := newEngine(t, newFile(t, dataset.Statements("")...))
	one, err := e.randomNames()
	two, err2 := e.randomNames()
	if err != nil || err2 != nil || one.Mask == two.Mask || one.Mask == one.File {
		t.Errorf("the names of two sessions are %+v and %+v (%v, %v)", one, two, err, err2)
	}
}
