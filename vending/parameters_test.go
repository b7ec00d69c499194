package vending

import (
	"strings"
	"testing"
)

// A placeholder is a colon with a name right behind it, wherever the lexer takes neither for a part of something else.
func TestPlaceholdersAreFound(t *testing.T) {
	for sql, want := range map[string]string{
		`SELECT :a, :b_2, :a`:                  `a b_2`,
		`SELECT x::text, :a::text, ':b', ":c"`: `a`,
		"SELECT 1 -- :a\n, /* :b */ :c":        `c`,
		`SELECT $$ :a $$, E'\':b', :c`:         `c`,
		`SELECT x[1:2], x[1 : n], : a`:         ``,
		`SELECT :A`:                            `A`,
		`SELECT :"a", :1, :`:                   ``,
		`SELECT a:::b`:                         ``,
		`SELECT x = any(:ids)`:                 `ids`,
		`:a`:                                   `a`,
		``:                                     ``,
	} {
		if got := strings.Join(postgresDialect.Placeholders(sql), " "); got != want {
			t.Errorf("%s has the placeholders %q, not %q", sql, got, want)
		}
	}
}

func TestPlaceExchangesWholeNames(t *testing.T) {
	got := postgresDialect.Place(`SELECT ':a', :a, :ab, x::a FROM é WHERE :a`, func(name string) (string, bool) {
		return "<" + name + ">", name == "a"
	})
	if want := `SELECT ':a', <a>, :ab, x::a FROM é WHERE <a>`; got != want {
		t.Errorf("%s\nand not %s", got, want)
	}
}
