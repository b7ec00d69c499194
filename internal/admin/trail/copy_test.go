package trail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/audit"
	"deputy/audit/segments"
)

// writing is a log that Deputy writes, with small segments.
type writing struct {
	*audit.Log
	path  string
	calls int
}

func write(t *testing.T) *writing {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.Open(audit.Config{Path: path, Rotate: 4 << 10, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	w := &writing{Log: log, path: path}
	w.grow(t, 30)
	return w
}

func (w *writing) grow(t *testing.T, n int) {
	t.Helper()
	for range n {
		w.calls++
		r := audit.Record{ID: fmt.Sprint("call", w.calls), Phase: audit.Ended, Tool: "query", Outcome: audit.Answered}
		if err := w.Append(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *writing) of(path string) Log { return Log{Path: path, Key: w.Verifier().String()} }

func (w *writing) files(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(w.path + "*")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(f string) bool { return f == w.path+".key" || f == w.path+".lock" })
}

func copyFile(t *testing.T, from, dir string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // it was sealed meanwhile: what copies a folder finds it gone
		t.Fatal(err)
	}
	if err == nil {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(from)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// permutations are all orders of so many things.
func permutations(n int) (out [][]int) {
	if n == 0 {
		return [][]int{nil}
	}
	for _, p := range permutations(n - 1) {
		for at := range n {
			out = append(out, slices.Insert(slices.Clone(p), at, n-1))
		}
	}
	return out
}

// countLines are the lines of a segment, and the index of the first.
func countLines(t *testing.T, path string) (lines, first int64) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var mark struct{ First int64 }
	line, _, _ := strings.Cut(string(text), "\n")
	if err := json.Unmarshal([]byte(line), &mark); err != nil {
		t.Fatal(err)
	}
	return int64(strings.Count(string(text), "\n")), mark.First
}

// A copy that was taken file by file while the log grew verifies, or is complete up to a line that was there when the
// copying began, whatever order the files were copied in, and whether segments were sealed meanwhile or not.
func TestCopiedInAnyOrder(t *testing.T) {
	verified, middle := 0, 0
	for _, grows := range []int{1, 9} {
		for _, order := range permutations(3) {
			w := write(t)
			files := w.files(t) // the active one, those that are sealed, and the head
			if len(files) < 4 {
				t.Fatalf("the files are %q", files)
			}
			all, dir := append(slices.Clone(files[len(files)-2:]), w.path), t.TempDir()
			for _, f := range w.files(t) {
				if !slices.Contains(all, f) {
					copyFile(t, f, dir)
				}
			}
			for _, i := range order {
				copyFile(t, all[i], dir)
				w.grow(t, grows)
			}
			r, _, err := w.of(filepath.Join(dir, "audit.jsonl")).Verify(nil, true)
			switch {
			case err == nil:
				verified++
			case errors.Is(err, ErrTakenInTheMiddle):
				middle++
				left := strings.Join(err.(*TakenInTheMiddle).Left, " ")
				whole, _, again := w.of(filepath.Join(dir, "audit.jsonl")).Verify(nil, false)
				if again == nil || whole.Problem == nil {
					t.Errorf("copied in the order %v: what is left out of %s is nothing", order, left)
				}
				for _, name := range all { // one is named when it has more lines than count
					base := filepath.Base(name)
					if strings.HasSuffix(base, segments.HeadSuffix) {
						continue
					}
					lines, first := countLines(t, filepath.Join(dir, base))
					more := first+lines > r.Checkpoint.Size+1
					if named := strings.Contains(" "+left+" ", " "+base+" "); named != more {
						t.Errorf("copied in the order %v, %d at a time: %s ends at line %d of %d, and left out are %q",
							order, grows, base, first+lines, r.Checkpoint.Size+1, left)
					}
				}
			default:
				t.Errorf("copied in the order %v, %d at a time: %v %v", order, grows, err, r.Problem)
				continue
			}
			if r.Records == 0 {
				t.Errorf("copied in the order %v, %d at a time: it has no record", order, grows)
			}
			w.Close()
		}
	}
	if verified == 0 || middle == 0 {
		t.Errorf("%d copies verify, %d were taken in the middle", verified, middle)
	}
}

// What deputy audit copy makes verifies, however the log is written meanwhile.
func TestCopyWhileWritten(t *testing.T) {
	w := write(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				w.grow(t, 1)
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	for range 10 {
		dir := filepath.Join(t.TempDir(), "copy")
		copied, err := w.of(w.path).Copy(t.Context(), dir, Progress(io.Discard))
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := w.of(copied.Log).Verify(nil, false)
		if err != nil {
			t.Fatalf("the copy is not as it was written: %v %v", err, r.Problem)
		}
	}
}

// A copy goes into an empty folder, and leaves nothing there when it does not come to its end.
func TestCopyRefused(t *testing.T) {
	w := write(t)
	full := t.TempDir()
	copyFile(t, w.path, full)
	if _, err := w.of(w.path).Copy(t.Context(), full, nil); err == nil {
		t.Error("a folder with something in it is taken")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "copy")
	if _, err := w.of(w.path).Copy(ended, dir, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a copy that is broken off ends with %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it leaves a folder: %v", err)
	}
}

// What was cut off or changed is not taken for a copy.
func TestNoCopy(t *testing.T) {
	for _, test := range []struct {
		name   string
		copied bool // the auditor says that it is a copy
		kept   bool // the auditor has a checkpoint
		change func(text []byte) []byte
		want   error
	}{
		{"cut off", false, false, cutOff, ErrNotAsWritten},
		{"cut off, and said to be a copy", true, false, cutOff, ErrTakenInTheMiddle},
		{"cut off before a checkpoint that was kept", true, true, cutOff, ErrNotAsWritten},
		{"changed", true, false, func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"query"`), []byte(`"quary"`), 1)
		}, ErrNotAsWritten},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := write(t)
			w.grow(t, 3)
			copied, err := w.of(w.path).Copy(t.Context(), filepath.Join(t.TempDir(), "copy"), nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(copied.Log)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(copied.Log, test.change(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var files []string
			if test.kept {
				files = []string{filepath.Join(t.TempDir(), "kept.txt")}
				if err := os.WriteFile(files[0], []byte(w.Checkpoint().Note), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, _, err := w.of(copied.Log).Verify(files, test.copied)
			if !errors.Is(err, test.want) {
				t.Errorf("it is %v, not %v: %v", err, test.want, r.Problem)
			}
		})
	}
}

// cutOff leaves out the last two lines, a record and its checkpoint.
func cutOff(text []byte) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	return bytes.Join(lines[:len(lines)-3], nil)
}
