package view

import (
	"math"
	"testing"

	"deputy/entitlements"
	"deputy/vending/enginetest/dataset"
)

func TestPartial(t *testing.T) {
	for _, test := range []struct {
		text        string
		first, last int
		want        string
	}{
		{"Abernathy", 1, 1, "A*******y"}, {"Abernathy", 0, 4, "*****athy"}, {"héllo ☂", 2, 1, "hé****☂"},
		{"", 1, 1, ""}, {"ab", 1, 1, "**"}, {"ab", 5, 0, "**"}, {"abc", 1, 1, "a*c"}, {"abc", -1, 1, "**c"},
		{"abc", math.MaxInt, math.MaxInt, "***"}, {"abc", 1, math.MaxInt, "***"},
	} {
		if got := partial(test.text, test.first, test.last); got != test.want {
			t.Errorf("partial(%q, %d, %d) is %q, not %q", test.text, test.first, test.last, got, test.want)
		}
	}
}

func TestEmail(t *testing.T) {
	for text, want := range map[string]string{
		"taylor@example.com": "***@example.com", "a@b@c.example": "***@c.example", "@x": "***@x", "a@b": "***@b", "A@B-1.Example": "***@B-1.Example",
		"": "***", "taylor": "***", "a@": "***", "a@b c": "***", "a@b\n": "***", "a@bücher.example": "***", "a@b.example>": "***", "a@b_c": "***", "555 @ 0199": "***",
	} {
		if got := email(text); got != want {
			t.Errorf("the address %q becomes %q, not %q", text, got, want)
		}
	}
}

func TestKeyedMasksDependOnTheKey(t *testing.T) {
	other := []byte("another hash key for tests, 32 bytes or more")
	for _, mask := range []func([]byte, string) string{hashOf(16), formatPreserving} {
		if one, two := mask([]byte(dataset.HashKey), "Abernathy 555-0199"), mask(other, "Abernathy 555-0199"); one == two {
			t.Errorf("two keys make the same of a value: %q", one)
		}
	}
}

// A pattern that cannot be read here hides everything.
func TestBrokenPatternsShowNothing(t *testing.T) {
	if got := replacer(entitlements.Mask{Pattern: "(", Keep: true})("Abernathy"); got != nil {
		t.Errorf("it shows %v", got)
	}
}
