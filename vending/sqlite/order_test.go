package sqlite

import (
	"fmt"
	"slices"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/expression"
)

// A statement without ORDER BY gives rows as an index has them. Where the index has them by what is hidden, the order
// would tell it.
func TestOrderTellsNothing(t *testing.T) {
	null := map[string]entitlements.Mask{"pay": {Kind: entitlements.MaskNull}}
	byPay := entitlements.Filter{Policy: "p", Where: []expression.Part{{SQL: `pay < 100`}}}
	for _, test := range []struct {
		name, index, sql string
		filters          []entitlements.Filter
		clear            []string // nil: all but what is masked
	}{
		{"an index on what is masked", `CREATE INDEX i ON t (pay)`, `SELECT id FROM t`, nil, nil},
		{"its first row", `CREATE INDEX i ON t (pay)`, `SELECT id FROM t LIMIT 1`, nil, nil},
		{"backwards", `CREATE INDEX i ON t (pay DESC)`, `SELECT id FROM t`, nil, nil},
		{"a unique one", `CREATE UNIQUE INDEX i ON t (pay)`, `SELECT id, pay FROM t`, nil, nil},
		{"in the second place", `CREATE INDEX i ON t (one, pay)`, `SELECT id FROM t WHERE one = 1`, nil, nil},
		{"of an expression", `CREATE INDEX i ON t (-pay)`, `SELECT id FROM t`, nil, nil},
		{"a partial one", `CREATE INDEX i ON t (one) WHERE pay < 20`, `SELECT id FROM t`, nil, nil},
		{"a filter by what is masked", `CREATE INDEX i ON t (pay)`, `SELECT id FROM t`, []entitlements.Filter{byPay}, nil},
		{"a column that the statement does not use", `CREATE INDEX i ON t (one, pay)`, `SELECT one FROM t`, nil, []string{"id", "one"}},
	} {
		answers := map[string]bool{}
		for _, pay := range [][]int{{10, 20, 30}, {30, 20, 10}, {20, 30, 10}} {
			e := newEngine(t, newFile(t, `CREATE TABLE t (id INTEGER PRIMARY KEY, pay INTEGER, one INTEGER)`, test.index,
				fmt.Sprintf(`INSERT INTO t VALUES (1, %d, 1), (2, %d, 1), (3, %d, 1)`, pay[0], pay[1], pay[2])))
			access := open(t, e, "t", null, test.filters...)
			if test.clear != nil {
				access.Clear = test.clear
				access.Columns = slices.DeleteFunc(
					access.Columns,
					func(c entitlements.ColumnAccess) bool { return c.Name == "pay" },
				)
			}
			result, err := e.Run(t.Context(), lease(test.sql, access))
			if err != nil {
				t.Fatal(err)
			}
			answers[fmt.Sprint(result.Rows)] = true
		}
		if len(answers) != 1 {
			t.Errorf("%s: files that differ under a mask give different answers: %v", test.name, answers)
		}
	}
}

// An index on columns that are shown as they are is used.
func TestIndexesAreUsed(t *testing.T) {
	e := newEngine(
		t,
		newFile(t, `CREATE TABLE t (id INTEGER PRIMARY KEY, pay INTEGER, k INTEGER, n INTEGER)`, `CREATE INDEX i ON t (k)`),
	)
	access := open(t, e, "t", map[string]entitlements.Mask{"pay": {Kind: entitlements.MaskNull}})
	e.within(t, []entitlements.Access{access}, true, func(s *session, _ objects) error {
		s.point(e, `SELECT id, pay, n FROM t WHERE k = 3`, []entitlements.Access{access})
		p, err := s.explain(s.text.SQL)
		if err != nil || len(p.trees) != 2 {
			t.Errorf("the statement opens %v (%v)", p.trees, err)
		}
		return nil
	})
}
