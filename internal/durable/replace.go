// Package durable changes small files that other processes read: as a whole, in one step, and so that a crash does
// not undo it.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Replace puts a content in the place of the file at a path. A reader sees the old content or the new one and never a
// part, and when Replace has returned nil, both the content and its name outlive a crash. Where the path is a link,
// the file behind it is replaced.
//
// An old file's mode and owner stay as they are, but for the right of others to write it. A new file has mode 0600
// and the owner of the file beside it that like names, as far as the process may give files away; empty: the owner of
// the process.
func Replace(path, like string, content []byte) (err error) {
	path, err = behindLinks(path)
	if err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	return put(path, like, content, os.Rename)
}

// Create is Replace for a file that is not there yet. Of several processes that try at once, one makes it; the error of
// the others is fs.ErrExist. The file has the owner of the one that like names, and can be read by whom that can be
// read by.
func Create(path, like string, content []byte) error {
	return put(path, like, content, func(from, to string) error {
		if beside, err := os.Stat(like); err == nil {
			if err := os.Chmod(from, 0o600|beside.Mode().Perm()&0o044); err != nil {
				return err
			}
		}
		return os.Link(from, to)
	})
}

func put(path, like string, content []byte, place func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // it is no longer there if it was renamed
	_, err = f.Write(content)
	if err = errors.Join(err, inherit(f, path, like), f.Sync(), f.Close()); err == nil {
		err = place(f.Name(), path)
	}
	if err = errors.Join(err, syncFolder(filepath.Dir(path))); err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	return nil
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

// syncFolder makes a file's name durable: without it, a crash may leave the old file in the place of the new one.
func syncFolder(path string) error {
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
	return errors.Join(d.Sync(), d.Close())
}
