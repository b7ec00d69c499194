package catalog

import (
	"regexp"
	"slices"
	"strings"
)

// TagName is the pattern of a tag: words that are joined by dots.
const TagName = `[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*`

var tagName = regexp.MustCompile(`^` + TagName + `$`)

// IsTag reports whether the word can be a tag.
func IsTag(word string) bool { return tagName.MatchString(word) }

// hashWord is a # and what is written onto it, unless a letter, a digit, a slash or an ampersand stands right before:
// C#, the anchor of an address and &#39; are no tags.
var hashWord = regexp.MustCompile(`(^|[^\pL\pN_/&])((?:#[\pL\pN_.-]+)+)`)

// SplitComment takes the tags out of a comment that a platform keeps on a schema, table or column, and returns what
// remains as its description: "where to write to #PII.Email" is the tag PII.Email on something described as "where to
// write to".
//
// Every word that could be a tag is one, the colour #fff too: a tag that no policy names does nothing, and one that was
// meant and not seen would leave a column clear. A number, #1, cannot be a tag and stays in the description.
func SplitComment(comment string) (description string, tags []string) {
	description = hashWord.ReplaceAllStringFunc(comment, func(found string) string {
		before, words, _ := strings.Cut(found, "#")
		rest := ""
		for word := range strings.SplitSeq(words, "#") {
			tag := longestTag(word)
			if tag == "" {
				rest += "#" + word
				continue
			}
			if !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
			rest += word[len(tag):]
		}
		if rest == "" || !strings.HasPrefix(rest, "#") {
			before = strings.TrimRight(before, " \t\r\n")
		}
		return before + rest
	})
	return strings.TrimSpace(description), tags
}

// longestTag is the tag that a word begins with. It ends with the word or at a dot: the end of a sentence, or a part
// that is no tag.
func longestTag(word string) string {
	for !tagName.MatchString(word) {
		dot := strings.LastIndexByte(word, '.')
		if dot < 0 {
			return ""
		}
		word = word[:dot]
	}
	return word
}
