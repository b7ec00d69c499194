package entitlements

import (
	"regexp"
	"strings"
)

// commentTag is a tag as people write it into a database comment: #PII.Email. A # inside a word is none.
var commentTag = regexp.MustCompile(`(^|\s)#([A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*)`)

// SplitComment takes the tags out of a comment that a platform keeps on a schema, table or column, and returns what remains as its
// description: "where to write to #PII.Email" is the tag PII.Email on something described as "where to write to".
func SplitComment(comment string) (description string, tags []string) {
	for _, found := range commentTag.FindAllStringSubmatch(comment, -1) {
		tags = appendOnce(tags, found[2])
	}
	return strings.TrimSpace(commentTag.ReplaceAllString(comment, "$1")), tags
}
