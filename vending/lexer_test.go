package vending

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var (
	postgresDialect = Dialect{DollarQuotes: true, EscapeStrings: true, NestedComments: true}
	sqliteDialect   = Dialect{Backticks: true, Brackets: true, FoldQuoted: true}
)

// point exchanges sales for v when the table is orders.
func point(schema, table string) (string, bool) {
	return `"vended"`, schema == "sales" && table == "orders"
}

func TestRequalify(t *testing.T) {
	for _, test := range []struct {
		name    string
		dialect Dialect
		sql     string
		want    string
	}{
		{"a table", postgresDialect, `SELECT * FROM sales.orders`, `SELECT * FROM "vended".orders`},
		{"a column", postgresDialect, `SELECT sales.orders.id FROM sales.orders`, `SELECT "vended".orders.id FROM "vended".orders`},
		{"another table", postgresDialect, `SELECT * FROM sales.other`, `SELECT * FROM sales.other`},
		{"no schema", postgresDialect, `SELECT * FROM orders`, `SELECT * FROM orders`},
		{"another case", postgresDialect, `FROM SALES.Orders`, `FROM "vended".Orders`},
		{"quoted names", postgresDialect, `FROM "sales"."orders"`, `FROM "vended"."orders"`},
		{"quoted names are another name in another case", postgresDialect, `FROM "Sales".orders`, `FROM "Sales".orders`},
		{"not in SQLite", sqliteDialect, `FROM "Sales"."ORDERS"`, `FROM "vended"."ORDERS"`},
		{"space and comments around the dot", postgresDialect, "FROM sales /* . */ . -- x\n orders", "FROM \"vended\" /* . */ . -- x\n orders"},
		{"behind the database", postgresDialect,
			`SELECT db.sales.orders.id FROM DB . "sales".orders`,
			`SELECT db."vended".orders.id FROM DB . "vended".orders`},
		{"behind another database", postgresDialect,
			`SELECT * FROM other.sales.orders, "DB".sales.orders`,
			`SELECT * FROM other.sales.orders, "DB".sales.orders`},
		{"the last parts of a longer name", postgresDialect, `SELECT x.db.sales.orders`, `SELECT x.db.sales.orders`},
		{"a table like the database", postgresDialect, `SELECT sales.db.sales.orders`, `SELECT sales.db.sales.orders`},
		{"strings", postgresDialect, `SELECT 'sales.orders', 'it''s sales.orders'`, `SELECT 'sales.orders', 'it''s sales.orders'`},
		{"an escaped quote", postgresDialect, `SELECT E'\' sales.orders', sales.orders`, `SELECT E'\' sales.orders', "vended".orders`},
		{"a backslash is nothing special without E", postgresDialect, `SELECT '\', sales.orders, ''`, `SELECT '\', "vended".orders, ''`},
		{"nor in SQLite, where E is a name", sqliteDialect, `SELECT E'\', sales.orders, ''`, `SELECT E'\', "vended".orders, ''`},
		{"dollar quotes", postgresDialect, `SELECT $$sales.orders$$, $a$ $$ sales.orders $a$, sales.orders`, `SELECT $$sales.orders$$, $a$ $$ sales.orders $a$, "vended".orders`},
		{"a parameter is no dollar quote", postgresDialect, `SELECT $1, sales.orders, $1`, `SELECT $1, "vended".orders, $1`},
		{"a dollar inside a name is no quote", postgresDialect, `SELECT a$b$, sales.orders, c$b$`, `SELECT a$b$, "vended".orders, c$b$`},
		{"no dollar quotes in SQLite", sqliteDialect, `SELECT $a, sales.orders, $a`, `SELECT $a, "vended".orders, $a`},
		{"Unicode escapes", postgresDialect,
			`SELECT U&"s\0061l\+000065s".orders, U&'sales.orders'`,
			`SELECT "vended".orders, U&'sales.orders'`},
		{"Unicode escapes with another sign", postgresDialect,
			`FROM U&"s!0061les" /* */ UESCAPE '!' .orders`,
			`FROM U&"s!0061les" /* */ UESCAPE '!' .orders`},
		{"a comment", postgresDialect, "SELECT 1 -- sales.orders\n, sales.orders", "SELECT 1 -- sales.orders\n, \"vended\".orders"},
		{"a nested comment", postgresDialect, `/* /* */ sales.orders */ sales.orders`, `/* /* */ sales.orders */ "vended".orders`},
		{"comments do not nest in SQLite", sqliteDialect, `/* /* */ sales.orders`, `/* /* */ "vended".orders`},
		{"backticks", sqliteDialect, "FROM `sales`.`orders`", "FROM \"vended\".`orders`"},
		{"brackets", sqliteDialect, `FROM [sales].[orders]`, `FROM "vended".[orders]`},
		{"a closing bracket cannot be doubled", sqliteDialect, `SELECT [a]], sales.orders, [b]`, `SELECT [a]], "vended".orders, [b]`},
		{"brackets are array subscripts elsewhere", postgresDialect, `SELECT a[sales.orders.id]`, `SELECT a["vended".orders.id]`},
		{"a number's dot", postgresDialect, `SELECT 1.5, .5, 1., 1e5, sales.orders`, `SELECT 1.5, .5, 1., 1e5, "vended".orders`},
		{"several", postgresDialect, `FROM sales.orders, sales.orders o, sales.other`, `FROM "vended".orders, "vended".orders o, sales.other`},
		{"an open string", postgresDialect, `SELECT 'sales.orders`, `SELECT 'sales.orders`},
		{"an open comment", postgresDialect, `SELECT 1 /* sales.orders`, `SELECT 1 /* sales.orders`},
		{"an open dollar quote", postgresDialect, `SELECT $x$ sales.orders`, `SELECT $x$ sales.orders`},
		{"a name at the end", postgresDialect, `sales.`, `sales.`},
	} {
		if got := test.dialect.Requalify(test.sql, "db", point).SQL; got != test.want {
			t.Errorf("%s: %s\nbecomes %s\nnot     %s", test.name, test.sql, got, test.want)
		}
	}
}

