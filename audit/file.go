package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// File is what a Log writes to. Write appends.
type File interface {
	Write([]byte) (int, error)
	Sync() error
	Close() error
}

// OpenFile opens or makes the file at path for appending. It refuses what cannot hold a record: a directory, a device (/dev/null
// keeps nothing), a file that other accounts may write to.
func OpenFile(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(check(f), f.Sync(), syncFolder(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return appendFile{f}, nil
}

func check(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", f.Name())
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%s may be changed by other accounts (mode %#o): chmod 600 it", f.Name(), mode)
	}
	return nil
}

// syncFolder makes the file's name durable: without it, a crash may leave a synced file that has none.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" { // has no such call
		return nil
	}
	d, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) { // a folder that may be entered and not listed; its owner made the file
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// appendFile starts each write on a fresh line, whoever left the file without one: a crash, or another process that shares the log
// and met a full disk. Looking costs two system calls, next to a sync nothing.
type appendFile struct{ *os.File }

func (f appendFile) Write(b []byte) (int, error) {
	torn, err := f.torn()
	if err != nil {
		return 0, err
	}
	if !torn {
		return f.File.Write(b)
	}
	n, err := f.File.Write(append([]byte("\n"), b...)) // in one write: appends of several processes do not mix
	return max(n-1, 0), err
}

func (f appendFile) torn() (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}
