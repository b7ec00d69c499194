package masking

import (
	"testing"

	"deputy/entitlements"
	"deputy/vending/enginetest/trial"
)

// Hiding is a way to mask lastname so that no secret can be seen, and the attacks whose question it may answer.
type Hiding struct {
	Name    string
	Masks   []entitlements.AppliedMask
	same    string // what every row shows; empty: something of its own
	Answers []string
}

var (
	notRedacted = []string{"not the mask", "length"}
	keptApart   = []string{"not the mask", "length", "a prefix", "a range", "HAVING", "groups", "distinct", "rank"}
)

// Hidings are such ways.
var Hidings = []Hiding{
	{"null", []entitlements.AppliedMask{trial.When(null)}, nothing, nil},
	{"a mask that does not fit", []entitlements.AppliedMask{trial.When(bucket("0", "low", "high"))}, nothing, nil},
	{"a mask that is not known", []entitlements.AppliedMask{trial.When(entitlements.Mask{Kind: "later"})}, nothing, nil},
	{"regex", []entitlements.AppliedMask{trial.When(regex(".+", "REDACTED"))}, "REDACTED", nil},
	{"regex that matches nothing", []entitlements.AppliedMask{trial.When(regex("[0-9]", "x"))}, nothing, nil},
	{
		"sql",
		[]entitlements.AppliedMask{trial.When(sqlMask("CASE WHEN ", " = '' THEN '' ELSE 'REDACTED' END"))},
		"REDACTED",
		nil,
	},
	{
		"a condition that always holds",
		[]entitlements.AppliedMask{trial.When(trial.Constant("REDACTED"), trial.SQL("order_total > 0"))},
		"REDACTED",
		nil,
	},
	{
		"a condition that is never known",
		[]entitlements.AppliedMask{trial.When(trial.Constant("REDACTED"), trial.SQL("lastname = NULL"))},
		"REDACTED",
		nil,
	},
	{
		"a chain",
		[]entitlements.AppliedMask{
			trial.When(partial(3, 3), trial.SQL("order_total < 0")),
			trial.When(trial.Constant("REDACTED"), trial.AnyOf("region", "US-EAST")...),
			trial.When(trial.Constant("REDACTED")),
		},
		"REDACTED",
		nil,
	},
	{"email", []entitlements.AppliedMask{trial.When(email)}, "***", notRedacted},
	{"hash", []entitlements.AppliedMask{trial.When(hash)}, "", keptApart},
	{"format_preserving", []entitlements.AppliedMask{trial.When(formatPreserving)}, "", keptApart},
	{"partial", []entitlements.AppliedMask{trial.When(partial(0, 1))}, "", keptApart},
}

// testMasksHold: wherever a statement uses a masked column, it uses the masked value.
func testMasksHold(t *testing.T, s trial.Suite) {
	salaries := s.Grant(t, "secret_salaries", trial.Only("name"))
	everything := append(
		[]Hiding{
			{Name: "constant", Masks: []entitlements.AppliedMask{trial.When(trial.Constant("REDACTED"))}, same: "REDACTED"},
		},
		Hidings...)
	for _, h := range everything {
		orders := s.Grant(t, "customer_orders", trial.Chained("lastname", h.Masks...))
		tests := neverTheValue
		if h.same == "REDACTED" {
			tests = append(tests, alwaysRedacted...)
		}
		for _, test := range tests {
			t.Run(h.Name+"/"+test.name, func(t *testing.T) { s.Expect(t, trial.Lease(test.sql, orders, salaries), test.want) })
		}
	}
}

// neverTheValue holds under any mask of lastname.
var neverTheValue = []struct{ name, sql, want string }{
	{"WHERE", `SELECT count(*) FROM sales.customer_orders WHERE lastname = 'Abernathy'`, "0"},
	{"LIKE", `SELECT count(*) FROM sales.customer_orders WHERE lastname LIKE 'Ab%'`, "0"},
	{"IN", `SELECT count(*) FROM sales.customer_orders WHERE lastname IN ('Abernathy', 'Okonkwo')`, "0"},
	{"JOIN", `SELECT count(*) FROM sales.customer_orders o JOIN sales.secret_salaries s ON s.name = o.lastname`, "0"},
	{"a function", `SELECT count(*) FROM sales.customer_orders WHERE upper(lastname) = 'OKONKWO'`, "0"},
	{
		"a set operation",
		`SELECT count(*) FROM (SELECT lastname FROM sales.customer_orders INTERSECT SELECT name FROM sales.secret_salaries) AS i`,
		"0",
	},
	{
		"a correlated subquery",
		`SELECT count(*) FROM sales.secret_salaries s WHERE EXISTS (SELECT 1 FROM sales.customer_orders o WHERE o.lastname = s.name)`,
		"0",
	},
	{
		"HAVING",
		`SELECT count(*) FROM (SELECT region FROM sales.customer_orders GROUP BY region HAVING max(lastname) = 'Villanueva') AS g`,
		"0",
	},
	{
		"windows",
		`SELECT count(*) FROM (SELECT max(lastname) OVER (PARTITION BY region) AS m FROM sales.customer_orders) AS w WHERE m IN ('Abernathy', 'Villanueva', 'Zimmerfeld')`,
		"0",
	},
}

// alwaysRedacted holds under masks that make REDACTED of everything.
var alwaysRedacted = []struct{ name, sql, want string }{
	{"WHERE, on the mask", `SELECT count(*) FROM sales.customer_orders WHERE lastname = 'REDACTED'`, "5"},
	{"GROUP BY", `SELECT count(*) FROM (SELECT lastname FROM sales.customer_orders GROUP BY lastname) AS g`, "1"},
	{"DISTINCT", `SELECT count(DISTINCT lastname) FROM sales.customer_orders`, "1"},
	{
		"HAVING, on the mask",
		`SELECT count(*) FROM (SELECT region FROM sales.customer_orders GROUP BY region HAVING max(lastname) <> 'REDACTED') AS g`,
		"0",
	},
	{"aggregates", `SELECT min(lastname) || max(lastname) FROM sales.customer_orders`, "REDACTEDREDACTED"},
	{"ORDER BY", `SELECT order_total FROM sales.customer_orders ORDER BY lastname, order_total LIMIT 1`, "50.00"},
	{"rank", `SELECT max(r) FROM (SELECT rank() OVER (ORDER BY lastname) AS r FROM sales.customer_orders) AS w`, "1"},
	{
		"CASE",
		`SELECT count(CASE WHEN lastname > 'REDACTED' THEN 1 WHEN lastname < 'REDACTED' THEN 1 END) FROM sales.customer_orders`,
		"0",
	},
	{"length", `SELECT DISTINCT length(lastname) FROM sales.customer_orders`, "8"},
	{"a subquery", `SELECT DISTINCT (SELECT upper(o.lastname)) FROM sales.customer_orders o`, "REDACTED"},
	{
		"a common table expression",
		`WITH c AS (SELECT lastname FROM sales.customer_orders) SELECT DISTINCT lastname FROM c`,
		"REDACTED",
	},
}
