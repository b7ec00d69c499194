package postgres_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lib/pq"
	"github.com/ncruces/go-sqlite3"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/sqlite"
)

// patterns are what administrators write, and what may look the same and mean something else elsewhere.
var patterns = []struct{ match, replace string }{
	{
		`[0-9]`,
		`#`,
	}, {`\d`, `#`}, {`\d+`, `<>`}, {`\D+`, `-`}, {`\w+`, `w`}, {`\W`, `_`}, {`\s`, `_`}, {`\s+`, ``}, {`\S+`, `x`},
	{
		`[\s\d]`,
		`.`,
	}, {`[^\s]`, `.`}, {`[\S]`, `.`}, {`[^\S]`, `.`}, {`[\W]`, `.`}, {`[^\w@.]`, `.`}, {`.`, `*`}, {`.+`, `x`}, {`^.`, `_`}, {`.$`, `_`},
	{
		`^.+$`,
		`all`,
	}, {`^[a-z]+`, `\\`}, {`[a-z]+$`, `$1 $0 ${1} $$`}, {`a|ab`, `<>`}, {`ab|a`, `<>`}, {`a|ab|abc`, `<>`}, {`(a|ab)(c|bcd)`, `<>`}, {`(?:a|ab)+`, `<>`},
	{
		`(a|b|ab)+`,
		`<>`,
	}, {`(\d{3})-(\d{4})`, `\1-xxxx`}, {`(\d{3})-(\d{4})`, `\2\1\2`}, {`^(\d\d).*$`, `\1`}, {`(.)(.)`, `\2\1`}, {`(a)|(b)`, `[\1\2]`},
	{
		`^([^@]+)@(.+)$`,
		`\2`,
	}, {`^(.)[^@]*@`, `\1***@`}, {`[^@]+@`, `\\1@`}, {`(x)?y`, `(\1)`}, {`a{2}`, `A`}, {`a{2,}`, `A`}, {`a{1,3}b`, `A`}, {`a{0,1}b`, `A`}, {`b{1,255}`, `B`},
	{
		`\.`,
		`!`,
	}, {`\\`, `/`}, {`\$`, `S`}, {`\^`, `A`}, {`\(\d+\)`, `()`}, {`\[`, `(`}, {`\{`, `(`}, {`[\]\[]`, `|`}, {`[\-a]`, `|`}, {`[-a]`, `|`}, {`[a-]`, `|`}, {`[+*?.(){}^$|]`, `.`},
	{
		`é`,
		`e`,
	}, {`[é☂]`, `?`}, {`[à-ö]`, `?`}, {`[^a-z]`, `_`}, {`[A-z]`, `x`}, {"\n", `\\n`}, {"[\t\v]", `T`}, {`a.b`, `dot`}, {`^a|b$`, `<>`}, {`(^a|b$)`, `<>`},
	{
		`(foo|foobar)`,
		`\1!`,
	}, {`(a+)(b+)`, `\2`}, {`((a)(b))`, `\3\2`}, {`'`, `''`}, {`"`, `"`}, {`;--`, ``}, {`\@`, `at`}, {`\ `, `_`}, {`\_`, `-`}, {`\-`, `_`}, {`^\+?[0-9]+`, `+`},
	{
		`[[:alpha:]]`,
		`a`,
	}, {`\b`, `b`}, {`(?i)a`, `b`}, {`a+?`, `b`}, {`a*`, `b`}, {`x|`, `b`}, {`^*a`, `b`}, {`a{300}`, `b`}, {`a**`, `b`}, {`(^)+a`, `b`}, {`[a-c-e]`, `b`}, {`[\d-z]`, `b`},
	{
		`($)+`,
		`b`,
	}, {`(|a)b`, `b`}, {`()a`, `b`}, {`(a*)+b`, `\1`}, {`(a|ab)(c|bcd)(d?)`, `\1,\2,\3`}, {`***=a`, `b`}, {`a{2}{3}`, `b`}, {`a{,3}b`, `b`}, {`[^]a]`, `b`}, {`[z-a]`, `b`}, {`a^b`, `b`}, {`a$b`, `b`},
}

var texts = []string{
	``, `a`, `ab`, `abc`, `abcd`, `aab`, `aaab`, `aaaa`, `abab`, `ba`, `b`, `xy`, `y`, `axb`, "a\nb", "a b\tc\vd\fe\rf", `555-0199 and 555-0123`, `+47 22 55 01 99`, `taylor@example.com`,
	`a@b@c.example`, `@`, `Ærlig é à ö ☂`, `foobar foo`, `a.b`, `(12) [3] {4} \5 $6 ^7`, `x'y"z;--`, `-_- `, "\u00a0nbsp\u2003em", `ABCxyz_[]`, "line\n", `e+1*2?3|4`, "\x1c\x1f\x7f", `१२३`, `x😀y`,
}

// FuzzPatterns: whatever pattern the policies accept, both engines take it, and what it hides is the same.
func FuzzPatterns(f *testing.F) {
	for _, p := range patterns {
		f.Add(p.match, p.replace, true)
		f.Add(p.match, p.replace, false)
	}
	var rows []string
	for i, text := range texts {
		rows = append(rows, fmt.Sprintf("(%d, %s)", i, pq.QuoteLiteral(text)))
	}
	pg := newEngine(
		f,
		newDatabase(
			f,
			`CREATE SCHEMA sales; CREATE TABLE sales.texts (id integer, note text); INSERT INTO sales.texts VALUES `+strings.Join(
				rows,
				", ",
			),
		),
		"sales",
	)
	lite := newSQLite(f)
	catalog, err := pg.Catalog(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, match, replace string, keep bool) {
		mask := entitlements.Mask{Kind: entitlements.MaskRegex, Pattern: match, Replace: replace, Keep: keep}
		_, problems := entitlements.Compile(
			entitlements.Config{
				Catalog:  catalog,
				Policies: []entitlements.Policy{{Name: "p", Mask: entitlements.Selectors{"sales.texts.note"}, With: &mask}},
			},
		)
		if entitlements.Fatal(problems) {
			t.Skip("refused")
		}
		read := func(e vending.Engine) (out []string) {
			access := entitlements.Access{Table: catalog.Tables[0].TableName, Columns: []entitlements.ColumnAccess{
				{
					Column: catalog.Tables[0].Columns[0],
				}, {Column: catalog.Tables[0].Columns[1], Masks: []entitlements.AppliedMask{{Mask: mask}}}}}
			l := lease("patterns01", `SELECT id, note FROM sales.texts ORDER BY id`)
			l.Access = []entitlements.Access{access}
			result, err := e.Run(t.Context(), l)
			if err != nil {
				t.Fatalf("%T does not take %q: %v", e, match, err)
			}
			for _, row := range result.Rows {
				out = append(out, fmt.Sprintf("%q", row[1]))
			}
			return out
		}
		one, other := read(pg), read(lite)
		for i := range texts {
			if one[i] != other[i] {
				t.Errorf("%q, %q make of %q %s on PostgreSQL and %s on SQLite", match, replace, texts[i], one[i], other[i])
			}
		}
	})
}

func newSQLite(t testing.TB) vending.Engine {
	path := filepath.Join(t.TempDir(), "sales.db")
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(`CREATE TABLE texts (id integer, note text)`); err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		if err := db.Exec(fmt.Sprintf(`INSERT INTO texts VALUES (%d, '%s')`, i, strings.ReplaceAll(text, "'", "''"))); err != nil {
			t.Fatal(err)
		}
	}
	e, err := sqlite.Open(sqlite.Config{Path: path, Schema: "sales"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}
