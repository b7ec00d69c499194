package view

import (
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/expression"
)

// Filters stand inside the inner view, beside the raw values, and the file bears its random name there.
func TestDecisionBecomesTwoViews(t *testing.T) {
	w := NewWriter("sales", []byte("key"), Names{File: "vfile", Mask: "vmask", Within: "vwithin", Sample: "vsample"},
		[]entitlements.Table{{Columns: []entitlements.Column{{Name: `re"gion`, Type: "text"}}}})
	got, err := w.Write(entitlements.Access{
		Table: entitlements.TableName{Schema: "sales", Name: `or"ders`},
		Columns: []entitlements.ColumnAccess{
			{
				Column: entitlements.Column{Name: "lastname", Type: "text", Kind: entitlements.Text},
				Masks:  []entitlements.AppliedMask{{Mask: entitlements.Mask{Kind: entitlements.MaskHash}}},
			},
			{Column: entitlements.Column{Name: "region", Type: "text", Kind: entitlements.Text}},
		},
		Filters: []entitlements.Filter{
			{Where: []expression.Part{
				{
					Column: `re"gion`,
					SQL:    " = any(",
				},
				{Variable: "attribute.regions", Values: []string{"EU"}},
				{SQL: ")"},
			}},
			{},
		},
	}, nil, "vinner", true)
	want := Views{
		Inner: `CREATE TEMP VIEW "vinner" AS SELECT "vmask"(0, CAST("vfile"."or""ders"."lastname" AS TEXT)) AS "lastname", ` +
			`"region" AS "region" FROM "vfile"."or""ders" NOT INDEXED ` +
			`WHERE ("re""gion"  IN ('EU')) AND (CASE WHEN 0 THEN (1) ELSE 0 END) LIMIT -1`,
		Public: `CREATE TEMP VIEW "or""ders" AS SELECT * FROM temp."vinner"`,
	}
	if err != nil || got != want {
		t.Errorf("the views are\n%+v (%v)\nnot\n%+v", got, err, want)
	}
}
