package filtering

import (
	"slices"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending"
	"deputy/vending/enginetest/trial"
)

// with is the condition whose one variable stands where the text says :x, in one of the two forms of lists, and has
// these values.
func with(text string, values ...string) []expression.Part {
	before, after, _ := strings.Cut(text, ":x")
	return []expression.Part{
		trial.SQL(before), {Variable: "attribute.test", Values: values}, trial.SQL(after),
	}
}

// misfits are conditions on sales.samples, which has the rows 1 and 2, and the ids that they show.
var misfits = []struct {
	name   string
	parts  []expression.Part
	want   string
	silent bool // an engine may not notice a value that does not fit, because it shows the same without
}{
	{"a word is no integer", trial.AnyOf("id", "a"), "", false},
	{"a word beside an integer", trial.AnyOf("id", "1", "a"), "1", false},
	{"a list in one value", trial.AnyOf("id", "1,2"), "", false},
	{"an integer written as JSON may", trial.AnyOf("id", "1.0"), "1", true},
	{"an integer that is too large", trial.AnyOf("id", "1", "99999999999999999999999"), "1", true},
	{"not equal to a word", trial.NoneOf("id", "a"), "", false},
	{"not equal to an integer and a word", trial.NoneOf("id", "2", "a"), "", false},
	{"not one of a word", with("NOT (id = any(:x))", "a"), "", false},
	{"not one of an integer and a word", with("NOT (id = any(:x))", "2", "a"), "", false},
	{"CASE of a word", with("CASE WHEN id = any(:x) THEN 1 = 0 ELSE 1 = 1 END", "2", "a"), "", false},
	{"coalesce of a word", with("coalesce(id = any(:x), 1 = 0) = (1 = 0)", "2", "a"), "", false},
	{"neither true nor known", with("(id = any(:x)) IS NOT TRUE", "2", "a"), "", false},
	{"among other conditions", with("note <> '' AND (id = any(:x) OR 1 = 0)", "2", "a"), "2", false},
	{"beside IS NOT NULL", with("note IS NOT NULL AND id = any(:x)", "2", "a"), "2", false},
	{
		"in a subselect",
		with("EXISTS (SELECT 1 FROM sales.many m WHERE m.id = samples.id AND m.id = any(:x))", "2", "a"),
		"2", false,
	},
	{
		"in a list of a subselect",
		with("id IN (SELECT m.id FROM sales.many m WHERE m.id = any(:x))", "2", "a"),
		"2",
		false,
	},
	{
		"in a subselect that must have no row",
		with("NOT EXISTS (SELECT 1 FROM sales.many m WHERE m.id = samples.id AND m.id = any(:x))", "2", "a"),
		"", false,
	},
	{"in a count", with("(SELECT count(*) FROM sales.many m WHERE m.id = any(:x)) = 0", "a"), "", false},
	{"a computed number", with("id + 0 = any(:x)", "2", "a"), "2", true},
	{"not equal to a computed number", with("id + 0 <> all(:x)", "2", "a"), "", true},
	{"a word is no day", trial.AnyOf("day", "2026-11-23", "yesteryear"), "1", false},
	{"not equal to a day and a word", trial.NoneOf("day", "2026-11-23", "yesteryear"), "", false},
	{"a NUL is no text", trial.AnyOf("note", "it's", "x\x00"), "2", false},
	{"not equal to a NUL", trial.NoneOf("note", "it's", "x\x00"), "", false},
	{"below who asks", userIs("id < ", "", "taylor"), "", false},
	{"other than who asks", userIs("id <> ", "", "taylor"), "", false},
	{"who asks, on the left", userIs("", " <> id", "taylor"), "", false},
	{"above who asks, computed", userIs("", " > id + 0", "taylor"), "", true},
	{"who asks, or a row", userIs("id = ", " OR id = 2", "taylor"), "", false},
	{"any text fits text", trial.NoneOf("note", "2", "a"), "1 2", true},
}

// testMisfits: a value that cannot be what it is compared with shows no row, whatever the condition makes of that, and
// leaves those beside it. The result says which variable it was, and not which value.
func testMisfits(t *testing.T, s trial.Suite) {
	for _, test := range misfits {
		t.Run(test.name, func(t *testing.T) {
			l := trial.Lease(
				`SELECT id FROM sales.samples ORDER BY id`,
				s.Grant(t, "samples", trial.Filtered(test.parts...)),
			)
			for range 2 { // the second time it may be known
				l.ID = trial.Lease("").ID
				result := s.Run(t, l)
				if got := strings.Join(trial.Lines(result.Rows), " "); got != test.want {
					t.Errorf("it shows %q, not %q", got, test.want)
				}
				said := vending.Unfit{Table: l.Access[0].Table, Policy: "test", Variable: test.parts[1].Variable}
				if !test.silent && !slices.Contains(result.Unfit, said) {
					t.Errorf("it says of values that do not fit %v", result.Unfit)
				}
			}
		})
	}
	for name, test := range map[string]struct {
		when []expression.Part
		want []string
	}{
		"of a mask":                {trial.AnyOf("id", "2", "a"), []string{"XXX", "XXX"}},
		"of a mask of all others":  {trial.NoneOf("id", "2", "a"), []string{"XXX", "it's"}},
		"of a mask of who asks":    {userIs("id = ", "", "taylor"), []string{"XXX", "XXX"}},
		"of a mask that fits":      {trial.AnyOf("id", "2"), []string{"héllo ☂", "XXX"}},
		"of a mask, turned around": {with("NOT (id = any(:x))", "2", "a"), []string{"XXX", "XXX"}},
	} {
		t.Run("in the condition "+name, func(t *testing.T) {
			m := trial.Chained("note", trial.When(trial.Constant("XXX"), test.when...))
			s.Expect(
				t,
				trial.Lease(`SELECT note FROM sales.samples ORDER BY id`, s.Grant(t, "samples", m)),
				test.want...)
		})
	}
	t.Run("many values", func(t *testing.T) {
		var values []string
		for n := range 300 {
			values = append(values, strings.Repeat("x", n+1))
		}
		for _, parts := range [][]expression.Part{
			trial.AnyOf("id", append(values, "2")...), trial.NoneOf("id", values...),
		} {
			got := trial.Lines(s.Run(t, trial.Lease(
				`SELECT id FROM sales.samples`, s.Grant(t, "samples", trial.Filtered(parts...)))).Rows)
			if len(got) > 1 || len(got) == 1 && got[0] != "2" {
				t.Errorf("it shows %q", got)
			}
		}
	})
	t.Run("other tables of the statement", func(t *testing.T) {
		open := []entitlements.Access{
			s.Grant(t, "samples", trial.Filtered(trial.AnyOf("id", "a", "2")...)), s.Grant(t, "regions"),
		}
		s.Expect(t, trial.Lease(`SELECT r.region, s.id FROM sales.regions r LEFT JOIN sales.samples s ON s.id < 9
			WHERE r.country = 'Norway'`, open...), "EU-NORTH|2")
	})
}
