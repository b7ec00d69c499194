// Package backup copies an audit log while Deputy writes it, and looks at copies that other tools have taken.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"deputy/audit/segments"
	"deputy/internal/durable"
)

// Copied is what Copy has copied.
type Copied struct {
	Log   string `json:"log"` // the path of the copy's active segment
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
}

// Copy copies the log at path, as it is at one moment, into a folder that is empty or not there. Deputy goes on
// writing. progress hears how many of how many bytes are copied; nil: nothing does. After an error, what was copied is
// removed again.
func Copy(ctx context.Context, path, dir string, progress func(done, all int64)) (c Copied, err error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	moment, err := take(segments.NewFolder(path), filepath.Base(path))
	if err != nil {
		return c, fmt.Errorf("reading the audit log: %w", err)
	}
	defer moment.close()
	made, err := empty(dir)
	if err != nil {
		return c, err
	}
	defer func() {
		if err == nil {
			return
		}
		for _, p := range moment.parts {
			err = errors.Join(err, removed(filepath.Join(dir, p.name)))
		}
		if made {
			err = errors.Join(err, removed(dir))
		}
	}()
	for _, p := range moment.parts {
		of := func(n int64) { progress(c.Bytes+n, moment.bytes) }
		if err := p.copyTo(ctx, filepath.Join(dir, p.name), of); err != nil {
			return Copied{}, fmt.Errorf("copying %s: %w", p.name, err)
		}
		c.Files++
		c.Bytes += p.size
	}
	c.Log = filepath.Join(dir, filepath.Base(path))
	return c, durable.SyncFolder(dir)
}

func removed(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// empty makes sure that there is a folder with nothing in it, and reports whether it had to be made.
func empty(dir string) (made bool, err error) {
	err = os.Mkdir(dir, 0o700)
	if err == nil || !errors.Is(err, fs.ErrExist) {
		return err == nil, err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty: name a folder that is, or one that is not there yet", dir)
	}
	return false, err
}

// moment is the log as it is while no process writes. Its files stay open, whatever names they get.
type moment struct {
	parts []part
	bytes int64
}

// part is as much of a file as was there.
type part struct {
	name string
	file segments.File
	size int64
}

func take(folder segments.Folder, base string) (m *moment, err error) {
	unlock, err := folder.Still()
	if err != nil {
		return nil, err
	}
	defer unlock()
	m = &moment{}
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	names, err := folder.Names()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: %w", base, fs.ErrNotExist)
	}
	for _, name := range append(segments.InOrder(base, names), base+segments.HeadSuffix) {
		file, err := folder.Read(name)
		if err != nil {
			return nil, err
		}
		m.parts = append(m.parts, part{name: name, file: file})
		p := &m.parts[len(m.parts)-1]
		if p.size, err = file.Size(); err != nil {
			return nil, err
		}
		if name == base+segments.HeadSuffix { // it is written in place: what it says must be of this moment
			if p.file, err = inMemory(file, p.size); err != nil {
				return nil, err
			}
		}
		m.bytes += p.size
	}
	return m, nil
}

func (m *moment) close() {
	for _, p := range m.parts {
		p.file.Close()
	}
}

// copyTo stops between two pieces of a file when the context ends.
func (p part) copyTo(ctx context.Context, path string, progress func(n int64)) (err error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	const piece = 4 << 20
	for at := int64(0); at < p.size; at += piece {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.Copy(out, io.NewSectionReader(p.file, at, min(piece, p.size-at)))
		if err != nil {
			return err
		}
		if n < min(piece, p.size-at) {
			return io.ErrUnexpectedEOF
		}
		progress(at + n)
	}
	return out.Sync()
}
