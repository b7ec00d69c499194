package field

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// open are the kinds that are played and printed, and not asserted yet: hosts' arguments and names.
var open = []string{"batch", "long-list"}

// mustBeRight reports whether a line of the kind has to be right, if testdata/known.txt does not name it.
func mustBeRight(kind string) bool { return !slices.Contains(open, kind) }

// TestField plays every line, kind by kind. Those about tables that change are played by TestChanges.
func TestField(t *testing.T) {
	t.Parallel()
	all := kinds(t)
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		t.Run(kind, func(t *testing.T) {
			for _, l := range all[kind] {
				if changes[l.ID] == nil {
					t.Run(l.ID, func(t *testing.T) { report(t, kind, l.ID, judge(t, l)) })
				}
			}
		})
	}
}

// results are what was played: by kind, how many lines are right and how many there are.
var results = struct {
	sync.Mutex
	right, all map[string]int
	known      map[string]bool // lines of testdata/known.txt; false for one that is taken off
}{right: map[string]int{}, all: map[string]int{}}

// report counts a line, and fails where one of an asserted kind is not as testdata/known.txt says.
func report(t *testing.T, kind, id, wrong string) {
	t.Helper()
	results.Lock()
	defer results.Unlock()
	results.all[kind]++
	if wrong == "" {
		results.right[kind]++
	}
	name := kind + "/" + id
	listed := results.known[name]
	switch {
	case wrong == "" && listed && *update:
		results.known[name] = false
	case wrong == "" && listed:
		t.Errorf("%s is right now: take it off testdata/known.txt (go test ./internal/field -update)", name)
	case wrong != "" && !listed && mustBeRight(kind):
		t.Error(wrong)
	case wrong != "":
		t.Log(wrong)
	}
}

// printTable prints kind by kind how many lines are right; an asterisk marks those that must be.
func printTable() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nkind (* must be right)\tright\tof\n")
	for _, kind := range slices.Sorted(maps.Keys(results.all)) {
		mark := ""
		if mustBeRight(kind) {
			mark = "*"
		}
		fmt.Fprintf(w, "%s%s\t%d\t%d\n", kind, mark, results.right[kind], results.all[kind])
	}
	w.Flush()
}

var knownFile = filepath.Join("testdata", "known.txt")

func readKnown() error {
	content, err := os.ReadFile(knownFile)
	results.known = map[string]bool{}
	for name := range strings.Lines(string(content)) {
		if name = strings.TrimSpace(name); name != "" && !strings.HasPrefix(name, "#") {
			results.known[name] = true
		}
	}
	return err
}

// writeKnown leaves out the lines that are right now, and adds none.
func writeKnown() error {
	content, err := os.ReadFile(knownFile)
	if err != nil {
		return err
	}
	var kept strings.Builder
	for row := range strings.Lines(string(content)) {
		if still, listed := results.known[strings.TrimSpace(row)]; still || !listed {
			kept.WriteString(row)
		}
	}
	return os.WriteFile(knownFile, []byte(kept.String()), 0o644)
}
