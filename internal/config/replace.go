package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// change is a file that another text is to take the place of.
type change struct {
	path string // of the file itself, behind all links
	info os.FileInfo
	text []byte
}

// openForChange reads a file, and makes sure that it can be replaced.
func openForChange(path string) (*change, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	text, err := read(real, maxFile)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return &change{real, info, text}, nil
}

// replace puts the new text in the place of the old one in one step, with the same mode and owner. No reader ever sees half of it.
// Somebody else's change that came in between is not undone.
func (c *change) replace(text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(c.path), "."+filepath.Base(c.path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("the file cannot be replaced: %w", err)
	}
	defer os.Remove(f.Name()) // it is no longer there if all went well
	_, err = f.Write(text)
	if err = errors.Join(err, keepOwner(f, c.info), f.Chmod(c.info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("the file cannot be replaced: %w", err)
	}
	if now, err := read(c.path, maxFile); err != nil || !bytes.Equal(now, c.text) {
		return errors.New("somebody else has just changed the file, so nothing was changed: try again")
	}
	if err := os.Rename(f.Name(), c.path); err != nil {
		return fmt.Errorf("the file cannot be replaced: %w", err)
	}
	return nil
}
