package stops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"deputy/internal/durable"
)

// lockTime is how long a change waits for another process that changes the list.
const lockTime = 5 * time.Second

// Add puts an entry on the list at a path, which is made if it is not there; like is the file whose owner it gets
// then. The list is durable when Add returns nil. added is false when the party was on it already. A list that cannot
// be read is not replaced: what it said would be lost.
func Add(ctx context.Context, path, like string, s Stop) (added bool, err error) {
	if err := s.check(); err != nil {
		return false, err
	}
	return change(ctx, path, like, func(all []Stop) []Stop { return with(all, s) })
}

// Remove takes a party off the list. removed is false when it was not on it.
func Remove(ctx context.Context, path, like string, s Stop) (removed bool, err error) {
	return change(ctx, path, like, func(all []Stop) []Stop { return without(all, s) })
}

func change(ctx context.Context, path, like string, next func([]Stop) []Stop) (changed bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	unlock, err := durable.Lock(waiting, path)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("another process is changing it: end that one, or see which one holds %s.lock", path)
	}
	if err != nil {
		return false, fmt.Errorf("changing the list of stops: %w", err)
	}
	defer unlock()
	before, _, err := Read(path)
	if err != nil {
		return false, err
	}
	after := next(before)
	if len(after) == len(before) {
		return false, nil
	}
	return true, durable.Replace(path, like, encode(after))
}

// Read reads the list at a path, and the hash of it. A list that is not there is empty.
func Read(path string) (all []Stop, hashed string, err error) {
	text, _, err := readFile(path)
	if errors.Is(err, errGone) {
		return nil, none, nil
	}
	if err == nil {
		all, err = parse(text)
	}
	if err != nil {
		return nil, "", fmt.Errorf("the list of stops %s cannot be read: %w", path, err)
	}
	return all, hash(text), nil
}

// errGone: there is no file of that name, and no link either.
var errGone = errors.New("there is no such file")

// maxFile is the size of the largest list that is read, in bytes.
const maxFile = 1 << 20

// readFile reads a file that must be a plain one behind its links, and never waits for a writer of a pipe.
func readFile(path string) ([]byte, os.FileInfo, error) {
	if _, err := find(path); err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|nonblocking, 0)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("it is not a plain file")
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	return text, info, err
}

// find looks at the file behind a path. A link that leads nowhere is there, and cannot be read.
func find(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, errGone
		}
		return nil, errors.New("it is a link that leads nowhere")
	}
	return info, err
}
