package gate

import (
	"testing"

	"deputy/vending/postgres/nodetree"
)

// What a node cannot be told by is refused, and so is a field.
func TestUnknownNodesAreRefused(t *testing.T) {
	g := &Gate{}
	for text, want := range map[string]string{
		`{VAR :varno 1}`: "", `{VAR :varno 1 :newtype 26}`: "VAR.newtype", `{NEWEXPR :varno 1}`: "NEWEXPR",
		`{BOOLEXPR :args ({JSONFANCY :a 1})}`: "JSONFANCY",
	} {
		tree, err := nodetree.ParseExpression(text)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range g.Refused(tree).Forbidden {
			got = f.Name
		}
		if got != want {
			t.Errorf("%s: refused is %q and not %q", text, got, want)
		}
	}
}
