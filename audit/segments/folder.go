// Package segments keeps the files of an audit log: its segments, the head that remembers the last checkpoint, and the
// locks between the processes that work with them.
package segments

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"deputy/internal/durable"
)

// Folder is where a log keeps its segments and its head. Segments have names: the active one the log's own, a sealed
// one that and the index of its first line. In tests it is in memory.
type Folder interface {
	Names() ([]string, error)           // of all segments
	Open(name string) (File, error)     // for reading and appending; made when it is not there
	Read(name string) (File, error)     // for reading; also the head
	Create(name string, b []byte) error // a whole file, durable, in place of what has the name
	Rename(from, to string) error       // durable
	Remove(name string) error
	Head() (Head, error) // made when it is not there

	// Lock keeps other processes from writing until unlock is called. It needs the head to be there.
	Lock() (unlock func(), err error)
	// Still does the same and lets others read.
	Still() (unlock func(), err error)
	// Join says that a process works with the log until it calls leave, and whether it is the only one.
	Join() (alone bool, leave func(), err error)
}

// File is one segment. Write appends.
type File interface {
	Write([]byte) (int, error)
	ReadAt([]byte, int64) (int, error)
	Size() (int64, error)
	Sync() error
	Close() error
	// Current says whether the file still has the name that it was opened by.
	Current() (bool, error)
}

// Head is the small file that remembers the last checkpoint, so that a log whose end was cut off is noticed.
type Head interface {
	ReadAt([]byte, int64) (int, error)
	WriteAt([]byte, int64) (int, error)
	Sync() error
	Close() error
}

// The files beside the log have its name and one of these. What is sealed has a dot and the index.
const (
	HeadSuffix = ".head"
	lockSuffix = ".lock"
	NextSuffix = ".next" // a segment in the making
)

// folder is a Folder on the disk.
type folder struct{ path string }

// NewFolder is the folder of the log at path. Nothing is made yet.
func NewFolder(path string) Folder { return folder{path} }

func (f folder) at(name string) string { return filepath.Join(filepath.Dir(f.path), name) }

func (f folder) Names() ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(f.path))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if IsSegment(filepath.Base(f.path), e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// Open refuses what cannot hold a record: a directory, a device (/dev/null keeps nothing), a file that others may write
// to.
func (f folder) Open(name string) (File, error) {
	file, err := open(f.at(name), os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	return segmentFile{file, f.at(name)}, nil
}

func (f folder) Read(name string) (File, error) {
	file, err := os.Open(f.at(name))
	if err != nil {
		return nil, err
	}
	return segmentFile{file, f.at(name)}, nil
}

func open(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(check(file), file.Sync(), durable.SyncFolder(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
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

func (f folder) Create(name string, b []byte) error {
	// What a process left that died here goes with it: the lock is held.
	return errors.Join(durable.Sweep(f.at(name)), durable.Write(f.at(name), 0o600, b))
}

func (f folder) Rename(from, to string) error { return durable.Move(f.at(from), f.at(to)) }

func (f folder) Remove(name string) error { return os.Remove(f.at(name)) }

func (f folder) Head() (Head, error) { return open(f.path+HeadSuffix, os.O_RDWR|os.O_CREATE) }

func (f folder) Lock() (unlock func(), err error) { return f.hold(durable.Exclusive) }

func (f folder) Still() (unlock func(), err error) { return f.hold(durable.Shared) }

// hold waits for the lock on the head, however long another process has it: no record may be lost for want of patience.
func (f folder) hold(how durable.Mode) (unlock func(), err error) {
	return durable.Hold(context.Background(), f.path+HeadSuffix, how)
}

func (f folder) Join() (alone bool, leave func(), err error) {
	return durable.Join(f.path + lockSuffix)
}

type segmentFile struct {
	*os.File
	path string
}

func (f segmentFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f segmentFile) Current() (bool, error) {
	own, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(own, named), err
}

// SealedName is the name of a segment of the log base that begins with the line of this index.
func SealedName(base string, first int64) string { return fmt.Sprintf("%s.%012d", base, first) }

// IsSegment reports whether name belongs to the log base.
func IsSegment(base, name string) bool {
	if name == base {
		return true
	}
	digits, found := strings.CutPrefix(name, base+".")
	return found && len(digits) == 12 && strings.Trim(digits, "0123456789") == ""
}

// InOrder returns the segments from the oldest to the active one, which has no number and comes last.
func InOrder(base string, names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	if i := slices.Index(names, base); i >= 0 {
		names = append(slices.Delete(names, i, i+1), base)
	}
	return names
}
