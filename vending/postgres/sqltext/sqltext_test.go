package sqltext

import (
	"testing"

	"pgregory.net/rapid"
)

// What is quoted is one name to the lexer, and the one that was meant, whatever is in it.
func TestQuotedNameStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-zA-Z"'\\$;. é表-]{1,12}`).Draw(t, "name")
		names := Dialect.Names("SELECT " + Quote(name) + " FROM x")
		if !names[Dialect.Fold(name)] || len(names) != 4 && name != "select" && name != "from" && name != "x" {
			t.Errorf("%q is read as %v", Quote(name), names)
		}
	})
}

func TestPathEndsWithTemporarySchema(t *testing.T) {
	if got := Path([]string{"sales", `a"b`}); got != `"sales", "a""b", pg_temp` {
		t.Errorf("the path is %s", got)
	}
}
