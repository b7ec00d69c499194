package view

import (
	"testing"

	"deputy/entitlements/mask"
)

// Of a kind without a function, nothing is shown: safe, and of no use.
func TestEachMaskHasItsFunction(t *testing.T) {
	for _, kind := range mask.Kinds() {
		if cells[kind] == nil {
			t.Errorf("the mask %s is in the table of entitlements/mask, and cells has no function for it", kind)
		}
	}
	if known := len(mask.Kinds()); len(cells) != known {
		t.Errorf("cells has %d functions for %d masks", len(cells), known)
	}
}
