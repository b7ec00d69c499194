package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"deputy/entitlements"
	"deputy/entitlements/expression"
	"deputy/vending/enginetest/dataset"
	"deputy/vending/postgres"
)

func constant(value string) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskConstant, Constant: value}
}

func round(step string) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskRound, Step: step}
}

func truncate(unit entitlements.Unit) entitlements.Mask {
	return entitlements.Mask{Kind: entitlements.MaskTruncate, Unit: unit}
}

func bucket(below, name, rest string) entitlements.Mask {
	return entitlements.Mask{
		Kind:    entitlements.MaskBucket,
		Buckets: []entitlements.Bucket{{Below: below, Name: name}, {Name: rest}},
	}
}

// masked runs a statement on a table of the catalog with one column under masks, straight on the vended role.
func masked(
	t testing.TB,
	e *postgres.Engine,
	sql, table, column string,
	masks ...entitlements.AppliedMask,
) (string, error) {
	t.Helper()
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, ok := catalog.Table(entitlements.TableName{Schema: "sales", Name: table})
	if !ok {
		t.Fatalf("there is no table %s", table)
	}
	access := entitlements.Access{Table: found.TableName}
	for _, c := range found.Columns {
		shown := entitlements.ColumnAccess{Column: c}
		if c.Name == column {
			shown.Masks = masks
		}
		access.Columns = append(access.Columns, shown)
	}
	l := lease("masks000001", sql)
	l.Access = []entitlements.Access{access}
	result, err := e.Run(t.Context(), l)
	var rows []string
	for _, row := range result.Rows {
		rows = append(rows, strings.Trim(fmt.Sprint(row), "[]"))
	}
	return strings.Join(rows, " | "), err
}

func always(m entitlements.Mask) entitlements.AppliedMask { return entitlements.AppliedMask{Mask: m} }

