package entitlements_test

import (
	"strings"
	"testing"

	"deputy/entitlements"
)

// What these patterns match, and what their groups hold, is the same in every engine; vending/postgres compares.
func TestPatternsThatMeanTheSameEverywhere(t *testing.T) {
	for _, p := range []struct{ match, replace string }{
		{`\d`, "#"}, {`[0-9]{3}-?[0-9]{4}`, "x"}, {`^(\d\d).*$`, `\1`}, {`^([^@]+)@(.+)$`, `\2`}, {`[\w.]+@`, `\\@`}, {`(?:foo|foobar)+`, "$1"}, {`[-a]|[a-]|[\-\]\[]`, ""},
		{`(foo|bar)-\d+`, `\1-0`}, {`(a)|(b)`, `\1\2`}, {`(x)?y`, `\1`}, {`\{a{2}\}`, ""}, {`a{0,255}b`, ""}, {"a\nb", ""}, {`\$ \^ \\`, ""}, {`[^\s\d]`, "x"}, {`[^*+?{}^$|]`, "x"},
	} {
		mask := entitlements.Mask{Kind: entitlements.MaskRegex, Pattern: p.match, Replace: p.replace}
		if err := mask.Check(); err != nil {
			t.Errorf("%s, replaced by %s, is refused: %v", p.match, p.replace, err)
		}
	}
	for _, p := range []struct{ match, replace, says string }{
		{``, "", "needs match"}, {`(`, "", "cannot be read"}, {strings.Repeat("a", 501), "", "longer"}, {"\xff", "", "plain text"},
		{`a*`, "", "where nothing is"}, {`x|`, "", "where nothing is"}, {`^`, "", "where nothing is"}, {`(a*)*`, "", "where nothing is"}, {`a{0}`, "", "where nothing is"},
		{`a\b`, "", "not understood"}, {`\x41`, "", "not understood"}, {`\pL`, "", "not understood"}, {`\1`, "", "cannot be read"}, {`(?i)a`, "", "not understood"}, {`a+?`, "", "not understood"},
		{`[[:alpha:]]`, "", "class"}, {`[a-c-e]`, "", "class"}, {`[\d-z]`, "", "class"}, {`[^]a]`, "", "class"}, {`^*a`, "", "repeated"}, {`a$+`, "", "repeated"}, {`a{256}`, "", "255"}, {`a{1,300}`, "", "255"}, {`a{,3}b`, "", "write \\{"},
		{`(a)`, `\2`, "the pattern has 1"}, {`a`, `\0`, "in replace"}, {`a`, `\&`, "in replace"}, {`a`, `\`, "in replace"}, {`a`, "\xff", "plain text"},
		{`(a|ab)(c|bcd)`, `\1`, "does not hold the same"}, {`(foo|foobar)`, `\1`, "does not hold the same"}, {`(ab|\w)c`, `\1`, "does not hold the same"}, {`(a+|^b)c`, `\1`, "does not hold the same"},
		{`(a*)+b`, `\1`, "does not hold the same"}, {`(ab){2}`, `\1`, "does not hold the same"}, {`(|a)b`, `\1`, "does not hold the same"}, {`(a*|b)c`, `\1`, "does not hold the same"},
	} {
		mask := entitlements.Mask{Kind: entitlements.MaskRegex, Pattern: p.match, Replace: p.replace}
		if err := mask.Check(); err == nil || !strings.Contains(err.Error(), p.says) {
			t.Errorf("%s, replaced by %s, gets the answer %v, without %q", p.match, p.replace, err, p.says)
		}
	}
}
