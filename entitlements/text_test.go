package entitlements_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"deputy/entitlements"
	"deputy/internal/config/form"
	"deputy/internal/testkit/world"
)

func TestAMatcherReadsAsInTheFile(t *testing.T) {
	for _, text := range []string{
		"everyone", "group:Marketing", "group:Human Resources", "attribute:dn=cn=u", "user:corp/taylor", "mode:autonomous",
		"[group:A, user:1]", "{all: [group:HR, {not: mode:autonomous}]}", "'group:a, b'", "'group:it''s'", "'group:a: b'", "'group:x #y'",
	} {
		if got := world.MatcherOf(t, text).String(); got != text {
			t.Errorf("%s is written as %s", text, got)
		}
	}
}

// What is printed can be pasted into a policy and means the same there, whatever is in a name.
func TestPrintedMatchersCanBeReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := world.GenMatcher(3).Draw(t, "matcher")
		if rapid.Bool().Draw(t, "odd") {
			name := rapid.StringMatching(`[A-Za-z0-9 ,:#'"\[\]{}&*!|>%@\\-]{1,8}`).Draw(t, "name")
			odd, err := entitlements.Match("group:" + name)
			if err != nil {
				t.Skip("this name can be no group")
			}
			m = entitlements.AnyOf(*odd, m)
		}
		var again entitlements.Matcher
		if err := form.Fragment("policies.to", m.String(), &again); err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%s is read as %s (%v)", m, again, err)
		}
	})
}

func TestAMaskReadsAsInTheFile(t *testing.T) {
	for _, text := range []string{
		"hash", "email", "format_preserving", "{constant: REDACTED}", "{constant: '***'}", "{constant: ''}", "{constant: '[hidden], or not'}", "{constant: 'null'}", "{constant: -1}",
		"{partial: {first: 1, last: 4}}", "{partial: {last: 4}}", `{regex: {match: '[0-9]', replace: x}}`, `{regex: {match: '^(.).*', replace: '\1', unmatched: keep}}`,
		"{round: 0.5}", "{truncate: month}", "{bucket: [{below: 100, name: small}, {name: large}]}", "{sql: 'left($column, 1)'}",
	} {
		var m, again entitlements.Mask
		if err := form.Fragment("policies.with", text, &m); err != nil {
			t.Fatal(err)
		}
		if m.String() != text {
			t.Errorf("%s is written as %s", text, m)
		}
		if err := form.Fragment("policies.with", m.String(), &again); err != nil || !reflect.DeepEqual(m, again) {
			t.Errorf("%s is read as %s (%v)", m, again, err)
		}
	}
}

func TestAFilterReadsAsSQLWithItsValues(t *testing.T) {
	const text = `
policies:
  - {name: open, grant: sales.customer_orders, to: everyone}
  - {name: f1, filter: sales.customer_orders, where: region = any(:attribute.region) or lastname = :user.id}
  - {name: f2, filter: sales.customer_orders, sample: 2.5%}`
	access, _ := world.Compile(
		t,
		world.Parse(t, text),
	).Decide(principal(world.Bot, world.User("o'hara", nil, "region", "US-EAST", "region", "EU")), entitlements.TableName{Schema: "sales", Name: "customer_orders"})
	for i, want := range []string{"region = any('US-EAST', 'EU') or lastname = 'o''hara'", "2.5% of the rows"} {
		if got := access.Filters[i].Rule(); got != want {
			t.Errorf("the filter reads %s, not %s", got, want)
		}
	}
}
