package enginetest

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"deputy/entitlements"
)

var hexDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// testMasks puts every mask on a column of every type. Where it does not fit, there is nothing to see.
func testMasks(t *testing.T, s suite) {
	masks := []entitlements.Mask{
		{Kind: entitlements.MaskNull}, {Kind: entitlements.MaskHash}, {Kind: entitlements.MaskPartial, First: 1, Last: 1},
		constant("REDACTED"), constant("it's '); --"), constant("-1.5"), constant("0"), constant("true"), constant("false"), constant("1970-01-01"),
		{Kind: "a mask that this engine has never heard of"},
	}
	for _, column := range s.grant(t, "samples").Columns {
		for _, mask := range masks {
			t.Run(fmt.Sprintf("%s %s on %s", mask.Kind, mask.Constant, column.Name), func(t *testing.T) {
				sql := `SELECT ` + column.Name + ` FROM sales.samples ORDER BY id`
				rows := s.run(t, lease(sql, s.grant(t, "samples", masked(column.Name, mask)))).Rows
				for i, row := range rows {
					if problem := judge(mask, column, row[0], i); problem != "" {
						t.Errorf("row %d shows %v: %s", i+1, row[0], problem)
					}
				}
				if len(rows) != 2 {
					t.Errorf("a mask changed the number of rows: %d", len(rows))
				}
			})
		}
	}
	t.Run("hashes of equal values are equal, in other tables and calls too", func(t *testing.T) {
		hash := entitlements.Mask{Kind: entitlements.MaskHash}
		orders, staff := s.grant(t, "customer_orders", masked("lastname", hash)), s.grant(t, "secret_salaries", masked("name", hash), only("name"))
		s.expect(t, lease(`SELECT count(*) FROM sales.customer_orders o JOIN sales.secret_salaries s ON s.name = o.lastname`, orders, staff), "2")
		first := lines(s.run(t, lease(`SELECT lastname FROM sales.customer_orders ORDER BY order_total`, orders)).Rows)
		s.expect(t, lease(`SELECT lastname FROM sales.customer_orders ORDER BY order_total`, orders), first...)
	})
	t.Run("partial hides a text that has nothing between", func(t *testing.T) {
		all := entitlements.Mask{Kind: entitlements.MaskPartial, First: 2, Last: 2}
		s.expect(t, lease(`SELECT note FROM sales.samples WHERE id = 2`, s.grant(t, "samples", masked("note", all))), "****")
	})
}

// judge says what is wrong with a masked value.
func judge(mask entitlements.Mask, column entitlements.ColumnAccess, got any, row int) string {
	text := fmt.Sprint(got)
	switch {
	case column.Name == "missing" && mask.Kind != entitlements.MaskConstant, !mask.Fits(column.Kind), mask.Kind == entitlements.MaskNull:
		if got != nil {
			return "it should be NULL"
		}
	case mask.Kind == entitlements.MaskHash:
		if !hexDigest.MatchString(text) {
			return "it should be 64 hexadecimal digits"
		}
	case mask.Kind == entitlements.MaskPartial:
		if want := []string{"h*****☂", "i**s"}[row]; text != want {
			return "it should be " + want
		}
	case column.Kind == entitlements.Number:
		want, _ := strconv.ParseFloat(mask.Constant, 64)
		if v, err := strconv.ParseFloat(text, 64); err != nil || v != want && v != float64(int64(want)) && v != want-0.5 && v != want+0.5 {
			return "it should be about " + mask.Constant // whole-number columns round
		}
	case column.Kind == entitlements.Boolean:
		if is := text == "true" || text == "1"; is != (mask.Constant == "true") {
			return "it should be " + mask.Constant
		}
	case text != mask.Constant:
		return "it should be " + mask.Constant
	}
	return ""
}

// testMasksHold: wherever a statement uses a masked column, it uses the masked value.
func testMasksHold(t *testing.T, s suite) {
	orders := s.grant(t, "customer_orders", masked("lastname", constant("REDACTED")))
	salaries := s.grant(t, "secret_salaries", only("name"))
	for _, test := range []struct{ name, sql, want string }{
		{"WHERE", `SELECT count(*) FROM sales.customer_orders WHERE lastname = 'Abernathy'`, "0"},
		{"WHERE, on the mask", `SELECT count(*) FROM sales.customer_orders WHERE lastname = 'REDACTED'`, "5"},
		{"LIKE", `SELECT count(*) FROM sales.customer_orders WHERE lastname LIKE 'A%'`, "0"},
		{"IN", `SELECT count(*) FROM sales.customer_orders WHERE lastname IN ('Abernathy', 'Okonkwo')`, "0"},
		{"JOIN", `SELECT count(*) FROM sales.customer_orders o JOIN sales.secret_salaries s ON s.name = o.lastname`, "0"},
		{"GROUP BY", `SELECT count(*) FROM (SELECT lastname FROM sales.customer_orders GROUP BY lastname) AS g`, "1"},
		{"DISTINCT", `SELECT count(DISTINCT lastname) FROM sales.customer_orders`, "1"},
		{"HAVING", `SELECT count(*) FROM (SELECT region FROM sales.customer_orders GROUP BY region HAVING max(lastname) <> 'REDACTED') AS g`, "0"},
		{"aggregates", `SELECT min(lastname) || max(lastname) FROM sales.customer_orders`, "REDACTEDREDACTED"},
		{"ORDER BY", `SELECT order_total FROM sales.customer_orders ORDER BY lastname, order_total LIMIT 1`, "50.00"},
		{"windows", `SELECT max(r) FROM (SELECT rank() OVER (ORDER BY lastname) AS r FROM sales.customer_orders) AS w`, "1"},
		{"CASE", `SELECT count(CASE WHEN lastname > 'REDACTED' THEN 1 WHEN lastname < 'REDACTED' THEN 1 END) FROM sales.customer_orders`, "0"},
		{"a function", `SELECT DISTINCT length(lastname) FROM sales.customer_orders`, "8"},
		{"a subquery", `SELECT DISTINCT (SELECT upper(o.lastname)) FROM sales.customer_orders o`, "REDACTED"},
		{"a set operation", `SELECT count(*) FROM (SELECT lastname FROM sales.customer_orders INTERSECT SELECT name FROM sales.secret_salaries) AS i`, "0"},
		{"a common table expression", `WITH c AS (SELECT lastname FROM sales.customer_orders) SELECT DISTINCT lastname FROM c`, "REDACTED"},
		{"a correlated subquery", `SELECT count(*) FROM sales.secret_salaries s WHERE EXISTS (SELECT 1 FROM sales.customer_orders o WHERE o.lastname = s.name)`, "0"},
	} {
		t.Run(test.name, func(t *testing.T) { s.expect(t, lease(test.sql, orders, salaries), test.want) })
	}
}
