package vending

import (
	"slices"
	"strings"
)

// Word is a name, a string or an operator in a text.
type Word struct {
	Name       string // as the dialect folds it; empty for others
	Operator   string // empty for others
	Qualifier  string // the name in front of it and of a dot; empty: none
	Start, End int    // byte offsets
	Dotted     string // the operator that follows a name and a dot, or a dot alone; empty: no dot follows
	Escaped    bool   // it is a name written with U&"…" and escapes that are not known here
}

// String reports whether the word is a string.
func (w Word) String() bool { return w.Name+w.Operator == "" }

// Alike is the word without its place: two that are alike are looked up in the same way.
func (w Word) Alike() Word {
	w.Start, w.End = 0, 0
	return w
}

const operatorCharacters = "~!@#^&|`?+-*/%<>="

// Words returns the names, strings and operators of a text, in their order.
func (d Dialect) Words(sql string) []Word {
	var out []Word
	tokens := slices.DeleteFunc(d.tokens(sql), func(t token) bool { return t.kind == tokenComment })
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		w := Word{Name: t.name, Start: t.start, End: t.end}
		switch t.kind {
		case tokenName, tokenString:
			w.Escaped = t.kind == tokenString && strings.HasPrefix(sql[t.start+1:t.end], `&"`)
		case tokenOther:
			if w.End = operatorEnd(sql, tokens[i:]); w.End == t.start {
				continue
			}
			w.Operator = sql[t.start:w.End]
		default:
			continue
		}
		if i > 1 && tokens[i-1].kind == tokenDot && tokens[i-2].kind == tokenName {
			w.Qualifier = tokens[i-2].name
		}
		if i+1 < len(tokens) && tokens[i+1].kind == tokenDot {
			w.Dotted = "."
			if end := operatorEnd(sql, tokens[i+2:]); i+2 < len(tokens) && end > tokens[i+2].start {
				w.Dotted = sql[tokens[i+2].start:end]
			}
		}
		out = append(out, w)
		for i+1 < len(tokens) && tokens[i+1].start < w.End {
			i++
		}
	}
	return out
}

// operatorEnd is where the operator ends that the tokens begin with; where they begin, if it is none.
func operatorEnd(sql string, tokens []token) (end int) {
	for i, t := range tokens {
		if i == 0 {
			end = t.start
		}
		if t.start != end || t.kind != tokenOther || !strings.Contains(operatorCharacters, sql[t.start:t.start+1]) {
			break
		}
		end = t.end
	}
	return end
}

// Replace returns the text with other words in it: by the byte offset where the replaced one begins.
func Replace(sql string, words []Word, with map[int]string) Requalified {
	r := newRewriter(sql)
	for _, w := range words {
		if word, ok := with[w.Start]; ok {
			r.exchange(w.Start, w.End, word)
		}
	}
	return r.done()
}
