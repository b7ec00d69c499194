//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// watch writes down what is asked of the disk, and has each call answered by fail first.
func watch(t *testing.T, fail func(step string) error) *[]string {
	t.Helper()
	var steps []string
	step := func(name string) error {
		steps = append(steps, name)
		return fail(name)
	}
	before := disk
	t.Cleanup(func() { disk = before })
	disk = calls{
		sync: func(f *os.File) error {
			name := "sync file"
			if info, err := f.Stat(); err == nil && info.IsDir() {
				name = "sync folder"
			}
			return errors.Join(step(name), before.sync(f))
		},
		rename: func(from, to string) error {
			if err := step("rename"); err != nil {
				return err
			}
			return before.rename(from, to)
		},
		link: func(from, to string) error {
			if err := step("link"); err != nil {
				return err
			}
			return before.link(from, to)
		},
	}
	return &steps
}

func nothing(string) error { return nil }

// writers are all ways to put a content in its place.
func writers() map[string]func(path string, content []byte) error {
	unfinished := func(path string, content []byte) string {
		from := path + ".made"
		_ = os.WriteFile(from, content, 0o600)
		return from
	}
	return map[string]func(string, []byte) error{
		"replace": func(path string, content []byte) error { return Replace(path, "", content) },
		"write":   func(path string, content []byte) error { return Write(path, 0o600, content) },
		"create":  func(path string, content []byte) error { return Create(path, "", content) },
		"publish": func(path string, content []byte) error { return Publish(unfinished(path, content), path) },
		"move":    func(path string, content []byte) error { return Move(unfinished(path, content), path) },
	}
}

// Each way syncs the content before it has its name, and the folder after that: alike.
func TestFileAndFolderAreSynced(t *testing.T) {
	for name, write := range writers() {
		t.Run(name, func(t *testing.T) {
			steps := watch(t, nothing)
			if err := write(filepath.Join(t.TempDir(), "file"), []byte("new")); err != nil {
				t.Fatal(err)
			}
			naming := "rename"
			if name == "create" || name == "publish" {
				naming = "link"
			}
			if want := []string{"sync file", naming, "sync folder"}; !slices.Equal(*steps, want) {
				t.Errorf("the disk is asked for %v, not %v", *steps, want)
			}
		})
	}
}

// A call to the disk that fails is an error of the whole, and a file that is there keeps its content unless it has been
// replaced.
func TestFailedStepIsAnError(t *testing.T) {
	full := errors.New("no space left on device")
	for name, write := range writers() {
		for _, failing := range []string{"sync file", "sync folder", "rename", "link"} {
			t.Run(name+", "+failing, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "file")
				steps := watch(t, func(step string) error {
					if step == failing {
						return full
					}
					return nil
				})
				err := write(path, []byte("new"))
				if asked := slices.Contains(*steps, failing); asked != errors.Is(err, full) {
					t.Errorf("%s fails: %v", failing, err)
				}
				named := err == nil || failing == "sync folder"
				if _, gone := os.Stat(path); (gone == nil) != named {
					t.Errorf("the file is there: %v, after %v", gone == nil, *steps)
				}
			})
		}
	}
}