// Every character of the new text that was not exchanged is where it came from in the old one.
func TestOriginal(t *testing.T) {
	for _, sql := range []string{
		`SELECT x FROM sales.orders WHERE y`, `sales.orders, sales.orders, z`, `SELECT 'é☂', sales.orders.é FROM sales.orders ☂`, `no name`,
	} {
		for _, word := range []string{"t", "sales", "a_long_word"} {
			r := postgresDialect.Requalify(
				sql,
				"",
				func(schema, table string) (string, bool) { return word, schema == "sales" },
			)
			was, is := []rune(sql), []rune(r.SQL)
			for i := range is {
				if got := r.Original(i + 1); got < 1 || got > len(was) {
					t.Errorf("%s: position %d is mapped to %d", r.SQL, i+1, got)
				} else if strings.ContainsRune("éxyz☂,'", is[i]) && was[got-1] != is[i] {
					t.Errorf("%s: %c at %d is mapped to %c at %d of %s", r.SQL, is[i], i+1, was[got-1], got, sql)
				}
			}
		}
	}
}

func TestTrim(t *testing.T) {
	for sql, want := range map[string]string{
		`SELECT 1`: `SELECT 1`, `SELECT 1;`: `SELECT 1`, "SELECT 1 ; -- x\n /* y */ ": `SELECT 1 `, `SELECT 1 -- x`: `SELECT 1 -- x`,
		`SELECT 1;;`:         `SELECT 1`,
		`SELECT 1; SELECT 2`: `SELECT 1; SELECT 2`, `SELECT ';'`: `SELECT ';'`, `SELECT ';`: `SELECT ';`,
		`SELECT $$;$$`: `SELECT $$;$$`, `SELECT ";"`: `SELECT ";"`, `SELECT 1 /* ; */`: `SELECT 1 /* ; */`, `;`: ``, ``: ``,
	} {
		if got := postgresDialect.Trim(sql); got != want {
			t.Errorf("%q is trimmed to %q, not to %q", sql, got, want)
		}
	}
}

