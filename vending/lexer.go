package vending

import (
	"slices"
	"strings"
	"unicode/utf8"

	"deputy/entitlements"
)

// Dialect says what an engine's language is called and how it writes strings, identifiers and comments; the lexer knows
// nothing more of it.
//
// The lexer is a convenience, never a lock: it finds names so that schema-qualified tables can be pointed at their
// vended views. Where it errs, a name stays as it was and the database refuses it.
type Dialect struct {
	Product string // what people call it: PostgreSQL
	System  string // what OpenTelemetry calls it, as db.system.name: postgresql

	DollarQuotes   bool // $tag$ … $tag$
	EscapeStrings  bool // E'it\'s', and U&"…"
	NestedComments bool // /* /* */ */
	Backticks      bool // `name`
	Brackets       bool // [name]
	FoldQuoted     bool // quoted names are compared without case too
	NameBytes      int  // what is longer is cut off a name, but for half a character; 0: nothing

	// Bare reports whether a name means itself when it is written without quotes, wherever a name can stand: it is in
	// the case that the engine folds to, and no word of the language. Nil: no name does.
	Bare func(name string) bool
}

type tokenKind int

const (
	tokenOther tokenKind = iota // operators, numbers, punctuation: one byte or one word each
	tokenName
	tokenDot
	tokenSemicolon
	tokenString
	tokenComment // white space and comments
)

type token struct {
	kind       tokenKind
	start, end int    // byte offsets
	name       string // for tokenName: the name it means, folded as the dialect folds it
}

// empty reports whether the token is nothing between two statements.
func (t token) empty() bool { return t.kind == tokenComment || t.kind == tokenSemicolon }

// Names returns every identifier in the text, folded.
func (d Dialect) Names(sql string) map[string]bool {
	names := map[string]bool{}
	for _, t := range d.tokens(sql) {
		if t.kind == tokenName {
			names[t.name] = true
		}
	}
	return names
}

// Fold returns a catalog name as Names would return it.
func (d Dialect) Fold(name string) string {
	if d.FoldQuoted {
		return asciiLower(name)
	}
	return name
}

// Quote writes a name so that the engine takes it letter by letter. This is the one place where a name is quoted for
// SQL.
func (d Dialect) Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// QuoteTable writes a table's name with its schema.
func (d Dialect) QuoteTable(t entitlements.TableName) string {
	return d.Quote(t.Schema) + "." + d.Quote(t.Name)
}

// Trim cuts the semicolons that people write behind a statement, with the comments and space around them, and blanks
// those in front of it, so that each character stays where it is. A semicolon between statements stays, for the
// database to refuse.
func (d Dialect) Trim(sql string) string {
	tokens := d.tokens(sql)
	end := len(sql)
	for n := len(tokens) - 1; n >= 0 && tokens[n].empty(); n-- {
		if tokens[n].kind == tokenSemicolon {
			end = tokens[n].start
		}
	}
	var blank strings.Builder
	for _, t := range tokens {
		if !t.empty() || t.start >= end {
			break
		}
		if t.kind == tokenSemicolon {
			blank.WriteString(sql[blank.Len():t.start] + " ")
		}
	}
	return blank.String() + sql[blank.Len():end]
}

// Requalified is a text in which schema words were exchanged.
type Requalified struct {
	SQL   string
	edits []edit
}

type edit struct{ at, was, is int } // offset in the new text and lengths, in characters

// Requalify exchanges the schema word of every name "schema.table" for which replace returns true, and of every
// "database.schema.table" if database is not empty. replace gets folded names and returns the word to write, quoted if
// it has to be.
func (d Dialect) Requalify(
	sql, database string,
	replace func(schema, table string) (string, bool),
) Requalified {
	var significant []token
	for _, t := range d.tokens(sql) {
		if t.kind != tokenComment {
			significant = append(significant, t)
		}
	}
	r := newRewriter(sql)
	for i := 0; i+2 < len(significant); i++ {
		if !qualified(significant[i:]) || i > 0 && significant[i-1].kind == tokenDot {
			continue
		}
		word, ok := replace(significant[i].name, significant[i+2].name)
		if !ok && database != "" && significant[i].name == database && qualified(significant[i+2:]) {
			i += 2
			word, ok = replace(significant[i].name, significant[i+2].name)
		}
		if ok {
			r.exchange(significant[i].start, significant[i].end, word)
		}
	}
	return r.done()
}

