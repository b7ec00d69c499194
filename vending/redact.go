package vending

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Redact takes out of a statement whatever may be a value: strings of every kind, numbers, comments, and quoted names,
// since people write strings like them. Plain words and operators stay.
//
// Here the lexer is a lock, and no database checks what it says. So wherever an engine, or whoever wrote the text, may
// have meant it in another way (a backslash in quotes, a word glued to one, a dollar sign that begins nothing, a quote
// that is never closed), everything from there on is dropped.
func (d Dialect) Redact(sql string) string {
	tokens := d.tokens(sql)
	sure := len(tokens)
	if sure > 0 && d.open(sql, tokens[sure-1]) { // any quote of those before may be the one too many
		sure = slices.IndexFunc(tokens, func(t token) bool { return quoted(sql, t) })
	}
	var out strings.Builder
	for i, t := range tokens {
		text := sql[t.start:t.end]
		switch {
		case i == sure, d.doubtful(sql, tokens, i):
			return out.String() + "?…"
		case t.kind == tokenComment && strings.TrimSpace(text) != "":
			out.WriteByte(' ')
		case quoted(sql, t), number(sql, t):
			out.WriteByte('?')
		// b'…', n'…': part of it
		case t.kind == tokenName && len(text) == 1 && i+1 < len(tokens) && tokens[i+1].kind == tokenString:
		default:
			out.WriteString(text)
		}
	}
	return out.String()
}

// quoted reports whether the token is a string, or a name that is written like one.
func quoted(sql string, t token) bool {
	return t.kind == tokenString || t.kind == tokenName && !isNameStart(sql[t.start])
}

func number(sql string, t token) bool {
	return t.kind == tokenOther && sql[t.start] >= '0' && sql[t.start] <= '9'
}

// open reports whether the text ends before the quote does.
func (d Dialect) open(sql string, t token) bool {
	return quoted(sql, t) && d.next(sql+" ", t.start).end > len(sql)
}

// doubtful reports whether the text may mean something else, from this token on, than the lexer takes it for.
func (d Dialect) doubtful(sql string, tokens []token, i int) bool {
	t := tokens[i]
	text, rest := sql[t.start:t.end], sql[t.end:]
	switch {
	case strings.HasPrefix(text, "--"): // engines do not agree on what ends a line
		return strings.HasPrefix(rest, "\r") && !strings.HasPrefix(rest, "\r\n")
	case strings.HasPrefix(text, "/*"): // nor on comments in comments
		return !d.NestedComments && strings.Contains(text[2:], "/*")
	case quoted(sql, t):
		escapes := t.kind == tokenString && strings.ContainsAny(text[:1], "eE")
		glued := rest != "" && (isNameStart(rest[0]) || strings.ContainsAny(rest[:1], "0123456789'\"`$"))
		return glued || strings.Contains(text, `\`) && !escapes
	case t.kind == tokenName: // typographic quotes are letters to the engines, and so are the digits of other scripts
		first, _ := utf8.DecodeRuneInString(text)
		return unicode.IsDigit(first) ||
			strings.ContainsFunc(text, func(r rune) bool { return r != '_' && !unicode.In(r, unicode.L, unicode.M, unicode.Nd) })
	case t.kind == tokenOther && !number(sql, t):
		return !strings.Contains("+-*/<>=~!@#%^&|(),:?[]", text)
	}
	return false
}
