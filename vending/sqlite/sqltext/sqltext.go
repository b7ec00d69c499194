// Package sqltext is how SQLite's SQL is written: its dialect, and literals.
package sqltext

import (
	"strings"

	"deputy/vending"
)

// Dialect is SQLite's.
var Dialect = vending.Dialect{
	Product: "SQLite", System: "sqlite", Backticks: true, Brackets: true, FoldQuoted: true, Bare: bare,
}

// Quote writes a name.
func Quote(name string) string { return Dialect.Quote(name) }

// Literal writes a text.
func Literal(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }

// Fold is how SQLite compares names: without regard to the case of A to Z, and of nothing else.
func Fold(name string) string { return Dialect.Fold(name) }
