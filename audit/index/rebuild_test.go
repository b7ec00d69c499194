package index_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/audit/index"
)

func TestWhatTheLogDeletedForItsAgeIsNotInTheIndex(t *testing.T) {
	f := newFile(t)
	f.rotate, f.keep = 3000, 24*time.Hour
	f.write(t, calls(0, 20)...)
	f.same(t, "")
	f.now = f.now.AddDate(0, 0, 3)
	f.write(t, calls(20, 40)...)
	x := f.same(t, "")
	if got := ids(t, x, index.Filter{}, 0); len(got) == 0 || got[0] == "c000" {
		t.Errorf("after the oldest segment was deleted there are %v", got)
	}
}

// A call whose intent is gone stands where its outcome does, whenever the index was built.
func TestACallWhoseIntentWasDeletedStandsWhereItsOutcomeDoes(t *testing.T) {
	f := newFile(t)
	now := began
	// a segment for each batch
	log, err := audit.Open(
		audit.Config{Path: f.path, Rotate: 1, Keep: 24 * time.Hour, Now: func() time.Time { return now }},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	write := func(r audit.Record) {
		if err := log.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	a, b := call("a"), call("b")
	write(a[0])
	write(b[0])
	f.same(t, "")
	now = now.Add(59 * time.Minute) // the log looks for old segments once an hour
	write(b[1])
	write(a[1])
	f.same(t, "")
	now = began.Add(24*time.Hour + 30*time.Minute)
	write(call("c")[0])
	x := f.same(t, "")
	if got := ids(t, x, index.Filter{}, 0); !slices.Equal(got, []string{"b", "a", "c"}) {
		t.Errorf("the calls are %v", got)
	}
	if c, _, err := x.Call("a"); err != nil || c.Intent != nil {
		t.Errorf("the intent was not deleted: %+v (%v)", c.Intent, err)
	}
}

func TestOldSegmentsThatAreBackAreRead(t *testing.T) {
	f := newFile(t)
	f.rotate = 3000
	f.write(t, calls(0, 30)...)
	oldest, kept := f.path+".000000000000", filepath.Join(t.TempDir(), "kept")
	if err := os.Rename(oldest, kept); err != nil {
		t.Fatal(err)
	}
	f.same(t, "")
	if err := os.Rename(kept, oldest); err != nil {
		t.Fatal(err)
	}
	f.same(t, "the index is of another log: it is built anew")
}

func TestAnIndexOfAnotherLogIsBuiltAnew(t *testing.T) {
	f := newFile(t)
	f.write(t, calls(0, 5)...)
	f.same(t, "")
	for _, name := range []string{"", ".head", ".lock", ".key"} {
		os.Remove(f.path + name)
	}
	f.write(t, calls(100, 120)...)
	f.same(t, "the index is of another log: it is built anew")
	f.same(t, "")
}

func TestAnIndexThatIsGoneOrDamagedIsBuiltAnew(t *testing.T) {
	const anew = "the index is damaged: it is built anew"
	for name, c := range map[string]struct {
		damage func(path string) error
		said   string
	}{
		"gone":             {os.Remove, ""},
		"empty":            {func(path string) error { return os.Truncate(path, 0) }, "the index is of another log: it is built anew"},
		"no database":      {func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("no database ", 900)), 0o600) }, anew},
		"cut short":        {func(path string) error { return os.Truncate(path, 5000) }, anew},
		"without its page": {func(path string) error { return overwrite(path, 4096) }, anew},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFile(t)
			f.write(t, calls(0, 50)...)
			f.same(t, "")
			if err := c.damage(index.Path(f.path)); err != nil {
				t.Fatal(err)
			}
			f.same(t, c.said)
		})
	}
}

func overwrite(path string, at int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteAt(make([]byte, 4096), at)
	return err
}

// What no checkpoint signs was never told to be safe. The next start says that it does not count.
func TestATornLastLineIsNotInTheIndex(t *testing.T) {
	f := newFile(t)
	f.write(t, calls(0, 3)...)
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(file, `{"id":"whole","tool":"query","outcome":"answered"}`+"\n"+`{"id":"to`)
	file.Close()
	x, _ := f.opened(t)
	if got := ids(t, x, index.Filter{}, 0); len(got) != 3 {
		t.Errorf("the index has %v", got)
	}
	f.write(t, calls(3, 5)...)
	f.same(t, "")
}

// The index of a log that was edited leads to lines that are others: that is said, and nothing else is shown in their
// place.
func TestALogThatWasEditedUnderItsIndexIsNotShown(t *testing.T) {
	f := newFile(t)
	f.write(t, calls(0, 3)...)
	f.same(t, "")
	text, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.path, []byte(strings.ReplaceAll(string(text), `"c001"`, `"c009"`)), 0o600); err != nil {
		t.Fatal(err)
	}
	x, _ := f.opened(t)
	var said error
	for _, err := range x.Find(index.Filter{}, 0) {
		said = err
	}
	if said == nil || !strings.Contains(said.Error(), "run deputy audit verify") {
		t.Errorf("of an edited log it says %v", said)
	}
}

// What stands in the index's place and is none is not written over.
func TestAFolderInThePlaceOfTheIndexIsLeftAlone(t *testing.T) {
	f := newFile(t)
	f.write(t, calls(0, 3)...)
	if err := os.Mkdir(index.Path(f.path), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := index.Open(index.Config{Log: f.path}); err == nil ||
		!strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder in the place of the index is %v", err)
	}
}

// An auditor may have a copy that nothing can be written beside. Here the index's name would be too long.
func TestWithoutRoomForItTheIndexIsInMemory(t *testing.T) {
	f := newFile(t)
	f.path = filepath.Join(filepath.Dir(f.path), strings.Repeat("x", 249))
	f.write(t, calls(0, 10)...)
	x, said := f.opened(t)
	if len(said) != 1 || !strings.HasPrefix(said[0], "the index cannot be kept, and is made in memory: ") {
		t.Errorf("it said %q", said)
	}
	if got := ids(t, x, index.Filter{}, 0); len(got) != 10 {
		t.Errorf("of 10 calls there are %d", len(got))
	}
	f.write(t, calls(10, 15)...)
	if err := x.Refresh(); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, x, index.Filter{}, 0); len(got) != 15 {
		t.Errorf("of 15 calls there are %d", len(got))
	}
}