// qualified reports whether the tokens begin with a name, a dot and a name.
func qualified(tokens []token) bool {
	return len(tokens) > 2 && tokens[0].kind == tokenName && tokens[1].kind == tokenDot && tokens[2].kind == tokenName
}

// At is which of the exchanged words, from 0, begins at a 1-based character position in the new text; -1: none.
func (r Requalified) At(position int) int {
	return slices.IndexFunc(r.edits, func(e edit) bool { return e.at+1 == position })
}

// rewriter exchanges words of a text, from its beginning to its end, and keeps account of where they stood.
type rewriter struct {
	sql           string
	out           strings.Builder
	edits         []edit
	copied, runes int
}

func newRewriter(sql string) *rewriter { return &rewriter{sql: sql} }

// exchange writes a word in place of what stands between two byte offsets.
func (r *rewriter) exchange(start, end int, word string) {
	before, was := r.sql[r.copied:start], utf8.RuneCountInString(r.sql[start:end])
	r.out.WriteString(before)
	r.runes += utf8.RuneCountInString(before)
	r.edits = append(r.edits, edit{r.runes, was, utf8.RuneCountInString(word)})
	r.out.WriteString(word)
	r.runes += utf8.RuneCountInString(word)
	r.copied = end
}

func (r *rewriter) done() Requalified {
	r.out.WriteString(r.sql[r.copied:])
	return Requalified{r.out.String(), r.edits}
}

// Original maps a 1-based character position in the new text to one in the caller's text.
func (r Requalified) Original(position int) int {
	shift := 0
	for _, e := range r.edits {
		switch {
		case position > e.at+e.is:
			shift += e.was - e.is
		case position > e.at: // inside the exchanged word: its first character
			return e.at + 1 + shift
		}
	}
	return position + shift
}

func (d Dialect) tokens(sql string) []token {
	var out []token
	for i := 0; i < len(sql); {
		t := d.next(sql, i)
		out = append(out, t)
		i = t.end
	}
	return out
}

func (d Dialect) next(sql string, i int) token {
	c := sql[i]
	rest := sql[i:]
	switch {
	case c == ' ' || c >= '\t' && c <= '\r':
		return token{kind: tokenComment, start: i, end: i + 1}
	case strings.HasPrefix(rest, "--"):
		return token{kind: tokenComment, start: i, end: i + lineEnd(rest)}
	case strings.HasPrefix(rest, "/*"):
		return token{kind: tokenComment, start: i, end: i + d.commentEnd(rest)}
	case c == '\'':
		return token{kind: tokenString, start: i, end: i + quotedEnd(rest, '\'', false)}
	case c == '"' || c == '`' && d.Backticks:
		return d.quotedName(sql, i, c)
	case c == '[' && d.Brackets:
		return d.bracketedName(sql, i)
	case c == '$' && d.DollarQuotes:
		if end := dollarEnd(rest); end > 0 {
			return token{kind: tokenString, start: i, end: i + end}
		}
		return token{start: i, end: i + 1}
	case c == '.':
		return token{kind: tokenDot, start: i, end: i + 1}
	case c == ';':
		return token{kind: tokenSemicolon, start: i, end: i + 1}
	case c >= '0' && c <= '9':
		return token{start: i, end: i + numberEnd(rest)}
	case isNameStart(c):
		return d.word(sql, i)
	}
	return token{start: i, end: i + 1}
}