// No value and no parameter of a mask makes a statement fail: where a type cannot hold what a mask would show, it shows
// less.
func TestMasksKeepToTheLimitsOfTypes(t *testing.T) {
	tests := []struct {
		typ, value string
		mask       entitlements.Mask
		want       string
	}{
		{
			"smallint",
			"1",
			constant("100000"),
			"<nil>",
		}, {"smallint", "1", constant("32767.4"), "32767"}, {"smallint", "1", constant("32767.5"), "<nil>"}, {"smallint", "1", constant("-32768.4"), "-32768"},
		{
			"integer",
			"1",
			constant("2147483648"),
			"<nil>",
		}, {"integer", "1", constant("-2147483648"), "-2147483648"}, {"bigint", "1", constant("999999999999999999"), "999999999999999999"},
		{
			"numeric(4,2)",
			"1",
			constant("100000"),
			"<nil>",
		}, {"numeric(4,2)", "1", constant("99.994"), "99.99"}, {"numeric(4,2)", "1", constant("99.995"), "<nil>"}, {"numeric(4,2)", "1", constant("-100"), "<nil>"},
		{
			"numeric",
			"1",
			constant("100000.5"),
			"100000.5",
		}, {"real", "1", constant("0.5"), "0.5"}, {"money", "1", constant("5"), "<nil>"},

		{
			"smallint",
			"32767",
			round("1000"),
			"32000",
		}, {"smallint", "-32768", round("1000"), "-32000"}, {"smallint", "32767", round("60000"), "0"}, {"smallint", "-32700", round("32768"), "-32768"},
		{
			"smallint",
			"32767",
			round("0.4"),
			"32767.2",
		}, {"integer", "2147483647", round("10"), "2147483640"}, {"bigint", "9223372036854775807", round("1000"), "9223372036854775000"},
		{
			"bigint",
			"-9223372036854775808",
			round("1000"),
			"-9223372036854775000",
		}, {"integer", "15", round("10"), "20"}, {"integer", "-15", round("10"), "-20"},
		{
			"numeric(4,2)",
			"99.99",
			round("1"),
			"100.00",
		}, {"numeric(4,2)", "-99.99", round("50"), "-100.00"}, {"numeric", "'NaN'", round("10"), "NaN"}, {"numeric", "'-Infinity'", round("10"), "-Infinity"},
		{
			"numeric",
			"4.4999999999999999999999999999",
			round("3"),
			"3.0000000000000000000000000000",
		}, {"numeric", "1e40", round("7"), "10000000000000000000000000000000000000003"},
		{
			"double precision",
			"2.675",
			round("0.01"),
			"2.68",
		}, {"double precision", "0.30000000000000004", round("0.00000000000000001"), "0.30000000000000004"}, {"double precision", "'NaN'", round("10"), "NaN"},
		{
			"double precision",
			"'Infinity'",
			round("10"),
			"Inf",
		}, {"double precision", "1.7e308", round("7"), "1.7e+308"}, {"real", "0.25", round("0.1"), "0.3"}, {"real", "3.4e38", round("1"), "3.4e+38"},

		{
			"timestamptz",
			"'2026-01-01 00:30:00+02'",
			truncate("year"),
			"2025-01-01T05:30:00+05:30",
		}, {"timestamptz", "'2026-11-23 23:30:00-02'", truncate("day"), "2026-11-24T05:30:00+05:30"},
		{
			"timestamp(0)",
			"'2026-11-23 10:41:07'",
			truncate("hour"),
			"2026-11-23T10:00:00",
		}, {"date", "'2026-11-29'", truncate("week"), "2026-11-23"}, {"time", "'10:41'", truncate("hour"), "<nil>"},
		{
			"timestamptz",
			"'2025-12-31 23:30:00+00'",
			bucket("2026-01-01", "before", "after"),
			"before",
		}, {"timestamp", "'infinity'", bucket("2026-01-01", "before", "after"), "after"},
		{
			"date",
			"'-infinity'",
			bucket("2026-01-01", "before", "after"),
			"before",
		}, {"double precision", "'NaN'", bucket("0", "low", "high"), "high"}, {"real", "-0.5", bucket("0", "low", "high"), "low"},
		{
			"numeric",
			"0.000000000000000001",
			bucket("0", "low", "high"),
			"high",
		}, {"smallint", "5", bucket("999999999999999999", "low", "high"), "low"}, {"numeric", "NULL", bucket("0", "low", "high"), "<nil>"},

		{
			"char(2)",
			"'ab'",
			constant("REDACTED"),
			"REDACTED",
		}, {"name", "'ab'", constant("REDACTED"), "REDACTED"}, {"varchar(3)", "'a@b'", entitlements.Mask{Kind: entitlements.MaskEmail}, "***@b"},
		{
			"uuid",
			"NULL",
			constant("x"),
			"<nil>",
		}, {"jsonb", "'{}'", entitlements.Mask{Kind: entitlements.MaskHash}, "<nil>"}, {"text[]", "'{a}'", entitlements.Mask{Kind: entitlements.MaskHash}, "<nil>"},
	}
	tables := []string{"CREATE SCHEMA sales"}
	for i, test := range tests {
		tables = append(
			tables,
			fmt.Sprintf(`CREATE TABLE sales.t%d (x %s); INSERT INTO sales.t%[1]d VALUES (%[3]s)`, i, test.typ, test.value),
		)
	}
	database := newDatabase(t, strings.Join(tables, "; "))
	exec("postgres", `ALTER DATABASE `+database+` SET TimeZone = 'Asia/Kolkata'`) // what is cut in UTC is not cut here
	e := newEngine(t, database, "sales")
	for i, test := range tests {
		table := fmt.Sprintf("t%d", i)
		got, err := masked(t, e, `SELECT x FROM sales.`+table, table, "x", always(test.mask))
		if err != nil || got != test.want {
			t.Errorf("%s %s under %+v shows %s, not %s (%v)", test.typ, test.value, test.mask, got, test.want, err)
		}
	}
}

