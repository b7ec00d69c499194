package vending

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Size is how many bytes a value takes of an answer, which has it twice: in the structured content and in the text for
// models, and JSON escapes both. It is what Lease.MaxBytes counts.
func Size(value any) int {
	const separators = len(`,`) + len(` | `)
	switch v := value.(type) {
	case nil:
		return len("null") + len("NULL") + separators
	case bool:
		return 2*len(strconv.FormatBool(v)) + separators
	case int64:
		return 2*len(strconv.FormatInt(v, 10)) + separators
	case float64:
		return 2*len(strconv.FormatFloat(v, 'g', -1, 64)) + separators
	case string:
		size := len(`""`) + separators
		if v == "" || v == "NULL" { // in quotes, so that it is told from none
			size += len(`\"\"`)
		}
		return size + sizeOfText(v)
	}
	return 0
}

// sizes are those of ASCII characters, in both forms together.
var sizes = func() (out [utf8.RuneSelf]uint8) {
	for c := range out {
		structured, text := 1, 1
		switch {
		case c == '"':
			structured, text = len(`\"`), len(`\"`)
		case c == '\\':
			structured, text = len(`\\`), len(`\\\\`)
		case c == '|':
			text = len(`\\|`)
		case c == '\n':
			structured, text = len(`\n`), len(`\\n`)
		case c == '\r', c == '\t', c == '\b', c == '\f':
			structured, text = len(`\n`), len(`\\u{d}`)
		case c == '<', c == '>', c == '&', c == 0x7f:
			structured, text = len(`\u003c`), len(`\\u{7f}`)
		case c < ' ':
			structured, text = len(`\u0001`), len(`\\u{1f}`)
		}
		out[c] = uint8(structured + text)
	}
	return out
}()

func sizeOfText(s string) (size int) {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			size += int(sizes[c])
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			size += len(`\ufffd`) + len(`\\xff`)
		case r > 0xffff && unicode.Is(unicode.Cf, r):
			size += len(`\udb40\udc41`) + len(`\\u{e0041}`)
		case unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			size += max(n, len(`\u2028`)) + len(`\\u{10ffff}`)
		default:
			size += 2 * n
		}
		i += n
	}
	return size
}