// A process that is killed between writing and naming leaves the old file, and what is left beside it is swept away.
func TestCrashLeavesTheOldFile(t *testing.T) {
	const variable = "DURABLE_CRASH_AT"
	if path := os.Getenv(variable); path != "" {
		disk.rename = func(string, string) error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) }
		t.Fatal("it goes on after", Replace(path, "", []byte("new")))
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	for _, name := range []string{"file", ".file", "other", ".others.1"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("old"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	child := exec.Command(os.Args[0], "-test.run=^TestCrashLeavesTheOldFile$")
	child.Env = append(os.Environ(), variable+"="+path)
	if out, err := child.CombinedOutput(); child.ProcessState.ExitCode() != -1 {
		t.Fatalf("it is not killed: %v\n%s", err, out)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("the file says %q (%v)", text, err)
	}
	left, _ := filepath.Glob(filepath.Join(folder, ".file.*"))
	if len(left) != 1 {
		t.Fatalf("the killed process leaves %v", left)
	}
	if text, err := os.ReadFile(left[0]); err != nil || string(text) != "new" {
		t.Errorf("what was written is %q (%v)", text, err)
	}
	if err := Sweep(path); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(folder)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{".file", ".others.1", "file", "other"}; !slices.Equal(names, want) {
		t.Errorf("after the sweep there are %v", names)
	}
}

// ownerOf is who a file belongs to.
func ownerOf(info fs.FileInfo) (uid, gid uint32) {
	s := info.Sys().(*syscall.Stat_t)
	return s.Uid, s.Gid
}

// Whatever mode and owner a file has, Replace keeps them, but for the right of others to write; Write gives the one
// that is asked for, and the process's own.
func TestModeAndOwner(t *testing.T) {
	root := os.Geteuid() == 0
	folder := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(folder, strconv.Itoa(n))
		mode := fs.FileMode(rapid.IntRange(0, 0o777).Draw(t, "mode"))
		uid, gid := os.Geteuid(), os.Getegid()
		if root {
			uid, gid = rapid.IntRange(0, 9).Draw(t, "uid"), rapid.IntRange(0, 9).Draw(t, "gid")
		}
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chown(path, uid, gid), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		content := rapid.SliceOf(rapid.Byte()).Draw(t, "content")
		want, owner := mode&^0o022, [2]uint32{uint32(uid), uint32(gid)}
		var err error
		if rapid.Bool().Draw(t, "replace") {
			err = Replace(path, "", content)
		} else {
			want, owner = mode, [2]uint32{uint32(os.Geteuid()), uint32(os.Getegid())}
			err = Write(path, mode, content)
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		u, g := ownerOf(info)
		if info.Mode() != want || [2]uint32{u, g} != owner {
			t.Fatalf("mode %o of %d:%d becomes %o of %d:%d", mode, uid, gid, info.Mode(), u, g)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != string(content) {
			t.Fatalf("%q is written as %q (%v)", content, text, err)
		}
	})
}

// A new file belongs to the owner of the one beside it; made by Create it can be read by the same people, too.
func TestNewFileIsLikeAnother(t *testing.T) {
	for _, tt := range []struct {
		create      bool
		like        fs.FileMode // 0: there is none
		mode        fs.FileMode
		owned, kept bool
	}{
		{false, 0o644, 0o600, true, false},
		{false, 0, 0o600, false, false},
		{true, 0o666, 0o644, true, false},
		{true, 0o640, 0o640, true, false},
		{true, 0o400, 0o600, true, false},
		{true, 0, 0o600, false, false},
	} {
		folder := t.TempDir()
		path, like := filepath.Join(folder, "new"), filepath.Join(folder, "like")
		if tt.like != 0 {
			if err := errors.Join(os.WriteFile(like, nil, 0o600), os.Chmod(like, tt.like)); err != nil {
				t.Fatal(err)
			}
			if os.Geteuid() == 0 {
				if err := os.Chown(like, 12, 34); err != nil {
					t.Fatal(err)
				}
			}
		}
		write := Replace
		if tt.create {
			write = Create
		}
		if err := write(path, like, []byte("x")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != tt.mode {
			t.Errorf("%+v: the mode is %o (%v)", tt, info.Mode(), err)
		}
		uid, gid := ownerOf(info)
		if given := uid == 12 && gid == 34; os.Geteuid() == 0 && given != tt.owned {
			t.Errorf("%+v: the owner is %d:%d", tt, uid, gid)
		}
	}
}

// Of several that create a file one does; the others change nothing and are told so.
func TestOneCreates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for i, want := range []error{nil, fs.ErrExist} {
		if err := Create(path, "", []byte{byte('a' + i)}); !errors.Is(err, want) {
			t.Errorf("%d: %v", i, err)
		}
	}
	other := path + ".other"
	if err := os.WriteFile(other, []byte("c"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Publish(other, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a published file takes the name: %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "a" {
		t.Errorf("the file says %q", text)
	}
}

// Replace goes behind a link, and Write replaces the link itself.
func TestLinks(t *testing.T) {
	folder := t.TempDir()
	real, link := filepath.Join(folder, "real"), filepath.Join(folder, "link")
	at := func(path string) string { text, _ := os.ReadFile(path); return string(text) }
	if err := errors.Join(os.WriteFile(real, []byte("old"), 0o600), os.Symlink("real", link)); err != nil {
		t.Fatal(err)
	}
	if err := Replace(link, "", []byte("new")); err != nil || at(real) != "new" {
		t.Errorf("behind the link stands %q (%v)", at(real), err)
	}
	if err := Write(link, 0o600, []byte("own")); err != nil || at(real) != "new" || at(link) != "own" {
		t.Errorf("the link says %q, and behind it stands %q (%v)", at(link), at(real), err)
	}
	if err := os.Symlink("nowhere", filepath.Join(folder, "dead")); err != nil {
		t.Fatal(err)
	}
	if err := Replace(filepath.Join(folder, "dead"), "", nil); err == nil {
		t.Error("a link that leads nowhere is written through")
	}
	if err := Replace(folder, "", nil); err == nil {
		t.Error("a folder is replaced")
	}
}

func TestLongNamesAreWritten(t *testing.T) {
	folder := t.TempDir()
	one := filepath.Join(folder, strings.Repeat("x", 255))
	other := filepath.Join(folder, strings.Repeat("x", 254)+"y")
	if unfinished(one) == unfinished(other) {
		t.Error("two files have one unfinished name")
	}
	if err := Write(one, 0o600, []byte("content")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(one); err != nil || string(got) != "content" {
		t.Errorf("read %q, %v", got, err)
	}
}