// A column stays what statements take it for: NULL has its type, masked text is text, an expression of the
// administrator has its own.
func TestTypesOfMaskedColumns(t *testing.T) {
	e := newEngine(
		t,
		newDatabase(
			t,
			`CREATE SCHEMA sales; CREATE TABLE sales.t (n smallint, x numeric(4,2), v varchar(3), d date); INSERT INTO sales.t VALUES (1, 1, 'abc', '2026-11-23')`,
		),
		"sales",
	)
	sql := entitlements.Mask{
		Kind: entitlements.MaskSQL,
		SQL:  []expression.Part{{SQL: "length("}, {Variable: expression.ThisColumn}, {SQL: ")"}},
	}
	when := []expression.Part{{SQL: "n = 1"}}
	for _, test := range []struct {
		column string
		masks  []entitlements.AppliedMask
		want   string
	}{
		{"n", []entitlements.AppliedMask{always(entitlements.Mask{Kind: entitlements.MaskNull})}, "smallint"},
		{"n", []entitlements.AppliedMask{always(entitlements.Mask{Kind: entitlements.MaskHash})}, "smallint"},
		{"n", []entitlements.AppliedMask{always(round("10"))}, "smallint"}, {"n", []entitlements.AppliedMask{always(round("2.5"))}, "numeric"},
		{"n", []entitlements.AppliedMask{{Mask: bucket("5", "low", "high"), When: when}}, "text"},
		{"x", []entitlements.AppliedMask{always(round("10"))}, "numeric"}, {"x", []entitlements.AppliedMask{{Mask: constant("1"), When: when}}, "numeric"},
		{"v", []entitlements.AppliedMask{always(constant("REDACTED"))}, "text"}, {"v", []entitlements.AppliedMask{{Mask: constant("REDACTED"), When: when}}, "text"},
		{"v", []entitlements.AppliedMask{always(sql)}, "integer"}, {"d", []entitlements.AppliedMask{always(truncate("month"))}, "date"},
	} {
		if got, err := masked(t, e, `SELECT pg_typeof(`+test.column+`)::text FROM sales.t`, "t", test.column, test.masks...); err != nil ||
			got != test.want {
			t.Errorf("%s under %+v has the type %s, not %s (%v)", test.column, test.masks, got, test.want, err)
		}
	}
	for column, use := range map[string]string{"n": "n + 1", "x": "round(x, 1)", "v": "upper(v) || v", "d": "extract(year FROM d)"} {
		if _, err := masked(t, e, `SELECT `+use+` FROM sales.t`, "t", column, always(entitlements.Mask{Kind: entitlements.MaskNull})); err != nil {
			t.Errorf("%s is refused of a column that is NULL: %v", use, err)
		}
	}
}

var keyed = []entitlements.Mask{{Kind: entitlements.MaskHash}, {Kind: entitlements.MaskFormatPreserving}}

// Whoever reads the definitions of the views finds no key there, and whoever may read a masked column may not read the
// keys.
func TestNoKeyIsInAView(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	var pads string
	if err := open(t, "postgres", database).QueryRow(`SELECT string_agg(encode(ipad, 'hex') || ' ' || encode(opad, 'hex'), ' ') FROM deputy.keys`).Scan(&pads); err != nil {
		t.Fatal(err)
	}
	for _, mask := range keyed {
		definition, err := masked(
			t,
			e,
			`SELECT pg_get_viewdef('customer_orders'::regclass)`,
			"customer_orders",
			"lastname",
			always(mask),
		)
		if err != nil || !strings.Contains(definition, "deputy.keys") {
			t.Fatalf("the definition of the view cannot be read: %q, %v", definition, err)
		}
		for _, pad := range strings.Fields(pads) {
			if strings.Contains(definition, pad[:16]) || strings.Contains(definition, pad[len(pad)-16:]) {
				t.Errorf("the definition of the view has a key in it: %s", definition)
			}
		}
		if rows, err := masked(t, e, `SELECT ipad FROM deputy.keys`, "customer_orders", "lastname", always(mask)); err == nil {
			t.Errorf("the keys can be read: %s", rows)
		}
	}
}

func TestKeyedMasksDependOnTheKey(t *testing.T) {
	database := newDatabase(t, seed)
	e := newEngine(t, database, "sales")
	for _, mask := range keyed {
		seen := map[string]bool{"Miller": true}
		for _, key := range []string{dataset.HashKey, "another hash key for tests, 32 bytes or more"} {
			setHashKey(t, database, key)
			got, err := masked(
				t,
				e,
				`SELECT lastname FROM sales.customer_orders WHERE id = 1`,
				"customer_orders",
				"lastname",
				always(mask),
			)
			if err != nil || got == "" || seen[got] {
				t.Errorf("%s shows %q under another key too (%v)", mask.Kind, got, err)
			}
			seen[got] = true
		}
	}
}

