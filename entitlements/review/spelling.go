package review

import (
	"regexp"
	"strings"
	"unicode"

	"deputy/internal/mistake"
)

// part is one of the words that a name is put together of: Sales and EU of SalesEU.
var part = regexp.MustCompile(`\p{Lu}*\p{Ll}+|\p{Lu}+|\p{L}+`)

// Names are put together of short words that differ by a letter or two and are meant to: Sales-EU and Sales-US. The
// fewer letters a word has, the less of it may differ in a typing error.
const (
	fewLetters  = 4  // From so many on, a letter may be missing, be one too many, or stand behind the next one.
	someLetters = 6  // From so many on, a letter may be another one.
	manyLetters = 10 // From so many on, two letters may be different.
)

// meant is the known name that this one, which is not known itself, was probably meant to be; empty: there is none.
func meant(name string, known []string) (out string) {
	for _, k := range known {
		if k == name {
			return ""
		}
		if out == "" && misspells(name, k) {
			out = k
		}
	}
	return out
}

// misspells reports whether two names are probably two spellings of one. Names that differ in their digits are
// different names.
func misspells(a, b string) bool {
	if len(a) < fewLetters || a == b || digits(a) != digits(b) {
		return false
	}
	if letters(a) == letters(b) {
		return letters(a) != ""
	}
	as, bs := part.FindAllString(a, -1), part.FindAllString(b, -1)
	if len(as) != len(bs) {
		return false
	}
	different := 0
	for i := range as {
		x, y := strings.ToLower(as[i]), strings.ToLower(bs[i])
		if x == y {
			continue
		}
		if different++; different > 1 || x[0] != y[0] || !mistyped([]rune(x), []rune(y)) {
			return false
		}
	}
	return different == 1
}

// mistyped reports whether two words differ by no more than a typing error.
func mistyped(a, b []rune) bool {
	whole := []string{string(a), string(b)}
	if len(a) > len(b) {
		a, b = b, a
	}
	start, end := 0, 0 // How many letters are the same at the start and at the end.
	for start < len(a) && a[start] == b[start] {
		start++
	}
	for end < len(a)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	a, length := a[start:len(a)-end], len(a)
	b = b[start : len(b)-end]
	switch {
	case len(a) == 0 && len(b) == 1:
		return length >= fewLetters
	case len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]:
		return length >= fewLetters
	case len(a) == 1 && len(b) == 1:
		return length >= someLetters
	}
	return length >= manyLetters && mistake.Nearest(whole[0], whole[1:]) != ""
}

// letters are those of a name in lower case, with its digits, without what stands between them.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

func digits(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name)
}
