package signin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// maxFile is the size of the largest file that is read: two tokens and what is said about them.
const maxFile = 128 << 10

// readPrivate reads a small file that only its owner can read or replace: no link, no pipe, nobody else's.
func readPrivate(path string) ([]byte, error) {
	if err := checkFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	named, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !named.Mode().IsRegular() { // to open a pipe would wait for its writer
		return nil, fmt.Errorf("%s is not a plain file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	switch {
	case !os.SameFile(named, info):
		return nil, fmt.Errorf("%s was replaced just now", path)
	case exposed(info):
		return nil, fmt.Errorf("%s has mode %04o and others may use it, or it is somebody else's", path, info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}
	return content, err
}

// writePrivate replaces a file as a whole: whoever reads it sees the old content or the new. The caller holds the
// file's lock.
func writePrivate(path string, content []byte) (err error) {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) { // of a process that died
		return err
	}
	file, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(next)
		}
	}()
	if _, err = file.Write(content); err == nil {
		err = file.Sync() // the refresh token that it replaces is worth nothing any more
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(next, path)
}

// makeFolder makes the folder of sign-ins, if it is not there.
func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return checkFolder(path)
}

func checkFolder(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() || exposed(info) {
		return fmt.Errorf("%s is not a folder that is yours alone: chmod 700 it", path)
	}
	return nil
}

// exposed reports whether others than the one who runs this may use it.
func exposed(info os.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 || !own(info)
}
