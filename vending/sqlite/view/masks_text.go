package view

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"strings"

	"deputy/entitlements"
	"deputy/vending/sqlite/sqltext"
)

// standing is the one text that stands for all that are equal to it in a column.
func standing(e entitlements.Equality, text string) string {
	switch e {
	case entitlements.Folded: // NOCASE folds the letters of ASCII and no others
		return sqltext.Fold(text)
	case entitlements.Trimmed:
		return strings.TrimRight(text, " ")
	}
	return text
}

// hashOf makes so many digits of a text's keyed hash.
func hashOf(digits int) func(key []byte, text string) string {
	return func(key []byte, text string) string {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		return hex.EncodeToString(mac.Sum(nil))[:digits]
	}
}

// formatPreserving puts another digit for each digit and another letter for each letter; what is beyond ASCII becomes a
// letter too. Each block of 16 characters has 32 bytes of key stream, two for each: the HMAC of its number and the
// whole value's hash. The byte ff in front is in no text, so that no hash of another value is ever the key stream of
// this one.
func formatPreserving(key []byte, text string) string {
	const block = sha256.Size / 2
	out := []rune(text)
	whole := sha256.Sum256([]byte(text))
	var stream []byte
	for i, r := range out {
		if i%block == 0 {
			mac := hmac.New(sha256.New, key)
			mac.Write(binary.BigEndian.AppendUint32([]byte{0xff}, uint32(i/block)))
			mac.Write(whole[:])
			stream = mac.Sum(nil)
		}
		n := rune(binary.BigEndian.Uint16(stream[i%block*2:]))
		switch {
		case r >= '0' && r <= '9':
			out[i] = '0' + n%10
		case r >= 'A' && r <= 'Z':
			out[i] = 'A' + n%26
		case r >= 'a' && r <= 'z' || r > 127:
			out[i] = 'a' + n%26
		}
	}
	return string(out)
}

var domain = regexp.MustCompile(`@[A-Za-z0-9.-]+$`)

// email keeps what follows the last @, if it looks like a domain.
func email(text string) any { return "***" + domain.FindString(text) }

// partial keeps the first and last characters. A text that has no more than those is hidden whole.
func partial(text string, first, last int) string {
	runes := []rune(text)
	first, last = max(first, 0), max(last, 0)
	if first >= len(runes) || last >= len(runes)-first {
		return strings.Repeat("*", len(runes))
	}
	return string(runes[:first]) + strings.Repeat("*", len(runes)-first-last) + string(runes[len(runes)-last:])
}

// replacer replaces what the pattern matches, as PostgreSQL would. A pattern that cannot be read hides everything.
func replacer(m entitlements.Mask) func(string) any {
	pattern, err := regexp.Compile(`(?s)` + spaces(m.Pattern))
	if err != nil {
		return func(string) any { return nil }
	}
	pattern.Longest()
	template := escapes.ReplaceAllStringFunc(m.Replace, func(s string) string {
		switch s {
		case `$`:
			return `$$`
		case `\\`:
			return `\`
		}
		return `${` + s[1:] + `}`
	})
	return func(text string) any {
		if !m.Keep && !pattern.MatchString(text) {
			return nil
		}
		return pattern.ReplaceAllString(text, template)
	}
}

var escapes = regexp.MustCompile(`\$|\\[1-9\\]`)

// spaces writes \s and \S out: for PostgreSQL, the vertical tab is a space as well.
func spaces(pattern string) string {
	var out strings.Builder
	inClass := false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c == '\\' && i+1 < len(pattern) {
			i++
			out.WriteString(escaped(pattern[i], inClass))
			continue
		}
		inClass = c == '[' || inClass && c != ']'
		out.WriteByte(c)
	}
	return out.String()
}

func escaped(c byte, inClass bool) string {
	switch {
	case c == 's' && inClass:
		return `\t-\r `
	case c == 's':
		return `[\t-\r ]`
	case c == 'S' && inClass:
		return `\x00-\x08\x0e-\x1f!-\x{10ffff}`
	case c == 'S':
		return `[^\t-\r ]`
	}
	return `\` + string(rune(c))
}
