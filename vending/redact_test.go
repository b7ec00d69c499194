package vending

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var (
	postgresLike = Dialect{DollarQuotes: true, EscapeStrings: true, NestedComments: true}
	sqliteLike   = Dialect{Backticks: true, Brackets: true, FoldQuoted: true}
)

func TestRedactedTextShowsWhatWasAskedAndNoValue(t *testing.T) {
	for _, c := range []struct {
		dialect Dialect
		sql     string
		want    string
	}{
		{postgresLike, `SELECT total FROM sales.orders WHERE lastname = 'Lindqvist' AND total > 1234.50`, `SELECT total FROM sales.orders WHERE lastname = ? AND total > ?`},
		{postgresLike, `SELECT E'it\'s', $$a$$, $t$b$t$, B'0101', x'1F', N'c', U&'d'`, `SELECT ?, ?, ?, ?, ?, ?, ?`},
		{postgresLike, "SELECT 1 -- Lindqvist\n+ /* Lind /* q */ vist */ .5e10", "SELECT ?  \n+   .?"},
		{postgresLike, `SELECT o."total" FROM orders o LIMIT 10`, `SELECT o.? FROM orders o LIMIT ?`},
		{postgresLike, `SELECT a[1]::text || 'x'::text`, `SELECT a[?]::text || ?::text`},
		{sqliteLike, "SELECT `a b`, [c d], \"Lindqvist\", x'00' FROM orders", "SELECT ?, ?, ?, ? FROM orders"},
		{sqliteLike, "SELECT größe FROM orders", "SELECT größe FROM orders"},

		// What may be meant in another way is dropped, with all that follows.
		{postgresLike, `SELECT 1 WHERE a = 'it\'s Lindqvist' AND b = 'c'`, `SELECT ? WHERE a = ?…`},
		{postgresLike, `SELECT 1 WHERE a = 'it's Lindqvist' AND b = c`, `SELECT ? WHERE a = ?…`},
		{postgresLike, `SELECT 1 WHERE a = 'dogs' Lindqvist'`, `SELECT ? WHERE a = ?…`},
		{postgresLike, `SELECT 1 WHERE a = 'it's Lindqvist's'`, `SELECT ? WHERE a = ?…`},
		{postgresLike, `SELECT 1 WHERE a = 'it\' Lindqvist ' '`, `SELECT ? WHERE a = ?…`},
		{postgresLike, "SELECT ‘Lindqvist’", "SELECT ?…"},
		{postgresLike, "SELECT `Lindqvist`", "SELECT ?…"},
		{postgresLike, "SELECT a$Lindqvist$", "SELECT ?…"},
		{sqliteLike, "SELECT $$Lindqvist$$", "SELECT ?…"},
		{sqliteLike, "SELECT 1 /* a /* b */ Lindqvist */", "SELECT ? ?…"},
		{sqliteLike, "SELECT 1 -- a\rLindqvist", "SELECT ? ?…"},
		{postgresLike, "SELECT a FROM t WHERE b = ４９２９１２３４", "SELECT a FROM t WHERE b = ?…"},
		{sqliteLike, "SELECT a FROM t WHERE b = ٤٩٢٩", "SELECT a FROM t WHERE b = ?…"},
		{sqliteLike, "SELECT \uFFFDLindqvist", "SELECT ?…"},
		{sqliteLike, "", ""},
	} {
		if got := c.dialect.Redact(c.sql); got != c.want {
			t.Errorf("%q becomes %q, not %q", c.sql, got, c.want)
		}
	}
}

// literals are the ways to write a value, in the languages of the engines and of others.
var literals = []string{
	"'%s'", "E'%s'", "e'\\'%s\\''", "''''||'%s'", "'it''s %s'", "'it\\'s %s'", "'it's %s'", "'it's %s's'", "'x\\' %s ' '", "B'%s'", "X'%s'", "N'%s'", "U&'%s'", "U&\"%s\"", "\"%s\"", "\"a\"\"%s\"",
	"`%s`", "[%s]", "$$%s$$", "$t$%s$t$", "$t$ $$ %s $t$", "/*%s*/", "/* /* */ %s */", "/*'*/'%s'", "--%s\n", "-- '\n'%s'", "--x\r\n'%s'", "--x\r'%s'\n", "‘%s’", "“%s”", "«%s»", "\\'%s\\'",
	"'%s", "$$%s", "/*%s", " 1%s", "$1$%s$1$", "a$%s$", "\x00'%s'", "\uFFFD'%s'", "q'[%s]'", "{d '%s'}", "E'\\\\'||'%s'", "'\\'||'%s'",
}

var around = []string{
	"SELECT ",
	"WHERE a = ",
	" AND ",
	"b",
	", ",
	"(",
	")",
	" ",
	"\n",
	"::text",
	"a.b",
	"||",
	"=",
	"",
	";",
}

func TestNoLiteralSurvivesRedaction(t *testing.T) {
	for name, dialect := range map[string]Dialect{"postgres": postgresLike, "sqlite": sqliteLike} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				var sql strings.Builder
				var values []string
				for i := range rapid.IntRange(1, 6).Draw(t, "literals") {
					sql.WriteString(strings.Join(rapid.SliceOfN(rapid.SampledFrom(around), 1, 4).Draw(t, "around"), ""))
					value := fmt.Sprintf(
						"%d%s",
						7000+i,
						rapid.StringMatching(`[a-z]{0,3}(''|[ A-Z]){1,3}[0-9a-z]{0,3}`).Draw(t, "value"),
					)
					values = append(values, value[:4])
					fmt.Fprintf(&sql, rapid.SampledFrom(literals).Draw(t, "quotes"), value)
				}
				got := dialect.Redact(sql.String())
				for _, v := range values {
					if strings.Contains(got, v) {
						t.Fatalf("%s of %q survives in %q", v, sql.String(), got)
					}
				}
			})
		})
	}
}

// Whatever the text is, what comes out holds no quote and no number, and redacting it changes nothing that could be a
// value.
func FuzzRedact(f *testing.F) {
	for _, l := range literals {
		f.Add(fmt.Sprintf("SELECT "+l+" FROM t", "Lindqvist"))
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for _, d := range []Dialect{postgresLike, sqliteLike} {
			got := d.Redact(sql)
			if strings.ContainsAny(got, "'\"`\\$\x00") {
				t.Errorf("%q becomes %q", sql, got)
			}
			for _, token := range d.tokens(strings.TrimSuffix(got, "?…")) {
				if number(got, token) || quoted(got, token) && !d.Brackets {
					t.Errorf("%q becomes %q, with a value in it", sql, got)
				}
			}
		}
	})
}
