package vending

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unicodeQuoted reads U&'text' or U&"name". A name that is not known here, because UESCAPE gives it another escape or
// because it ends in half of one, is a string: see Word.Escaped.
func (d Dialect) unicodeQuoted(sql string, i int) token {
	quote := sql[i+2]
	t := token{kind: tokenString, start: i, end: i + 2 + quotedEnd(sql[i+2:], quote, false)}
	if quote == '\'' || d.escapes(sql, t.end) {
		return t
	}
	name := strings.TrimSuffix(sql[i+3:t.end], `"`)
	if name, ok := unescape(strings.ReplaceAll(name, `""`, `"`)); ok && name != "" {
		t.kind, t.name = tokenName, d.cut(name)
	}
	return t
}

// escapes reports whether the next word is UESCAPE.
func (d Dialect) escapes(sql string, at int) bool {
	for at < len(sql) {
		t := d.next(sql, at)
		if t.kind != tokenComment {
			return t.kind == tokenName && t.name == "uescape"
		}
		at = t.end
	}
	return false
}

// unescape gives \XXXX and \+XXXXXX their characters, and \\ its one. ok: the text holds nothing else with a
// backslash.
func unescape(text string) (out string, ok bool) {
	var b strings.Builder
	var high rune // the first half of a pair, which the second has to follow
	for text != "" {
		before, rest, escape := strings.Cut(text, `\`)
		if high != 0 && before != "" || escape && rest == "" {
			return "", false
		}
		b.WriteString(before)
		if text = rest; !escape {
			break
		}
		if strings.HasPrefix(text, `\`) {
			if high != 0 {
				return "", false
			}
			b.WriteByte('\\')
			text = text[1:]
			continue
		}
		digits := 4
		if strings.HasPrefix(text, "+") {
			text, digits = text[1:], 6
		}
		if len(text) < digits {
			return "", false
		}
		code, err := strconv.ParseUint(text[:digits], 16, 32)
		if err != nil {
			return "", false
		}
		text = text[digits:]
		r := rune(code)
		switch pair := utf16.DecodeRune(high, r); {
		case high != 0 && pair == utf8.RuneError:
			return "", false
		case high != 0:
			r, high = pair, 0
		case utf16.IsSurrogate(r):
			high = r
			continue
		}
		if r == 0 || !utf8.ValidRune(r) {
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), high == 0
}

// cut is a name as the engine keeps it: its first bytes, in whole characters.
func (d Dialect) cut(name string) string {
	if d.NameBytes == 0 || len(name) <= d.NameBytes {
		return name
	}
	end := d.NameBytes
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}