func (d Dialect) word(sql string, i int) token {
	end := i
	for end < len(sql) && (isNameStart(sql[end]) || sql[end] >= '0' && sql[end] <= '9' || sql[end] == '$') {
		end++
	}
	word := sql[i:end]
	if d.EscapeStrings && end < len(sql) && sql[end] == '\'' && strings.EqualFold(word, "e") {
		return token{kind: tokenString, start: i, end: end + quotedEnd(sql[end:], '\'', true)}
	}
	if d.EscapeStrings && strings.EqualFold(word, "u") && end+1 < len(sql) && sql[end] == '&' &&
		(sql[end+1] == '"' || sql[end+1] == '\'') {
		return d.unicodeQuoted(sql, i)
	}
	return token{kind: tokenName, start: i, end: end, name: d.cut(asciiLower(word))}
}

func (d Dialect) quotedName(sql string, i int, closing byte) token {
	end := i + quotedEnd(sql[i:], closing, false)
	name := strings.TrimSuffix(sql[i+1:end], string(closing))
	name = strings.ReplaceAll(name, string([]byte{closing, closing}), string(closing))
	return token{kind: tokenName, start: i, end: end, name: d.cut(d.Fold(name))}
}

// bracketedName ends at the first closing bracket: unlike a quote, it cannot be doubled.
func (d Dialect) bracketedName(sql string, i int) token {
	name, _, closed := strings.Cut(sql[i+1:], "]")
	end := i + 1 + len(name)
	if closed {
		end++
	}
	return token{kind: tokenName, start: i, end: end, name: d.Fold(name)}
}

func (d Dialect) commentEnd(s string) int {
	depth := 1
	for i := 2; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		case d.NestedComments && strings.HasPrefix(s[i:], "/*"):
			depth++
			i += 2
		default:
			i++
		}
	}
	return len(s)
}

func lineEnd(s string) int {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		return i
	}
	return len(s)
}

// quotedEnd is the offset behind the closing quote of s, whose first byte opens it. A doubled quote is part of the
// text.
func quotedEnd(s string, closing byte, backslash bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case backslash && s[i] == '\\':
			i++
		case s[i] == closing && i+1 < len(s) && s[i+1] == closing:
			i++
		case s[i] == closing:
			return i + 1
		}
	}
	return len(s)
}

func dollarEnd(s string) int {
	tag := 1
	for tag < len(s) && (isNameStart(s[tag]) || tag > 1 && s[tag] >= '0' && s[tag] <= '9') {
		tag++
	}
	if tag >= len(s) || s[tag] != '$' {
		return 0
	}
	delimiter := s[:tag+1]
	if end := strings.Index(s[tag+1:], delimiter); end >= 0 {
		return tag + 1 + end + len(delimiter)
	}
	return len(s)
}

// numberEnd reads a number with its dot and exponent, so that the dot in 1.5 is not one between names.
func numberEnd(s string) int {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.' || isNameStart(s[i])) {
		i++
	}
	return i
}

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}

// asciiLower folds as both engines do for unquoted names: only A to Z.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Empty reports whether nothing but space, comments and semicolons is in the text.
func (d Dialect) Empty(sql string) bool {
	for _, t := range d.tokens(sql) {
		if !t.empty() {
			return false
		}
	}
	return true
}

// Reads reports whether the text begins as a read does.
func (d Dialect) Reads(sql string) bool {
	for _, t := range d.tokens(sql) {
		if t.kind != tokenComment {
			return sql[t.start:t.end] == "(" || slices.Contains([]string{"select", "with", "values", "table"}, t.name)
		}
	}
	return false
}

// Several reports whether a semicolon stands between statements.
func (d Dialect) Several(sql string) bool {
	for _, t := range d.tokens(d.Trim(sql)) {
		if t.kind == tokenSemicolon {
			return true
		}
	}
	return false
}

// NameAt returns the possibly qualified name that begins at a 1-based character position, as it was written; "" if
// there is none.
func (d Dialect) NameAt(sql string, position int) string {
	at, runes := -1, 1
	for i := range sql {
		if runes == position {
			at = i
			break
		}
		runes++
	}
	tokens := d.tokens(sql)
	for i, t := range tokens {
		if t.start != at || t.kind != tokenName {
			continue
		}
		end := t.end
		for i+2 < len(tokens) && tokens[i+1].kind == tokenDot && tokens[i+2].kind == tokenName {
			i += 2
			end = tokens[i].end
		}
		return sql[t.start:end]
	}
	return ""
}
