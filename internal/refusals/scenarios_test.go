package refusals

import (
	"testing"
)

// scenarios are what befalls a call, by the words that the page has for it.
var scenarios = map[string]func(t *testing.T, on string) said{}
