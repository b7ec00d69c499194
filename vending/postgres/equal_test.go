package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"deputy/entitlements"
)

// equals are values that a type takes for equal though they are written differently, or types between which equality
// holds.
var equals = []struct{ left, a, right, b string }{
	{
		"numeric",
		"1.0",
		"numeric",
		"1.00",
	}, {"numeric(10,2)", "5", "numeric(10,4)", "5"}, {"int", "5", "numeric(10,2)", "5"}, {"int", "7", "bigint", "7"},
	{
		"char(5)",
		"ab",
		"char(10)",
		"ab",
	}, {"char(5)", "ab", "varchar(5)", "ab"}, {"citext", "Ann@x.y", "citext", "ann@X.Y"}, {"citext", "ÄRGER", "citext", "ärger"},
	{
		"citext",
		"İ",
		"citext",
		"i̇",
	}, {"sales.mail", "Ann@x.y", "sales.mail", "ann@X.Y"}, {"sales.mail", "Ann@x.y", "citext", "ann@X.Y"}, {`citext COLLATE "C"`, "ÄB", `citext COLLATE "C"`, "äb"},
	{
		"real",
		"0",
		"real",
		"-0",
	}, {"double precision", "0", "double precision", "-0"}, {"interval", "24 hours", "interval", "1 day"}, {"interval", "1 mon", "interval", "30 days"},
	{
		"jsonb",
		`{"a":1.0}`,
		"jsonb",
		`{"a":1.00}`,
	}, {"jsonb", `{"a":1,"b":2}`, "jsonb", `{"b":2,"a":1}`}, {"timestamptz", "2024-01-01 12:00+00", "timestamptz", "2024-01-01 14:00+02"},
	{
		"date",
		"2024-01-01",
		"timestamp",
		"2024-01-01",
	}, {"inet", "10.0.0.1", "inet", "10.0.0.1/32"}, {"cidr", "10.0.0.0/8", "inet", "10.0.0.0/8"}, {"varbit", "101", "bit(3)", "101"},
	{
		"uuid",
		"{11111111-1111-1111-1111-111111111111}",
		"uuid",
		"11111111-1111-1111-1111-111111111111",
	}, {"text COLLATE sales.nd", "Ann", "text COLLATE sales.nd", "ANN"},
	{
		"varchar(9) COLLATE sales.nd",
		"Ann",
		"char(9) COLLATE sales.nd",
		"ANN",
	}, {"sales.named", "Ann", "sales.named", "ANN"}, {"sales.en", "a", "sales.en", "a"},
	{
		"text",
		"ab",
		"varchar(5)",
		"ab",
	}, {"name", "ab", "text", "ab"}, {"money", "5", "money", "5.00"}, {"timetz", "12:00+00", "timetz", "14:00+02"}, {"real", "0.5", "double precision", "0.5"},
	{
		"numeric[]",
		"{1.0}",
		"numeric[]",
		"{1.00}",
	}, {"citext[]", "{A}", "citext[]", "{a}"}, {"hstore", "a=>1,b=>2", "hstore", "b=>2,a=>1"}, {"ltree", "a.b", "ltree", "a.b"},
	{
		"text",
		"é",
		"text",
		"e\u0301",
	}, {"text", "Ann", "text", "ann"}, {`"char"`, "a", `"char"`, "a"}, {"ean13", "978-0-393-04002-9", "ean13", "9780393040029"},
	{
		"text",
		"ab ",
		"text",
		"ab",
	}, {"tsvector", "b a", "tsvector", "a b"}, {"numrange", "[1.0,2)", "numrange", "[1.00,2.0)"}, {"cube", "(1)", "cube", "(1.0)"},
}

// A join of masked columns finds what a join of the values would, or there is NULL and it finds nothing.
func TestKeyedMasksKeepEquality(t *testing.T) {
	seed := `CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION isn; CREATE EXTENSION cube; CREATE SCHEMA sales; CREATE DOMAIN sales.mail AS citext;
CREATE TYPE sales.en AS ENUM ('a'); CREATE COLLATION sales.nd (provider = icu, locale = 'und-u-ks-level2', deterministic = false); CREATE DOMAIN sales.named AS text COLLATE sales.nd;`
	for i, pair := range equals {
		seed += fmt.Sprintf("CREATE TABLE sales.a%[1]d (v %[2]s); INSERT INTO sales.a%[1]d VALUES ('%[3]s'); "+
			"CREATE TABLE sales.b%[1]d (v %[4]s); INSERT INTO sales.b%[1]d VALUES ('%[5]s');\n", i, pair.left, pair.a, pair.right, pair.b)
	}
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	kept := 0
	for i, pair := range equals {
		sql := fmt.Sprintf(`SELECT count(*), count(a.v) FROM sales.a%d a JOIN sales.b%[1]d b ON a.v = b.v`, i)
		want := strings.Fields(asSuperuser(t, database, sql))[0]
		for _, kind := range []entitlements.MaskKind{entitlements.MaskHash, entitlements.MaskFormatPreserving} {
			var both []entitlements.Access
			for _, side := range "ab" {
				a := access(t, e, fmt.Sprintf("%c%d", side, i))
				a.Columns[0].Masks = []entitlements.AppliedMask{{Mask: entitlements.Mask{Kind: kind}}}
				both = append(both, a)
			}
			hidden, err := shown(
				t,
				e,
				fmt.Sprintf(`SELECT v IS NULL FROM sales.a%d UNION ALL SELECT v IS NULL FROM sales.b%[1]d`, i),
				both...)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(hidden, "true") {
				continue // NULL is no value, and equals none
			}
			kept++
			if got, err := shown(t, e, sql, both...); err != nil || strings.Fields(got)[0] != want {
				t.Errorf(
					"%s %s and %s %s: the join under %s finds %s, not %s: %v",
					pair.left,
					pair.a,
					pair.right,
					pair.b,
					kind,
					got,
					want,
					err,
				)
			}
		}
	}
	if kept < 20 {
		t.Errorf("only %d joins were made: this test says little", kept)
	}
}
