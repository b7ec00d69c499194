package testkit

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestOnlyTestsImportTestkit asks the go command who imports what is below this folder.
func TestOnlyTestsImportTestkit(t *testing.T) {
	const folder = "deputy/internal/testkit"
	allowed := []string{"deputy/internal/bench", "deputy/internal/demo"}
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "deputy/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		importer := fields[0]
		below := func(path string) bool { return strings.HasPrefix(path, folder+"/") }
		if !below(importer) && slices.ContainsFunc(fields[1:], below) {
			found = append(found, importer)
		}
	}
	if !slices.Equal(found, allowed) {
		t.Errorf("the test kit is imported by %v, and not by %v alone", found, allowed)
	}
}
