package enginetest

import (
	"strings"
	"testing"

	"deputy/entitlements"
)

func sqlPart(sql string) entitlements.Part { return entitlements.Part{SQL: sql} }

func anyOf(expression string, values ...string) []entitlements.Part {
	return []entitlements.Part{sqlPart(expression + " = any("), {Variable: "attribute.test", Values: values}, sqlPart(")")}
}

func noneOf(expression string, values ...string) []entitlements.Part {
	return []entitlements.Part{sqlPart(expression + " <> all("), {Variable: "attribute.test", Values: values}, sqlPart(")")}
}

func testFilters(t *testing.T, s suite) {
	const all = "US-CENTRAL US-EAST US-EAST US-EAST US-WEST"
	for _, test := range []struct {
		name    string
		filters [][]entitlements.Part
		want    string
	}{
		{"a condition", [][]entitlements.Part{{sqlPart("order_total > 100")}}, "US-CENTRAL US-EAST US-WEST"},
		{"one of the values", [][]entitlements.Part{anyOf("region", "US-EAST")}, "US-EAST US-EAST US-EAST"},
		{"several values", [][]entitlements.Part{anyOf("region", "US-EAST", "US-WEST")}, "US-EAST US-EAST US-EAST US-WEST"},
		{"none of the values", [][]entitlements.Part{noneOf("region", "US-EAST")}, "US-CENTRAL US-WEST"},
		{"filters must all hold", [][]entitlements.Part{anyOf("region", "US-EAST"), {sqlPart("order_total > 100")}}, "US-EAST"},
		{"a filter with OR does not weaken another", [][]entitlements.Part{{sqlPart("1 = 1 OR 1 = 1")}, anyOf("region", "US-WEST")}, "US-WEST"},
		{"values among other conditions", [][]entitlements.Part{append(append([]entitlements.Part{sqlPart("order_total > 300 OR ")}, anyOf("region", "US-WEST")...), sqlPart(" AND order_total < 300"))}, "US-CENTRAL US-WEST"},
		{"a masked column is judged by its true value", [][]entitlements.Part{anyOf("lastname", "Abernathy")}, "US-WEST"},
		{"a value is data", [][]entitlements.Part{anyOf("region", `US-EAST') OR 1=1 --`, `'`, `"`, `\`, `{}`, `US-WEST`)}, "US-WEST"},
		{"NULL is none of the values and not one of the others", [][]entitlements.Part{noneOf("nullif(region, 'US-EAST')", "US-WEST")}, "US-CENTRAL"},
		{"a number is one of the values", [][]entitlements.Part{anyOf("order_total", "225", "356")}, "US-CENTRAL US-WEST"},
		{"a number is none of the values", [][]entitlements.Part{noneOf("order_total", "225", "356")}, "US-EAST US-EAST US-EAST"},
		{"a computed number is none of the values", [][]entitlements.Part{noneOf("order_total + 1", "226")}, "US-CENTRAL US-EAST US-EAST US-EAST"},
		{"no filter", nil, all},
	} {
		t.Run(test.name, func(t *testing.T) {
			changes := []change{masked("lastname", constant("REDACTED"))}
			for _, f := range test.filters {
				changes = append(changes, filtered(f...))
			}
			var want []string
			if test.want != "" {
				want = strings.Fields(test.want)
			}
			s.expect(t, lease(`SELECT region FROM sales.customer_orders ORDER BY region`, s.grant(t, "customer_orders", changes...)), want...)
		})
	}
	t.Run("an attribute without a value shows no row", func(t *testing.T) {
		never := func(a *entitlements.Access) {
			a.Filters = []entitlements.Filter{{Policy: "test", Where: []entitlements.Part{sqlPart("1 = 1")}, Never: true}}
		}
		s.expect(t, lease(`SELECT count(*) FROM sales.customer_orders`, s.grant(t, "customer_orders", never)), "0")
	})
	t.Run("the column that a filter needs may be hidden", func(t *testing.T) {
		access := s.grant(t, "customer_orders", only("order_total"), filtered(anyOf("region", "US-WEST")...))
		s.expect(t, lease(`SELECT * FROM sales.customer_orders`, access), "225.00")
	})
	t.Run("no expression of the caller sees a hidden row", func(t *testing.T) {
		access := s.grant(t, "customer_orders", filtered(anyOf("region", "US-EAST")...))
		touchy := s.Words.FailsIf(`region = 'US-WEST'`)
		s.expect(t, lease(`SELECT count(*) FROM sales.customer_orders WHERE `+touchy+` = 1`, access), "3")
		s.expect(t, lease(`SELECT sum(`+touchy+`) FROM sales.customer_orders`, access), "3")
		s.expect(t, lease(`SELECT count(*) FROM sales.customer_orders o JOIN sales.customer_orders p ON p.region = o.region AND `+strings.ReplaceAll(touchy, "region", "p.region")+` = 1`, access), "9")

		_, err := s.Engine.Run(t.Context(), lease(`SELECT count(*) FROM sales.customer_orders WHERE `+touchy+` = 1`, s.grant(t, "customer_orders")))
		refused(t, "the same expression on rows that are not hidden", err)
	})
}
