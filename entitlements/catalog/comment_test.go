package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"deputy/entitlements/catalog"
)

func TestTagsInAComment(t *testing.T) {
	for _, test := range []struct{ comment, description, tags string }{
		{"", "", ""},
		{"where to write to", "where to write to", ""},
		{"where to write to #PII.Email", "where to write to", "PII.Email"},
		{"#PII.Email where to write to", "where to write to", "PII.Email"},
		{"where #PII.Email to write to", "where to write to", "PII.Email"},
		{"#PII", "", "PII"},
		{"#PII #EU", "", "PII EU"},
		{"#PII\n#EU\tname", "name", "PII EU"},
		{"#PII#EU", "", "PII EU"},
		{"a name #PII, never shown. #EU.", "a name, never shown..", "PII EU"},
		{"(#PII) [#EU,#Secret]", "() [,]", "PII EU Secret"},
		{"twice #PII and #PII", "twice and", "PII"},
		{"##PII", "#", "PII"},
		{"#_internal #data-2 #a.b.c", "", "_internal data-2 a.b.c"},
		{"a sentence about #PII.", "a sentence about.", "PII"},
		{"of #PII.2024", "of.2024", "PII"},
		{"#pii", "", "pii"}, // letter by letter, as everywhere

		{"written in C# or F#", "written in C# or F#", ""},
		{"page#anchor, wiki/#anchor and &#39;", "page#anchor, wiki/#anchor and &#39;", ""},
		{"the #1 reason, ticket #4711", "the #1 reason, ticket #4711", ""},
		{"a # alone, #", "a # alone, #", ""},
		{"#.PII #-PII", "#.PII #-PII", ""},
		{"#Größe", "#Größe", ""},
		{"the colour #fff", "the colour", "fff"},
		{"the colour #0af", "the colour #0af", ""},
		{"naïve#PII", "naïve#PII", ""},
	} {
		description, tags := catalog.SplitComment(test.comment)
		if description != test.description || !slices.Equal(tags, strings.Fields(test.tags)) {
			t.Errorf("%q is %q with the tags %q, not %q with %q", test.comment, description, tags, test.description, test.tags)
		}
	}
}
