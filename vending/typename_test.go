package vending

import (
	"strings"
	"testing"
)

// A name is a type by what stands around it.
func TestNameIsType(t *testing.T) {
	d := Dialect{DollarQuotes: true, EscapeStrings: true, NestedComments: true}
	for sql, want := range map[string]bool{
		`SELECT 'é'::@s.st`:                        true,
		`SELECT 'a' :: /* x */ @"S".st[]`:          true,
		`SELECT CAST ((1 + (2)) AS @s.st)`:         true,
		`SELECT cast(x AS @st)`:                    true,
		`SELECT x AS @st`:                          false,
		`SELECT CAST(x AS int) AS @st`:             false,
		`SELECT (SELECT x AS @st FROM t)`:          false,
		`@SELECT 1`:                                false,
		`SELECT CAST((SELECT a AS @st) AS s.st)`:   false,
		`SELECT 1 FROM @s.st`:                      false,
		`SELECT 1 FROM s.st, LATERAL (SELECT @x))`: false,
	} {
		at := len([]rune(sql[:strings.Index(sql, "@")])) + 1
		if got := d.IsType(strings.Replace(sql, "@", "", 1), at); got != want {
			t.Errorf("%s: %v", sql, got)
		}
	}
}

// Semicolons in front of a statement and behind it go, and each character stays where it is.
func TestSemicolonsAroundStatementGo(t *testing.T) {
	d := Dialect{DollarQuotes: true, EscapeStrings: true, NestedComments: true}
	for sql, want := range map[string]string{
		"SELECT 1;;":                       "SELECT 1",
		";SELECT 1":                        " SELECT 1",
		" ; /* ; */;SELECT 1 ; -- ;\n ; ":  "   /* ; */ SELECT 1 ",
		"SELECT ';'; SELECT 2;":            "SELECT ';'; SELECT 2",
		"SELECT 1 -- ;":                    "SELECT 1 -- ;",
		";;":                               "",
		"":                                 "",
		"SELECT 1\n-- the end\n;\n-- more": "SELECT 1\n-- the end\n",
	} {
		if got := d.Trim(sql); got != want {
			t.Errorf("%q becomes %q, not %q", sql, got, want)
		}
	}
}
