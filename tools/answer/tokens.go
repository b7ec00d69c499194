package answer

import (
	"unicode/utf8"
)

// Tokens is about how many tokens a text takes of a model's context at most. It knows no vocabulary: it parts the text
// as tokenizers do, into words, numbers, punctuation and the rest, and charges each part what such parts cost in o200k
// where they cost much. Words of people's languages cost a third to a half of it. What no person writes can cost more:
// characters drawn at random from all that there are an eighth, Han and Hangul at random up to a half.
func Tokens[T []byte | string](text T) int {
	total := 0
	for i := 0; i < len(text); {
		kind, end := part(text, i)
		total += cost(text[i:end], kind)
		i = end
	}
	return total
}

// kind is a kind of part that tokenizers do not join with others.
type kind int

const (
	letters   kind = iota // of ASCII, with the space before them
	digits                // of ASCII
	sentences             // characters outside of ASCII
	marks                 // punctuation, white space and control characters of ASCII
)

func kindOf(c byte) kind {
	switch {
	case c >= utf8.RuneSelf:
		return sentences
	case c >= '0' && c <= '9':
		return digits
	case c|' ' >= 'a' && c|' ' <= 'z':
		return letters
	}
	return marks
}

// part is the kind of the part that begins at i, and where it ends.
func part[T []byte | string](text T, i int) (kind, int) {
	first := kindOf(text[i])
	if text[i] == ' ' && i+1 < len(text) && kindOf(text[i+1]) == letters {
		return letters, wordEnd(text, i+1)
	}
	if first == letters {
		return letters, wordEnd(text, i)
	}
	end := i + 1
	for end < len(text) && kindOf(text[end]) == first {
		if text[end] == ' ' && end+1 < len(text) && kindOf(text[end+1]) == letters {
			break
		}
		end++
	}
	return first, end
}

// wordEnd is where a word ends: tokenizers part aB, and take ABc as one.
func wordEnd[T []byte | string](text T, i int) int {
	lower := false
	for i < len(text) && kindOf(text[i]) == letters {
		if text[i] >= 'a' {
			lower = true
		} else if lower {
			break
		}
		i++
	}
	return i
}

func cost[T []byte | string](p T, k kind) int {
	switch k {
	case letters:
		if p[0] == ' ' {
			p = p[1:]
		}
		if spoken(p) {
			return (len(p) + 2) / 3
		}
		return (3*len(p) + 3) / 4
	case digits:
		return (len(p) + 2) / 3
	case sentences:
		return costOfRunes(p)
	}
	return costOfMarks(p)
}

func costOfMarks[T []byte | string](p T) int {
	last := 0
	if n := len(p); n > 1 && p[n-1] == ' ' && p[n-2] != ' ' { // no word follows that it could be a part of
		p, last = p[:n-1], 1
	}
	switch structure := onlyStructure(p); {
	case structure && len(p) <= 6:
		return last + (len(p)+2)/3
	case structure:
		return last + (3*len(p)+4)/5
	}
	return last + (7*len(p)+9)/10
}

// spoken reports whether a word looks like one that people speak, and not like letters in any order.
func spoken[T []byte | string](word T) bool {
	const longest = 20
	var vowels, inRow, capitals int
	wasVowel := false
	for _, c := range []byte(word) {
		vowel := false
		switch c | ' ' {
		case 'a', 'e', 'i', 'o', 'u', 'y':
			vowel = true
			vowels++
		}
		if c < 'a' {
			capitals++
		}
		if vowel != wasVowel {
			inRow = 0
		}
		inRow++
		wasVowel = vowel
		if vowel && inRow > 2 || inRow > 3 {
			return false
		}
	}
	mixed := capitals > 1 && capitals < len(word)
	return len(word) == 1 || len(word) <= longest && !mixed && 4*vowels >= len(word)
}

// onlyStructure reports whether the part is of what JSON and tables are made of, which tokenizers know in groups.
func onlyStructure[T []byte | string](p T) bool {
	for _, c := range []byte(p) {
		switch c {
		case '"', ',', ':', '[', ']', '{', '}', ' ', '|':
		default:
			return false
		}
	}
	return true
}

// costOfRunes charges characters of scripts that tokenizers were taught half of their bytes, and all others each byte.
func costOfRunes[T []byte | string](p T) int {
	halves := 0
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRuneInString(string(p[i:min(i+utf8.UTFMax, len(p))]))
		if taught(r) {
			halves += n
		} else {
			halves += 2 * n
		}
		i += n
	}
	return (halves + 1) / 2
}

// scripts are the ranges of characters of which o200k has most as one token.
var scripts = [][2]rune{
	{0xa0, 0xff},     // Latin, and signs
	{0x384, 0x3ce},   // Greek
	{0x400, 0x45f},   // Cyrillic
	{0x531, 0x587},   // Armenian
	{0x5d0, 0x5ea},   // Hebrew
	{0x60c, 0x6d3},   // Arabic, Persian, Urdu
	{0x900, 0xdff},   // of India and Ceylon
	{0xe00, 0xe5b},   // Thai
	{0x1000, 0x104f}, // Burmese
	{0x10d0, 0x10ff}, // Georgian
	{0x1780, 0x17e9}, // Khmer
	{0x1e00, 0x1eff}, // Vietnamese
	{0x2010, 0x2027}, // dashes and quotes
	{0x3000, 0x30ff}, // Japanese
	{0x4e00, 0x9fff}, // Chinese
	{0xac00, 0xd7a3}, // Korean
	{0xff01, 0xff5e}, // wide forms
}

func taught(r rune) bool {
	for _, s := range scripts {
		if r <= s[1] {
			return r >= s[0]
		}
	}
	return false
}
