package assembly_test

import (
	"os"
	"strings"
	"testing"
)

// A program that unpacks files sets their times to what they were: a change of as many bytes shows all the same.
func TestSameTimeEdit(t *testing.T) {
	w := follow(t, "sqlite")
	if got := w.sees(); got != "REDACTED" {
		t.Fatalf("at first Taylor sees %s", got)
	}
	before, err := os.Stat(w.file)
	if err != nil {
		t.Fatal(err)
	}
	w.write(w.but("to: [group:Marketing, ", "to: [group:Marketinq, "))
	if err := os.Chtimes(w.file, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	if got := w.sees(); got == "REDACTED" || strings.Contains(got, "Smith") {
		t.Errorf("after the grant is taken away, Taylor sees %s", got)
	}
}
