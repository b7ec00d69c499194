package expression_test

import (
	"slices"
	"testing"

	"deputy/entitlements/expression"
)

// A condition in which an unknown comparison could show a row loses all values of the variable. Those that only narrow
// keep the values that fit.
func TestOnlyNarrows(t *testing.T) {
	for text, narrows := range map[string]bool{
		"id = any(:attribute.a)":                                                        true,
		"id <> all(:attribute.a)":                                                       true,
		"x = 1 and (y = 'not' or t.id = any(:attribute.a))":                             true,
		`"is" = 1 or id = any(:attribute.a)`:                                            true,
		"gone is null and id = any(:attribute.a)":                                       true,
		"id = any(:attribute.a) and t.gone is not null":                                 true,
		"exists (select from unnest(m) x where x = any(:attribute.a))":                  true,
		"id in (select id from t where y = any(:attribute.a))":                          true,
		"coalesce(x, 1) = 2 and id = any(:attribute.a)":                                 true,
		"not id = any(:attribute.a)":                                                    false,
		"not (id = any(:attribute.a))":                                                  false,
		"(id = any(:attribute.a)) is null":                                              false,
		"id = any(:attribute.a) is not true":                                            false,
		"(id = any(:attribute.a)) = false":                                              false,
		"false = (id = any(:attribute.a))":                                              false,
		"coalesce(id = any(:attribute.a), false)":                                       false,
		"case when id = any(:attribute.a) then false else true end":                     false,
		"not exists (select from t where y = any(:attribute.a))":                        false,
		"id not in (select id from t where y = any(:attribute.a))":                      false,
		"id in (select max(id) from t where y = any(:attribute.a))":                     false,
		"(select count(*) from t where y = any(:attribute.a)) = 0":                      false,
		"id > all (select id from t where y = any(:attribute.a))":                       false,
		"exists (select from t left join u on u.y = any(:attribute.a) where u is null)": false,
		"exists (select from t except select from u where y = any(:attribute.a))":       false,
		"exists (select 1 from t where y = any(:attribute.a) having count(*) = 0)":      false,
		"x is distinct from (id = any(:attribute.a))":                                   false,
		"array[id = any(:attribute.a)] = '{}'":                                          false,
	} {
		parts, err := expression.Parse(text)
		if err != nil {
			t.Fatal(text, err)
		}
		parts[1].Values = []string{"1", "a"}
		if got := expression.OnlyNarrows(parts, 1); got != narrows {
			t.Errorf("%s: %v", text, got)
		}
		want := []string{}
		if narrows {
			want = append(want, "1")
		}
		p := expression.Fit(parts, []expression.Misfit{{Part: 1, Value: "a"}})[1]
		if !p.Unfit || !slices.Equal(p.Values, want) {
			t.Errorf("%s: of the values %q are left", text, p.Values)
		}
		if len(parts[1].Values) != 2 {
			t.Errorf("%s: the condition that it is made from has changed", text)
		}
	}
}

// The operand of a comparison reaches as far as the comparison does.
func TestOperands(t *testing.T) {
	for text, want := range map[string]string{
		"id": "id", "x = 1 and t.id ": "t.id", `a or "b c".d`: `"b c".d`, "(id + 0": "id + 0",
		"not lower(a || 'x,(')": "lower(a || 'x,(')",
		"f(a, b":                "b", "case when id": "id", "exists (select 1 from t where y": "y", "": "", "x = ": "",
	} {
		if got := expression.Last(text); got != want {
			t.Errorf("%q ends with %q, not %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		" id and x": "id", " lower(a, b) or c": "lower(a, b)", " id + 0)": "id + 0", " a, b": "a", "": "",
	} {
		if got := expression.First(text); got != want {
			t.Errorf("%q begins with %q, not %q", text, got, want)
		}
	}
}
