package selector

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A name that comes back as another would be the name of another table.
func TestNamesComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.StringN(1, -1, -1), rapid.StringMatching(`[a."*?]{1,4}`))
		parts := rapid.SliceOfN(part, 1, 3).Draw(t, "parts")
		got, err := Split(Join(parts...))
		if err != nil || !slices.Equal(got, parts) {
			t.Fatalf("%q comes back as %q (%v)", parts, got, err)
		}
		s, err := Parse(Join(parts...))
		if err != nil || !s.Exact() || len(s.pattern) != len(parts) {
			t.Fatalf("%q is no selector of one thing: %v, %v", parts, s, err)
		}
	})
}

func TestWhatIsNoName(t *testing.T) {
	for _, text := range []string{"", "a.", ".a", "sales.*", "a b", `"a`, `"a"b`, `""`} {
		if parts, err := Split(text); err == nil {
			t.Errorf("%q is read as %q", text, parts)
		}
	}
}
