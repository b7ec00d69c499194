package expectation_test

import (
	"strings"
	"testing"

	"deputy/internal/expectation"
)

// What is read must be what is written: any sentence either is an error or means something to its last word.
func FuzzSentences(f *testing.F) {
	for _, s := range []string{
		`taylor (Marketing, region=US-EAST) via marketing-agent for fraud-investigation on shop: sales."a.b".lastname is masked with constant by "x, y", sees 2 rows`,
		"pii-scanner alone: hr.people is denied", "a via b: c sees no rows, via both", "a via b: c.d is partly masked",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		test, err := expectation.Parse(text)
		if err != nil {
			return
		}
		if test.Who.Agent == "" || len(test.Clauses) == 0 {
			t.Fatalf("%q is read as %+v", text, test)
		}
		for _, c := range test.Clauses {
			if c.Kind == "" || len(c.Table) == 0 || len(c.Table) > 2 || !strings.Contains(text, c.Text) {
				t.Fatalf("%q is read as %+v", text, c)
			}
		}
	})
}
