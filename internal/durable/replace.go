// Package durable changes small files that other processes read: as a whole, in one step, and so that a crash does
// not undo it. It also has the lock that holds between processes.
package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// calls are what this package asks of the disk. Tests put their own in their place, to see the order of the calls and
// to crash between two of them.
type calls struct {
	sync   func(*os.File) error
	rename func(from, to string) error
	link   func(from, to string) error // fails when the name is taken
}

var disk = calls{sync: (*os.File).Sync, rename: os.Rename, link: os.Link}

// Replace puts a content in the place of the file at a path. A reader sees the old content or the new one and never a
// part, and when Replace has returned nil, both the content and its name outlive a crash. Where the path is a link,
// the file behind it is replaced.
//
// An old file's mode and owner stay as they are, but for the right of others to write it. A new file has mode 0600
// and the owner of the file beside it that like names, as far as the process may give files away; empty: the owner of
// the process.
func Replace(path, like string, content []byte) error {
	path, err := behindLinks(path)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return put(path, content, disk.rename, func(f *os.File) error { return inherit(f, path, like) })
}

// Write is Replace for a file that has one mode, whatever it had before, and belongs to the process. A link at the path
// is replaced itself: what it leads to is left alone.
func Write(path string, mode fs.FileMode, content []byte) error {
	return put(path, content, disk.rename, func(f *os.File) error { return f.Chmod(mode) })
}

// Create is Replace for a file that is not there yet. Of several processes that try at once, one makes it; the error of
// the others is fs.ErrExist. The file has the owner of the one that like names, and can be read by whom that can be
// read by; without like it has mode 0600.
func Create(path, like string, content []byte) error {
	return put(path, content, disk.link, func(f *os.File) error {
		if err := inherit(f, path, like); err != nil {
			return err
		}
		if beside, err := os.Stat(like); err == nil {
			return f.Chmod(0o600 | beside.Mode().Perm()&0o044)
		}
		return nil
	})
}

// Publish gives a finished file, which another program may have written, a second name in the same folder. It does not
// take the name from a file that is there: the error is fs.ErrExist then. Both the content and the name outlive a
// crash when Publish has returned nil.
func Publish(from, to string) error { return finish(from, to, disk.link) }

// Move gives a finished file another name in the same folder, in place of the file that has it. Both the content and
// the name outlive a crash when Move has returned nil.
func Move(from, to string) error { return finish(from, to, disk.rename) }

// Sweep removes what processes that died while they wrote a file left beside it. The caller makes sure that no other
// process is writing it, with a lock.
func Sweep(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if left, _ := filepath.Match(unfinished(path), e.Name()); left {
			err = errors.Join(err, os.Remove(filepath.Join(filepath.Dir(path), e.Name())))
		}
	}
	return err
}

// longestName is how many bytes of a file's name stand in its unfinished one: file systems take 255 of them.
const longestName = 200

// unfinished is the pattern of the names that a file has before it has its own. Of a name that would be too long with
// more to it, the end is told by its hash.
func unfinished(path string) string {
	name := filepath.Base(path)
	if len(name) > longestName {
		sum := sha256.Sum256([]byte(name))
		name = name[:longestName-16] + hex.EncodeToString(sum[:8])
	}
	return "." + name + ".*"
}

// put writes a content under another name, and gives it its own when it is on the disk as a whole.
func put(path string, content []byte, name func(from, to string) error, prepare func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), unfinished(path)) // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // it is no longer there if it was renamed
	_, err = f.Write(content)
	if err = errors.Join(err, prepare(f), disk.sync(f), f.Close()); err == nil {
		err = name(f.Name(), path)
	}
	if err = errors.Join(err, SyncFolder(filepath.Dir(path))); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func finish(from, to string, name func(from, to string) error) error {
	f, err := os.OpenFile(from, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(disk.sync(f), f.Close()); err != nil {
		return err
	}
	return errors.Join(name(from, to), SyncFolder(filepath.Dir(to)))
}

// behindLinks is the file itself, which need not be there.
func behindLinks(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
		return path, fmt.Errorf("it is a link that leads nowhere: %w", err)
	}
	if err != nil {
		return path, err
	}
	return real, nil
}

// inherit gives a new file the mode and the owner that it is to have.
func inherit(f *os.File, path, like string) error {
	old, err := os.Stat(path)
	switch {
	case err == nil && !old.Mode().IsRegular():
		return errors.New("it is not a file")
	case err == nil:
		return errors.Join(keepOwner(f, old), f.Chmod(old.Mode().Perm()&^0o022))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if beside, err := os.Stat(like); err == nil {
		_ = keepOwner(f, beside) // only root may give a file away; without that it is the owner's own file, as any other
	}
	return nil
}

// SyncFolder makes the names in a folder durable: without it, a crash may leave the old file in the place of the new
// one, or a synced file without a name.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" { // has no such call
		return nil
	}
	d, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) { // a folder that may be entered and not listed
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(disk.sync(d), d.Close())
}
