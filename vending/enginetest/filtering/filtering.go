// Package filtering is the part of the suite that is about row filters: conditions with and without values, times,
// samples, and filters that never hold.
package filtering

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending/enginetest/dataset"
	"deputy/vending/enginetest/trial"
)

// Groups are the tests about row filters.
func Groups() []trial.Group {
	return []trial.Group{
		{Name: "row filters", Test: testFilters},
		{Name: "row filters about who asks", Test: testOneValue},
		{Name: "row filters with values that do not fit", Test: testMisfits},
		{Name: "row filters about time", Test: testWithin},
		{Name: "row filters that take a sample", Test: testSample},
		{Name: "row filters that never hold", Test: testNever},
	}
}

func testFilters(t *testing.T, s trial.Suite) {
	const all = "US-CENTRAL US-EAST US-EAST US-EAST US-WEST"
	for _, test := range []struct {
		name    string
		filters [][]expression.Part
		want    string
	}{
		{"a condition", [][]expression.Part{{trial.SQL("order_total > 100")}}, "US-CENTRAL US-EAST US-WEST"},
		{"one of the values", [][]expression.Part{trial.AnyOf("region", "US-EAST")}, "US-EAST US-EAST US-EAST"},
		{
			"several values",
			[][]expression.Part{trial.AnyOf("region", "US-EAST", "US-WEST")},
			"US-EAST US-EAST US-EAST US-WEST",
		},
		{"none of the values", [][]expression.Part{trial.NoneOf("region", "US-EAST")}, "US-CENTRAL US-WEST"},
		{
			"filters must all hold",
			[][]expression.Part{trial.AnyOf("region", "US-EAST"), {trial.SQL("order_total > 100")}},
			"US-EAST",
		},
		{
			"a filter with OR does not weaken another",
			[][]expression.Part{{trial.SQL("1 = 1 OR 1 = 1")}, trial.AnyOf("region", "US-WEST")},
			"US-WEST",
		},
		{"values among other conditions", [][]expression.Part{append(append([]expression.Part{trial.SQL("order_total > 300 OR ")}, trial.AnyOf("region", "US-WEST")...), trial.SQL(" AND order_total < 300"))}, "US-CENTRAL US-WEST"},
		{"a masked column is judged by its true value", [][]expression.Part{trial.AnyOf("lastname", "Abernathy")}, "US-WEST"},
		{
			"a value is data",
			[][]expression.Part{trial.AnyOf("region", `US-EAST') OR 1=1 --`, `'`, `"`, `\`, `{}`, `US-WEST`)},
			"US-WEST",
		},
		{"NULL is none of the values and not one of the others", [][]expression.Part{trial.NoneOf("nullif(region, 'US-EAST')", "US-WEST")}, "US-CENTRAL"},
		{
			"a number is one of the values",
			[][]expression.Part{trial.AnyOf("order_total", "225", "356")},
			"US-CENTRAL US-WEST",
		},
		{
			"a number is none of the values",
			[][]expression.Part{trial.NoneOf("order_total", "225", "356")},
			"US-EAST US-EAST US-EAST",
		},
		{
			"a computed number is none of the values",
			[][]expression.Part{trial.NoneOf("order_total + 1", "226")},
			"US-CENTRAL US-EAST US-EAST US-EAST",
		},
		{"no filter", nil, all},
	} {
		t.Run(test.name, func(t *testing.T) {
			changes := []trial.Change{trial.Masked("lastname", trial.Constant("REDACTED"))}
			for _, f := range test.filters {
				changes = append(changes, trial.Filtered(f...))
			}
			var want []string
			if test.want != "" {
				want = strings.Fields(test.want)
			}
			s.Expect(
				t,
				trial.Lease(
					`SELECT region FROM sales.customer_orders ORDER BY region`,
					s.Grant(t, "customer_orders", changes...),
				),
				want...)
		})
	}
	t.Run("an attribute without a value shows no row", func(t *testing.T) {
		never := func(a *entitlements.Access) {
			a.Filters = []entitlements.Filter{
				{Policy: "test", Where: []expression.Part{trial.SQL("1 = 1")}, Never: true},
			}
		}
		s.Expect(
			t,
			trial.Lease(`SELECT count(*) FROM sales.customer_orders`, s.Grant(t, "customer_orders", never)),
			"0",
		)
	})
	t.Run("the column that a filter needs may be hidden", func(t *testing.T) {
		access := s.Grant(
			t,
			"customer_orders",
			trial.Only("order_total"),
			trial.Filtered(trial.AnyOf("region", "US-WEST")...),
		)
		s.Expect(t, trial.Lease(`SELECT * FROM sales.customer_orders`, access), "225.00")
	})
	t.Run("no expression of the caller sees a hidden row", func(t *testing.T) {
		access := s.Grant(t, "customer_orders", trial.Filtered(trial.AnyOf("region", "US-EAST")...))
		touchy := s.Words.FailsIf(`region = 'US-WEST'`)
		s.Expect(t, trial.Lease(`SELECT count(*) FROM sales.customer_orders WHERE `+touchy+` = 1`, access), "3")
		s.Expect(t, trial.Lease(`SELECT sum(`+touchy+`) FROM sales.customer_orders`, access), "3")
		s.Expect(
			t,
			trial.Lease(
				`SELECT count(*) FROM sales.customer_orders o JOIN sales.customer_orders p ON p.region = o.region AND `+strings.ReplaceAll(
					touchy,
					"region",
					"p.region",
				)+` = 1`,
				access,
			),
			"9",
		)

		_, err := s.Engine.Run(
			t.Context(),
			trial.Lease(
				`SELECT count(*) FROM sales.customer_orders WHERE `+touchy+` = 1`,
				s.Grant(t, "customer_orders"),
			),
		)
		trial.Refused(t, "the same expression on rows that are not hidden", err)
	})
}

func userIs(before, after, user string) []expression.Part {
	return []expression.Part{
		trial.SQL(before),
		{Variable: expression.UserID, Values: []string{user}},
		trial.SQL(after),
	}
}

func rule(f entitlements.Filter) trial.Change {
	f.Policy = "test"
	return func(a *entitlements.Access) { a.Filters = append(a.Filters, f) }
}

// testOneValue puts the caller's own id into conditions: as data, wherever it stands.
func testOneValue(t *testing.T, s trial.Suite) {
	lookup := func(user string) trial.Change {
		return trial.Filtered(userIs(`region in (select region from sales.allowed where owner = `, `)`, user)...)
	}
	for _, owner := range dataset.Owners {
		t.Run("the rows that a lookup table allows "+owner, func(t *testing.T) {
			s.Expect(
				t,
				trial.Lease(`SELECT region FROM sales.customer_orders`, s.Grant(t, "customer_orders", lookup(owner))),
				"US-WEST",
			)
			s.Expect(
				t,
				trial.Lease(
					`SELECT owner FROM sales.allowed`,
					s.Grant(t, "allowed", trial.Filtered(userIs(`owner = `, ``, owner)...)),
				),
				owner,
			)
		})
	}
	for name, user := range map[string]string{
		"nobody's id": `nobody`, "no text": ``, "a backslash at the end": `taylor@example.com\`,
		"a way out": `x') OR ('1'='1`, "a pattern": `%`, "an array": `{taylor@example.com}`,
	} {
		t.Run("no row for "+name, func(t *testing.T) {
			s.Expect(
				t,
				trial.Lease(`SELECT count(*) FROM sales.customer_orders`, s.Grant(t, "customer_orders", lookup(user))),
				"0",
			)
		})
	}
	t.Run("a lookup ANDed with another filter", func(t *testing.T) {
		s.Expect(
			t,
			trial.Lease(
				`SELECT count(*) FROM sales.customer_orders`,
				s.Grant(
					t,
					"customer_orders",
					lookup(dataset.Owners[0]),
					trial.Filtered(trial.AnyOf("region", "US-EAST")...),
				),
			),
			"0",
		)
	})
	t.Run("the caller cannot be asked for what the lookup needs", func(t *testing.T) {
		_, err := s.Engine.Run(
			t.Context(),
			trial.Lease(`SELECT count(*) FROM sales.allowed`, s.Grant(t, "customer_orders", lookup(dataset.Owners[0]))),
		)
		trial.Refused(t, "a lookup table that was not granted", err)
	})
	for _, test := range []struct{ name, before, after, user, want string }{
		{"a number", `id = `, ``, "1", "1"},
		{"a number that it is not", `id <> `, ``, "1", "2"},
		{"a computed number that it is not", `id + 0 <> `, ``, "1", "2"},
		{"on the left", ``, ` = id`, "2", "2"},
		{"twice", `id = `, ` OR 1 = 0`, "2", "2"},
		{"in a function", `note = lower(`, `)`, `IT'S`, "2"},
		{"next to a word", `note = lower`, ``, `IT'S`, "2"},
		{"in a list", `note in (`, `, 'x')`, `it's`, "2"},
	} {
		t.Run("a value stands "+test.name, func(t *testing.T) {
			s.Expect(
				t,
				trial.Lease(
					`SELECT id FROM sales.samples`,
					s.Grant(t, "samples", trial.Filtered(userIs(test.before, test.after, test.user)...)),
				),
				test.want,
			)
		})
	}
	// What these say is nothing, and must not become something: each word before a string would change where it ends.
	for _, before := range []string{
		`note = E`, `note = e`, `note = U&`, `note = N`, `note = B`, `note = x`, "note = 'it'\n", `note = date`, `note = _`,
	} {
		t.Run("a value stands behind "+before, func(t *testing.T) {
			const user = `\' OR 1 = 1 --`
			result, err := s.Engine.Run(
				t.Context(),
				trial.Lease(
					`SELECT id FROM sales.samples`,
					s.Grant(t, "samples", trial.Filtered(userIs(before, ``, user)...)),
				),
			)
			if err == nil && len(result.Rows) > 0 {
				t.Errorf("%s before a value lets it out of its quotes: %v", before, result.Rows)
			}
		})
	}
	t.Run("without a value it is NULL", func(t *testing.T) {
		nobody := []expression.Part{trial.SQL("owner <> "), {Variable: expression.UserID}, trial.SQL("")}
		s.Expect(
			t,
			trial.Lease(`SELECT count(*) FROM sales.allowed`, s.Grant(t, "allowed", trial.Filtered(nobody...))),
			"0",
		)
		null := []expression.Part{
			trial.SQL("coalesce("),
			{Variable: expression.UserID},
			trial.SQL(", 'taylor@example.com') = owner"),
		}
		s.Expect(
			t,
			trial.Lease(`SELECT owner FROM sales.allowed`, s.Grant(t, "allowed", trial.Filtered(null...))),
			"taylor@example.com",
		)
	})
}

// visits: 1 is 400 days old, 2 is 20, 3 is 3, 4 is in three days, 5 has no time.
func testWithin(t *testing.T, s trial.Suite) {
	const day = 24 * time.Hour
	within := func(column string, last time.Duration) trial.Change {
		return func(a *entitlements.Access) {
			for _, c := range a.Columns {
				if c.Name == column {
					rule(entitlements.Filter{Within: &entitlements.Within{Column: c.Column, Last: last}})(a)
				}
			}
		}
	}
	for _, column := range []string{"day", "at"} {
		for _, test := range []struct {
			last time.Duration
			want string
		}{{5 * day, "3"}, {24 * day, "2 3"}, {500 * day, "1 2 3"}, {day, ""}, {time.Hour, ""}} {
			t.Run(fmt.Sprintf("%s within %v", column, test.last), func(t *testing.T) {
				s.Expect(
					t,
					trial.Lease(
						`SELECT id FROM sales.visits ORDER BY id`,
						s.Grant(t, "visits", within(column, test.last)),
					),
					strings.Fields(test.want)...)
			})
		}
	}
	t.Run("with another filter, and without the column", func(t *testing.T) {
		access := s.Grant(
			t,
			"visits",
			within("day", 500*day),
			within("at", 24*day),
			trial.Filtered(trial.SQL("id <> 3")),
			trial.Only("id"),
		)
		s.Expect(t, trial.Lease(`SELECT * FROM sales.visits ORDER BY id`, access), "2")
	})
	t.Run("on what is no time", func(t *testing.T) {
		s.Expect(
			t,
			trial.Lease(`SELECT count(*) FROM sales.samples`, s.Grant(t, "samples", within("note", 500*day))),
			"0",
		)
	})
}

// testSample: the share is about right, and whoever asks for whatever gets the same rows.
func testSample(t *testing.T, s trial.Suite) {
	share := func(perMillion int) trial.Change {
		return rule(entitlements.Filter{Sample: &entitlements.Sample{PerMillion: perMillion}})
	}
	ids := func(t *testing.T, sql string, changes ...trial.Change) []string {
		t.Helper()
		l := trial.Lease(sql, s.Grant(t, "many", changes...))
		l.MaxRows = 2000
		return trial.Lines(s.Run(t, l).Rows)
	}
	const all = `SELECT id FROM sales.many ORDER BY id`
	tenth := ids(t, all, share(100_000))
	if n := len(tenth); n < 120 || n > 280 {
		t.Errorf("10%% of 2,000 rows are %d", n)
	}
	for name, again := range map[string][]string{
		"in another call":                   ids(t, all, share(100_000)),
		"with other columns to be seen":     ids(t, all, share(100_000), trial.Only("id")),
		"with other columns asked for":      ids(t, `SELECT id FROM (SELECT note, id FROM sales.many) AS m ORDER BY id`, share(100_000)),
		"with a masked column":              ids(t, all, share(100_000), trial.Masked("note", trial.Constant("REDACTED"))),
		"with another filter that all pass": ids(t, all, share(100_000), trial.Filtered(trial.SQL("id > 0"))),
		"with the same sample twice":        ids(t, all, share(100_000), share(100_000)),
		"with a larger sample beside it":    ids(t, all, share(100_000), share(500_000)),
	} {
		if !slices.Equal(again, tenth) {
			t.Errorf("%s the sample has other rows", name)
		}
	}
	rest := ids(t, all, share(100_000), trial.Filtered(trial.SQL("id > 1000")))
	want := slices.DeleteFunc(slices.Clone(tenth), func(id string) bool { n, _ := strconv.Atoi(id); return n <= 1000 })
	if !slices.Equal(rest, want) {
		t.Errorf("half of the sample is %d rows, not %d of the %d", len(rest), len(want), len(tenth))
	}
	if n := len(ids(t, all, share(500_000))); n < 850 || n > 1150 {
		t.Errorf("50%% of 2,000 rows are %d", n)
	}
	if n := len(ids(t, all, share(999_999))); n < 1995 {
		t.Errorf("99.9999%% of 2,000 rows are %d", n)
	}
	if n := len(ids(t, all, share(1))); n > 2 {
		t.Errorf("0.0001%% of 2,000 rows are %d", n)
	}
}

// testNever: no row, whatever else is there, and nothing is evaluated on any.
func testNever(t *testing.T, s trial.Suite) {
	empty := expression.Part{Variable: "attribute.test"}
	touchy := s.Words.FailsIf(`region = 'US-WEST'`) + " = 1"
	for name, f := range map[string]entitlements.Filter{
		"a condition":              {Where: []expression.Part{trial.SQL("1 = 1")}, Never: true},
		"an OR":                    {Where: []expression.Part{trial.SQL("1 = 1 OR 1 = 1")}, Never: true},
		"one that fails on a row":  {Where: []expression.Part{trial.SQL(touchy)}, Never: true},
		"a sample":                 {Sample: &entitlements.Sample{PerMillion: 999_999}, Never: true},
		"none of no values":        {Where: []expression.Part{trial.SQL("region <> all("), empty, trial.SQL(")")}},
		"one of no values, or all": {Where: []expression.Part{trial.SQL("1 = 1 OR region = any("), empty, trial.SQL(")")}},
		"a user and no values":     {Where: append(userIs("'x' = ", " OR region <> all(", "x"), empty, trial.SQL(")"))},
		"no rule at all":           {},
	} {
		t.Run(name, func(t *testing.T) {
			for _, sql := range []string{`SELECT count(*) FROM sales.customer_orders`, `SELECT count(o.region) FROM sales.customer_orders o JOIN sales.customer_orders p ON true`} {
				s.Expect(t, trial.Lease(sql, s.Grant(t, "customer_orders", rule(f))), "0")
				s.Expect(
					t,
					trial.Lease(sql, s.Grant(t, "customer_orders", rule(f), trial.Filtered(trial.SQL("1 = 1")))),
					"0",
				)
			}
		})
	}
	for name, parts := range map[string][]expression.Part{
		"a column that is not there":                  {trial.SQL("regio = 'x'")},
		"a column that is not there before no values": {trial.SQL("regio = any("), empty, trial.SQL(")")},
		"a column that is not there behind no values": {trial.SQL("region <> all("), empty, trial.SQL(") AND regio = 'x'")},
		"a function that is not there":                {trial.SQL("regionise(region) = 1")},
		"what is no expression":                       {trial.SQL("region = = 1")},
	} {
		t.Run(name+" is an error all the same", func(t *testing.T) {
			never := rule(entitlements.Filter{Where: parts, Never: true})
			_, err := s.Engine.Run(
				t.Context(),
				trial.Lease(`SELECT count(*) FROM sales.customer_orders`, s.Grant(t, "customer_orders", never)),
			)
			trial.Refused(t, name, err)
		})
	}
}