func TestSeveral(t *testing.T) {
	for sql, want := range map[string]bool{
		`SELECT 1`: false, `SELECT 1;`: false, `SELECT 1; -- x`: false, `SELECT ';', $$;$$, ";" /* ; */`: false,
		`SELECT 1; SELECT 2`: true, `SELECT 1;;`: false, `; SELECT 1`: false,
	} {
		if got := postgresDialect.Several(sql); got != want {
			t.Errorf("%q is several statements: %v", sql, got)
		}
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct {
		dialect Dialect
		sql     string
		want    []string
	}{
		{postgresDialect, `Select "Ab", cD FROM 'x' -- y`, []string{"Ab", "cd", "from", "select"}},
		{sqliteDialect, "Select \"Ab\", [cD], `eF` FROM 'x' -- y", []string{"ab", "cd", "ef", "from", "select"}},
		{postgresDialect, `"a""b"`, []string{`a"b`}},
		{sqliteDialect, `É "É"`, []string{"É"}},
	} {
		if got := slices.Sorted(maps.Keys(test.dialect.Names(test.sql))); !slices.Equal(got, test.want) {
			t.Errorf("the names in %s are %q, not %q", test.sql, got, test.want)
		}
	}
	// A name of the catalog is found in a text that has it as it is.
	for _, name := range []string{"orders", "Orders", "É", "ẞ", "K"} {
		if !sqliteDialect.Names("SELECT " + name)[sqliteDialect.Fold(name)] {
			t.Errorf("%s is not among its own names", name)
		}
	}
}

func TestNameAt(t *testing.T) {
	const sql = `SELECT 'é', a.b, "c d" FROM sales.orders.id x`
	for position, want := range map[int]string{13: "a.b", 18: `"c d"`, 29: "sales.orders.id", 8: "", 1: "SELECT", 0: "", 99: ""} {
		if got := postgresDialect.NameAt(sql, position); got != want {
			t.Errorf("at %d of %s stands %q, not %q", position, sql, got, want)
		}
	}
}

// FuzzLexer: whatever the text, tokens cover it without gaps, an exchange that exchanges nothing leaves it alone, one
// that exchanges a word for itself does too, and positions stay inside.
func FuzzLexer(f *testing.F) {
	for _, s := range []string{
		`SELECT sales.orders.id FROM sales.orders`, `'it''s' "a""b" [x]] y`, "`q`.`r`", `E'\'' U&"x" U&'y' $a$b$a$ $1 a$b`, `/* /* */ */ -- x`,
		"1.5e3.x .5 a.b.c.d", "\xff'\xfe\"", `"`, `'`, `[`, `$`, `$$`, `E'\`, "\x00", `.`, `a.`, `.a`, `;;`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for _, d := range []Dialect{postgresDialect, sqliteDialect, {}} {
			at := 0
			for _, token := range d.tokens(sql) {
				if token.start != at || token.end <= at {
					t.Fatalf("a token from %d to %d follows one that ends at %d", token.start, token.end, at)
				}
				at = token.end
			}
			if at != len(sql) {
				t.Fatalf("the tokens end at %d of %d", at, len(sql))
			}
			if r := d.Requalify(
				sql,
				"db",
				func(_, _ string) (string, bool) { return "", false },
			); r.SQL != sql ||
				r.Original(1) != 1 {
				t.Fatalf("nothing was exchanged, but the text is %q", r.SQL)
			}
			r := d.Requalify(sql, "", func(_, _ string) (string, bool) { return "a_word_of_another_length", true })
			characters := utf8.RuneCountInString(sql)
			for i := range utf8.RuneCountInString(r.SQL) {
				if p := r.Original(i + 1); p < 1 || p > characters {
					t.Fatalf("position %d of %q is mapped to %d of %d", i+1, r.SQL, p, characters)
				}
			}
			if !strings.HasPrefix(sql, d.Trim(sql)) {
				t.Fatalf("trimming changes the text to %q", d.Trim(sql))
			}
			d.Several(sql)
			d.NameAt(sql, characters/2)
		}
	})
}

func ExampleDialect_Requalify() {
	d := Dialect{DollarQuotes: true}
	r := d.Requalify(
		`SELECT 'sales.orders', id FROM sales.orders WHERE nope`,
		"",
		func(schema, table string) (string, bool) {
			return "vended_4tq9z0c1xk", schema == "sales"
		},
	)
	fmt.Println(r.SQL)
	fmt.Println(r.Original(strings.Index(r.SQL, "nope") + 1))
	// Output:
	// SELECT 'sales.orders', id FROM vended_4tq9z0c1xk.orders WHERE nope
	// 51
}
