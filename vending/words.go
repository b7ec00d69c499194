package vending

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Word is a name or a string in a text.
type Word struct {
	Name       string // as the dialect folds it; empty for a string
	Qualifier  string // the name in front of it and of a dot; empty: none
	Start, End int    // byte offsets
	Dotted     bool   // a dot follows
	Operator   string // what follows the dot, where that is an operator
	Escaped    bool   // it is a name written with U&"…", which is not known here
}

// Words returns the names and strings of a text, in their order.
func (d Dialect) Words(sql string) []Word {
	var out []Word
	significant := slices.DeleteFunc(d.tokens(sql), func(t token) bool { return t.kind == tokenComment })
	for i, t := range significant {
		if t.kind != tokenName && t.kind != tokenString {
			continue
		}
		w := Word{Name: t.name, Start: t.start, End: t.end, Dotted: i+1 < len(significant) && significant[i+1].kind == tokenDot}
		w.Escaped = t.kind == tokenString && len(sql) > t.start+2 && sql[t.start+1] == '&' && sql[t.start+2] == '"'
		if w.Dotted && i+2 < len(significant) && significant[i+2].kind == tokenOther {
			rest := sql[significant[i+2].start:]
			w.Operator = rest[:len(rest)-len(strings.TrimLeft(rest, "~!@#^&|`?+-*/%<>="))]
		}
		if i > 1 && significant[i-1].kind == tokenDot && significant[i-2].kind == tokenName {
			w.Qualifier = significant[i-2].name
		}
		out = append(out, w)
	}
	return out
}

// Replace returns the text with other words in it: by the byte offset where the replaced one begins.
func Replace(sql string, words []Word, with map[int]string) Requalified {
	var out strings.Builder
	var edits []edit
	copied, runes := 0, 0
	for _, w := range words {
		word, ok := with[w.Start]
		if !ok {
			continue
		}
		out.WriteString(sql[copied:w.Start])
		runes += utf8.RuneCountInString(sql[copied:w.Start])
		edits = append(edits, edit{runes, utf8.RuneCountInString(sql[w.Start:w.End]), utf8.RuneCountInString(word)})
		out.WriteString(word)
		runes += utf8.RuneCountInString(word)
		copied = w.End
	}
	out.WriteString(sql[copied:])
	return Requalified{out.String(), edits}
}