// The masked column is always the table's own, whatever names the mask's expression uses inside.
func TestColumnsMayHaveAnyName(t *testing.T) {
	names := []string{
		"b",
		"c",
		"d",
		"g",
		"i",
		"k",
		"n",
		"t",
		"block",
		"stream",
		"zero",
		"name",
		"$text",
		`quo"te`,
		"Upper",
		"opad",
		"t.c",
	}
	var columns, values []string
	for _, name := range names {
		columns, values = append(columns, `"`+strings.ReplaceAll(name, `"`, `""`)+`" text`), append(values, `'Abc-123'`)
	}
	e := newEngine(
		t,
		newDatabase(
			t,
			`CREATE SCHEMA sales; CREATE TABLE sales.keys (`+strings.Join(
				columns,
				", ",
			)+`); INSERT INTO sales.keys VALUES (`+strings.Join(
				values,
				", ",
			)+`)`,
		),
		"sales",
	)
	for _, mask := range append(slices.Clone(keyed), entitlements.Mask{Kind: entitlements.MaskRegex, Pattern: "[a-z$]+", Replace: "$text"}, entitlements.Mask{Kind: entitlements.MaskEmail}) {
		want := ""
		for _, name := range names {
			got, err := masked(
				t,
				e,
				`SELECT "`+strings.ReplaceAll(name, `"`, `""`)+`" FROM sales.keys`,
				"keys",
				name,
				always(mask),
			)
			if want == "" {
				want = got
			}
			if err != nil || got != want || got == "Abc-123" {
				t.Errorf("%s of the column %s shows %q, not %q (%v)", mask.Kind, name, got, want, err)
			}
		}
	}
}

// Collations that cannot be used for matching, and those that know other letters, make no difference.
func TestCollationsMakeNoDifference(t *testing.T) {
	database := newDatabase(t, `CREATE SCHEMA sales`)
	if count(t, database, `SELECT count(*) FROM pg_collation WHERE collprovider = 'i'`) == 0 {
		t.Skip("this server has no ICU collations")
	}
	execAs(
		t,
		"dba",
		database,
		`CREATE COLLATION sales.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
		CREATE TABLE sales.t (id int, x text COLLATE sales.loose); INSERT INTO sales.t VALUES (1, 'é@A.example')`,
	)
	e := newEngine(t, database, "sales")
	for _, test := range []struct {
		mask entitlements.Mask
		want string
	}{
		{entitlements.Mask{Kind: entitlements.MaskRegex, Pattern: `\w`, Replace: "x"}, "é@x.xxxxxxx"}, {entitlements.Mask{Kind: entitlements.MaskEmail}, "***@A.example"},
		{entitlements.Mask{Kind: entitlements.MaskPartial, First: 1}, "é**********"}, {constant("x"), "x"},
	} {
		for _, chain := range [][]entitlements.AppliedMask{{always(test.mask)}, {{Mask: test.mask, When: []expression.Part{{SQL: "id = 1"}}}}} {
			if got, err := masked(t, e, `SELECT DISTINCT x FROM sales.t WHERE x > '' ORDER BY x`, "t", "x", chain...); err != nil ||
				got != test.want {
				t.Errorf("%s shows %q, not %q (%v)", test.mask.Kind, got, test.want, err)
			}
		}
	}
	if _, err := masked(t, e, `SELECT x FROM sales.t`, "t", "x", always(keyed[1])); err != nil {
		t.Errorf("%s: %v", keyed[1].Kind, err)
	}
}

// A statement has twenty seconds. If the work for a value grew with the square of its length, this one would take
// minutes.
func TestALongTextIsMaskedWithinTheTimeOfAStatement(t *testing.T) {
	e := newEngine(
		t,
		newDatabase(
			t,
			`CREATE SCHEMA sales; CREATE TABLE sales.t (bio text); INSERT INTO sales.t VALUES (repeat('0123456789 Ångström, ', 25000))`,
		),
		"sales",
	)
	got, err := masked(
		t,
		e,
		`SELECT length(bio), bio ~ '^([0-9]{10} [a-zA-Z]{8}, )+$', bio ~ '0123456789|ngstr' FROM sales.t`,
		"t",
		"bio",
		always(entitlements.Mask{Kind: entitlements.MaskFormatPreserving}),
	)
	if err != nil || got != "525000 true false" {
		t.Errorf("a text of 525000 characters becomes %s: %v", got, err)
	}
}
