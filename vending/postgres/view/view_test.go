package view

import (
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/expression"
)

// Filters stand inside the view, beside the raw values; what is outside of it sees the masked ones.
func TestDecisionBecomesOneQuery(t *testing.T) {
	table := entitlements.TableName{Schema: "sales", Name: `or"ders`}
	text := entitlements.Column{Name: "lastname", Type: "text", Kind: entitlements.Text}
	region := entitlements.Column{Name: "region", Type: "text", Kind: entitlements.Text}
	got := Query(entitlements.Access{
		Table: table,
		Columns: []entitlements.ColumnAccess{
			{Column: text, Masks: []entitlements.AppliedMask{
				{Mask: entitlements.Mask{Kind: entitlements.MaskConstant, Constant: "it's"}},
			}},
			{Column: region},
		},
		Filters: []entitlements.Filter{
			{Where: []expression.Part{{SQL: "lastname = "}, {Variable: expression.UserID, Values: []string{"o'brien"}}}},
			{Where: []expression.Part{
				{Column: `re"gion`, SQL: " = any("}, {Variable: "attribute.regions", Values: []string{"EU"}}, {SQL: ")"},
			}},
			{},
		},
	})
	want := `SELECT ('it''s'::text)::text AS "lastname", "region" AS "region" FROM "sales"."or""ders"` +
		` WHERE (lastname = ('o''brien')) AND ("re""gion" = any('{"EU"}')) AND ((true) AND (SELECT false))`
	if got != want {
		t.Errorf("the query is\n%s\nnot\n%s", got, want)
	}
}

// A mask that this engine does not know hides everything of the cell, and so does one that does not fit.
func TestUnknownMaskShowsNothing(t *testing.T) {
	number := entitlements.Column{Name: "n", Type: "integer", Kind: entitlements.Number}
	for _, m := range []entitlements.Mask{{Kind: "later"}, {Kind: entitlements.MaskEmail}} {
		got := maskedColumn(entitlements.TableName{Schema: "s", Name: "t"}, entitlements.ColumnAccess{
			Column: number, Masks: []entitlements.AppliedMask{{Mask: m}},
		})
		if got != "(NULL)::integer" {
			t.Errorf("the mask %s shows %s", m.Kind, got)
		}
	}
}
