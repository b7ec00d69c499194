package signin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"deputy/internal/durable"
)

// maxFile is the size of the largest file that is read: two tokens and what is said about them.
const maxFile = 128 << 10

// errReplaced is the error of a file that another one took the place of while it was opened.
var errReplaced = errors.New("it was replaced just now")

// readPrivate reads a small file that only its owner can read or replace: no link, no pipe, and no other user's. A file
// that a renewal replaces at the same moment is read again.
func readPrivate(path string) (content []byte, err error) {
	for range 10 {
		if content, err = readOnce(path); !errors.Is(err, errReplaced) {
			break
		}
	}
	return content, err
}

func readOnce(path string) ([]byte, error) {
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
		return nil, fmt.Errorf("%s: %w", path, errReplaced)
	case exposed(info):
		return nil, fmt.Errorf("%s has mode %04o and others may use it, or it is somebody else's", path, info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}
	return content, err
}

// writePrivate replaces a file as a whole: a reader sees the old content or the new, and the refresh token that it
// replaces is worth nothing any more. What a process that died while it wrote has left is removed, because it is
// secret, too. The caller holds the file's lock.
func writePrivate(path string, content []byte) error {
	if err := durable.Sweep(path); err != nil {
		return err
	}
	return durable.Write(path, 0o600, content)
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
