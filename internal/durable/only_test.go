package durable

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// There is one write-then-rename and one lock. What other packages rename or lock by themselves is synced otherwise, or
// not at all.
func TestNoOtherPackageRenames(t *testing.T) {
	own := regexp.MustCompile(`\bos\.(Rename|Link)\(|\bsyscall\.Flock\(|\blockedfile\.`)
	seen := 0
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != "../.." && strings.HasPrefix(e.Name(), "."), e.IsDir() && e.Name() == "durable":
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		seen++
		text, err := os.ReadFile(path)
		if found := own.Find(text); found != nil {
			t.Errorf("%s calls %s by itself: package durable does that", path, found)
		}
		return err
	})
	if err != nil || seen < 300 {
		t.Errorf("only %d files were read: %v", seen, err)
	}
}
