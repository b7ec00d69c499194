package mistake

import (
	"strings"
	"testing"
)

func TestKeysAreWrittenSoThatTheirPartsCanBeTold(t *testing.T) {
	for got, want := range map[string]string{
		Below("", "tags"):               "tags",
		Below("tags", "PII"):            "tags.PII",
		Below("tags", "PII.Email"):      `tags."PII.Email"`,
		Below("tags", "a[0]"):           `tags."a[0]"`,
		Below("tags", ""):               `tags.""`,
		At("policies", 2):               "policies[2]",
		Below(At("policies", 2), "for"): "policies[2].for",
	} {
		if got != want {
			t.Errorf("a key is written %s, not %s", got, want)
		}
	}
}

func TestTheNearestWord(t *testing.T) {
	known := []string{"grant", "guardrail", "for", "sales.orders", "PII"}
	for word, want := range map[string]string{
		"gant": "grant", "GRANT": "grant", "gaurdrail": "guardrail", "sales.order": "sales.orders", "pii": "PII", "PPI": "PII",
		"fro": "for", "grant": "", "colour": "", "": "", "sales": "", strings.Repeat("x", 100_000): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("by %.20q %q is meant, not %q", word, want, got)
		}
	}
	if hint := Hint("gant", known); hint != `; did you mean "grant"?` {
		t.Errorf("the hint reads %s", hint)
	}
}

func TestAMessageDoesNotListAHundredNames(t *testing.T) {
	if got := Some([]string{"a", "b", "c", "d", "e", "f"}); got != "a, b, c, d and 2 more" {
		t.Error(got)
	}
}
