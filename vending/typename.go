package vending

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// IsType reports whether the name at a 1-based character position stands where a type does: behind "::", or behind AS
// in CAST(… AS …).
func (d Dialect) IsType(sql string, position int) bool {
	tokens := slices.DeleteFunc(d.tokens(sql), func(t token) bool { return t.kind == tokenComment })
	word := func(i int) string {
		if i < 0 {
			return ""
		}
		return strings.ToLower(sql[tokens[i].start:tokens[i].end])
	}
	for i, t := range tokens {
		if utf8.RuneCountInString(sql[:t.start])+1 != position {
			continue
		}
		if word(i-1) == ":" && word(i-2) == ":" {
			return true
		}
		opening := i - 1
		for depth := 0; opening >= 0 && (depth > 0 || word(opening) != "("); opening-- {
			switch word(opening) {
			case ")":
				depth++
			case "(":
				depth--
			}
		}
		return word(i-1) == "as" && word(opening-1) == "cast"
	}
	return false
}
