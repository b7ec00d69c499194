// Package profiling is the part of the suite that is about profiles: what a sample of values is taken for.
package profiling

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/enginetest/dataset"
	"deputy/vending/enginetest/trial"
)

// lookalikes are values, and what they must be taken for. The numbers of cards and accounts are those that issuers
// publish for tests, and the same with one digit changed.
var lookalikes = []struct{ value, is string }{
	{"ann@example.com", "email"}, {" a.b+c@mail.example.co.uk ", "email"}, {"ann@localhost", ""}, {"@example.com", ""},
	{"ann@example.com, bob@example.com", ""}, {"zoë@example.com", ""},
	{"+4915112345678", "phone"}, {"+1 (212) 555-0101", "phone"}, {"(030) 1234 567", "phone"}, {"555-0101", "phone"},
	{"212.555.0101", "phone"},
	{"+49 30 901820", "phone"}, {"5550101", ""}, {"92.125", ""}, {"92 125", ""},
	{"2026-11-25", ""}, {"2026-11", ""}, {"25.11.2026", ""}, {"12.50", ""}, {"1.2", ""}, {"2026-11-25 10:00:00", ""},
	{"078-05-1120", "ssn"}, {"457-55-5462", "ssn"}, {"000-12-3456", ""}, {"666-12-3456", ""}, {"900-12-3456", ""},
	{"123-00-4567", ""},
	{"123-45-0000", ""}, {"123456789", ""},
	{"DE89370400440532013000", "iban"}, {"GB82 WEST 1234 5698 7654 32", "iban"}, {"DE88370400440532013000", ""},
	{"GB82 WEST 1234 5698 7654 33", ""},
	{"NO9386011117947", "iban"}, {"FR1420041010050500013M02606", "iban"},
	{"4111111111111111", "card"}, {"4111 1111 1111 1111", "card"}, {"5500-0000-0000-0004", "card"},
	{"378282246310005", "card"},
	{"4111111111111112", ""}, {"5500-0000-0000-0005", ""}, {"1111111111111117", ""},
	{"192.168.10.12", "ip"}, {"10.0.0.0/8", "ip"}, {"999.1.1.1", ""}, {"2001:db8::1", "ip"},
	{"2001:db8:0:0:0:0:0:1", "ip"}, {"10:30:00", ""},
	{"aa:bb:cc:dd:ee:ff", ""}, {"::", ""},
	{"", ""}, {"it's", ""}, {strings.Repeat("a", 90) + "@example.com", ""}, {strings.Repeat("1", 200), ""},
}

// Seed makes tables for Run, in SQL like dataset.Statements.
func Seed(qualifier string) []string {
	out := []string{
		fmt.Sprintf(`CREATE TABLE %slookalikes (id integer, "deputy_sample" text, card bigint, missing text)`, qualifier),
	}
	for i, l := range lookalikes {
		card := "NULL"
		if i < 2 {
			card = []string{"4111111111111111", "4111111111111112"}[i]
		}
		out = append(
			out,
			fmt.Sprintf(
				`INSERT INTO %slookalikes VALUES (%d, '%s', %s, NULL)`,
				qualifier,
				i,
				strings.ReplaceAll(l.value, "'", "''"),
				card,
			),
		)
	}
	return append(
		out,
		fmt.Sprintf(`CREATE TABLE %ssales ("sales" text, "it's ""a"" column" date)`, qualifier),
		fmt.Sprintf(
			`CREATE TABLE %sone (value text)`,
			qualifier,
		),
		fmt.Sprintf(`INSERT INTO %sone VALUES ('ann@example.com')`, qualifier),
	)
}

// Run wants the same counts of every engine on the same data, and no value.
func Run(t *testing.T, e vending.Engine) {
	t.Run("each value alone", func(t *testing.T) {
		for _, l := range lookalikes {
			var hits []string
			for _, p := range vending.Patterns {
				if p.Matches(l.value) {
					hits = append(hits, p.Name)
				}
			}
			if got := strings.Join(hits, " "); got != l.is {
				t.Errorf("%q is taken for %q, not for %q", l.value, got, l.is)
			}
		}
	})
	t.Run("counts", func(t *testing.T) {
		want := map[string]int{}
		for _, p := range vending.Patterns {
			for _, l := range lookalikes {
				if l.is == p.Name {
					want[p.Name]++
				}
			}
		}
		p := profile(t, e, "lookalikes", 1000)
		if p.Rows != len(lookalikes) || len(p.Columns) != 4 {
			t.Fatalf("of %d rows %d were sampled, of 4 columns %d", len(lookalikes), p.Rows, len(p.Columns))
		}
		if got := p.Columns[1]; got.Values != len(lookalikes) || !maps.Equal(positive(got.Hits), want) {
			t.Errorf("of %d values the hits are %v, not %v", got.Values, got.Hits, want)
		}
		if got := p.Columns[2]; got.Values != 2 || !maps.Equal(positive(got.Hits), map[string]int{"card": 1}) {
			t.Errorf("of the numbers %v", got)
		}
		if got := p.Columns[3]; got.Values != 0 || len(positive(got.Hits)) > 0 {
			t.Errorf("of nothing %v", got)
		}
	})
	t.Run("a sample is not the whole", func(t *testing.T) {
		if p := profile(t, e, "lookalikes", 2); p.Rows != 2 || p.Columns[1].Hits["email"] != 2 {
			t.Errorf("of 2 rows: %+v", p)
		}
	})
	t.Run("names that look like SQL, and no rows", func(t *testing.T) {
		if p := profile(t, e, "sales", 10); p.Rows != 0 || len(p.Columns) != 2 || p.Columns[0].Values != 0 {
			t.Errorf("of an empty table: %+v", p)
		}
	})
	t.Run("a table that is not governed", func(t *testing.T) {
		for _, name := range []entitlements.TableName{{Schema: dataset.Schema, Name: "nothing"}, {Schema: "pg_catalog", Name: "pg_class"}, {Schema: "main", Name: "sqlite_schema"}} {
			p, err := e.Profile(t.Context(), "profile00001", name, 10)
			trial.Refused(t, name.String(), err, vending.NotPermitted)
			if !p.Role.Vended.IsZero() {
				t.Errorf("a role was vended for %s", name)
			}
		}
	})
}

func profile(t *testing.T, e vending.Engine, table string, sample int) vending.Profile {
	t.Helper()
	id := trial.Lease("").ID
	p, err := e.Profile(t.Context(), id, entitlements.TableName{Schema: dataset.Schema, Name: table}, sample)
	if err != nil {
		t.Fatal(err)
	}
	if p.Role.Name != "deputy_"+id || p.Role.Vended.IsZero() || p.Role.Revoked.IsZero() {
		t.Errorf("the role of a profile is %+v", p.Role)
	}
	standing, err := e.Standing(t.Context())
	if err != nil || !slices.Equal(standing, []string{}) {
		t.Errorf("after a profile there stand %v (%v)", standing, err)
	}
	return p
}

func positive(hits map[string]int) map[string]int {
	out := maps.Clone(hits)
	maps.DeleteFunc(out, func(_ string, n int) bool { return n == 0 })
	return out
}
