package assembly_test

import (
	"os"
	"path/filepath"
	"testing"

	"deputy/internal/demo"
)

// deputy catalog accept needs no restart, and neither does its undoing.
func TestWhatIsAcceptedHoldsFromTheVeryNextCall(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		catalog := filepath.Join(filepath.Dir(w.file), "deputy-catalog.json")
		accept := func(text string) {
			t.Helper()
			if err := os.WriteFile(catalog, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		w.write(w.but("mask: [tag:PII]", "mask: [tag:New]"))
		if got := w.sees(); got != demo.Names[0] {
			t.Errorf("of what was there when the server first started, Taylor sees %s", got)
		}
		before := w.Config().Version
		accept(`{"shop": {"sales.customer_orders": ["lastname"]}}`)
		if got := w.sees(); got != demo.Names[0] {
			t.Errorf("of an accepted column Taylor sees %s", got)
		}
		if w.Config().Version == before {
			t.Error("what is accepted changes decisions, and not the version that records name")
		}
		accept(`{"shop": {"sales.customer_orders": ["region"]}}`)
		if got := w.sees(); got != "REDACTED" {
			t.Errorf("of a column that is no longer accepted Taylor sees %s", got)
		}
		accept(`{"shop": {"sales.customer_orders": ["lastname"], `)
		if got := w.sees(); got != "REDACTED" {
			t.Errorf("with half a catalog file Taylor sees %s", got)
		}
		if err := os.Remove(catalog); err != nil {
			t.Fatal(err)
		}
		if got := w.sees(); got != "REDACTED" {
			t.Errorf("without the catalog file Taylor sees %s", got)
		}
	})
}
