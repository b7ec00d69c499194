package backup

import (
	"bytes"
	"errors"
	"io"

	"deputy/audit/segments"
)

// bytesFile is a file that is only read, in memory.
type bytesFile struct{ *bytes.Reader }

func (f bytesFile) Size() (int64, error) { return f.Reader.Size(), nil }

// Write fails: see bytesFile.
func (bytesFile) Write([]byte) (int, error) { return 0, errors.New("the file is only read") }

func (bytesFile) Sync() error { return nil }

func (bytesFile) Close() error { return nil }

// Current is true: no process renames it.
func (bytesFile) Current() (bool, error) { return true, nil }

// inMemory reads a small file and closes it.
func inMemory(file segments.File, size int64) (segments.File, error) {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, size))
	return bytesFile{bytes.NewReader(text)}, errors.Join(err, file.Close())
}
