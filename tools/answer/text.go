package answer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is the copy for models: a table, one line for each row, whatever the cells hold, so that no cell can pass itself
// off as anything else.
func (a *Answer) Text() string {
	made := a.copies()
	out := make([]byte, 0, len(made.text)+1024)
	out = a.aboveRows(out)
	out = append(out, made.text...)
	return string(a.belowRows(out))
}

func (a *Answer) aboveRows(out []byte) []byte {
	out = append(append(out, Count(a.RowCount, "row")...), ". "...)
	out = append(append(out, Note...), '\n')
	for i, c := range a.Columns {
		out = appendHeading(bar(out, i), c)
	}
	return append(out, '\n')
}

// appendHeading names a column with its type, and marks a masked one, whatever it is called in the result. The notices
// name the policy.
func appendHeading(out []byte, c Column) []byte {
	out = AppendEscaped(out, c.Name)
	switch {
	case c.Type != "" && c.MaskedBy != "":
		return append(AppendEscaped(append(out, " ("...), c.Type), ", masked)"...)
	case c.Type != "":
		return append(AppendEscaped(append(out, " ("...), c.Type), ')')
	case c.MaskedBy != "":
		return append(out, " (masked)"...)
	}
	return out
}

func (a *Answer) belowRows(out []byte) []byte {
	out = append(out, '\n')
	for _, notice := range a.Notices {
		out = append(AppendEscaped(append(out, "Notice: "...), notice), '\n')
	}
	if a.Role != roleOf(a.AuditID) {
		out = append(AppendEscaped(append(out, "Role "...), a.Role), ". "...)
	}
	out = AppendEscaped(append(out, "Audit id "...), a.AuditID)
	return append(out, '.')
}

// appendLine is a row of the text.
func appendLine(out []byte, row []any) []byte {
	for i, value := range row {
		out = appendCell(bar(out, i), value)
	}
	return append(out, '\n')
}

// bar stands before all cells of a line but the first.
func bar(out []byte, i int) []byte {
	if i > 0 {
		return append(out, " | "...)
	}
	return out
}

// appendCell tells NULL from the text NULL and from no text.
func appendCell(out []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(out, "NULL"...)
	case string:
		if v == "" || v == "NULL" {
			return strconv.AppendQuote(out, v)
		}
		return AppendEscaped(out, v)
	case bool, int64, float64:
		return appendValue(out, value)
	}
	return AppendEscaped(out, string(appendValue(nil, value)))
}

// Line is the cells of a table's line, escaped, with bars between them.
func Line(cells ...string) string {
	var out []byte
	for i, c := range cells {
		out = AppendEscaped(bar(out, i), c)
	}
	return string(append(out, '\n'))
}

// Escape keeps a value on its line and in its column, and makes visible what a reader could not see.
func Escape(s string) string {
	if !strings.ContainsFunc(s, special) && utf8.ValidString(s) {
		return s
	}
	return string(AppendEscaped(nil, s))
}

// AppendEscaped appends what Escape makes of s.
func AppendEscaped(out []byte, s string) []byte {
	plain := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && !special(rune(c)) {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if n > 1 && !special(r) {
			i += n
			continue
		}
		out = append(out, s[plain:i]...)
		switch {
		case r == '\n':
			out = append(out, `\n`...)
		case r == '|' || r == '\\':
			out = append(out, '\\', c)
		case r == utf8.RuneError:
			out = fmt.Appendf(out, `\x%02x`, c)
		default:
			out = fmt.Appendf(out, `\u{%x}`, r)
		}
		i += n
		plain = i
	}
	return append(out, s[plain:]...)
}

func special(r rune) bool { return r == '|' || r == '\\' || hidden(r) }

// hidden are characters that a reader could not see, or that move what comes after them.
func hidden(r rune) bool {
	if r < unicode.MaxASCII { // nearly always
		return r < ' '
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Count is a number of things in words.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
