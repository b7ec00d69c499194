package backup

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"

	"deputy/audit/checkpoint"
	"deputy/audit/segments"
)

// Whole is a view of a copy that was taken file by file while Deputy wrote, up to the last checkpoint that all of its
// files have in common: what comes after it is left out. Whether what is left is as it was signed is for a verification
// of the view to say; it cannot say whether the rest is missing because the copy was taken early, or because somebody
// cut it off.
//
// left are the files of which something is left out, in their order: the first may be cut, the others are left out as a
// whole.
func Whole(path string, v *checkpoint.Verifier) (view segments.Folder, left []string, err error) {
	folder, base := segments.NewFolder(path), filepath.Base(path)
	names, err := folder.Names()
	if err != nil {
		return nil, nil, err
	}
	var all []ends
	for _, name := range segments.InOrder(base, names) {
		e, err := look(folder, name)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, e)
	}
	for len(all) > 1 && !follows(all[len(all)-2], all[len(all)-1]) {
		left = append([]string{all[len(all)-1].name}, left...)
		all = all[:len(all)-1]
	}
	if len(all) == 0 || all[len(all)-1].note == "" {
		return nil, nil, errors.New("there is no checkpoint in the last segment")
	}
	w := whole{Folder: folder, base: base, names: map[string]string{}, last: all[len(all)-1]}
	for _, e := range all[:len(all)-1] {
		w.names[e.name] = e.name
	}
	w.names[base] = w.last.name // what is the last of the copy is as the active one of a log
	if w.last.whole < w.last.size {
		left = append([]string{w.last.name}, left...)
	}
	w.head, err = w.headFor(v)
	return w, left, err
}

// whole is a Folder to read from.
type whole struct {
	segments.Folder
	base  string
	names map[string]string // of the view's segments, those in the copy
	last  ends
	head  []byte
}

func (w whole) Names() (out []string, _ error) {
	for name := range w.names {
		out = append(out, name)
	}
	return out, nil
}

// Still has no other process to wait for.
func (w whole) Still() (unlock func(), err error) { return func() {}, nil }

func (w whole) Read(name string) (segments.File, error) {
	if name == w.base+segments.HeadSuffix {
		return bytesFile{bytes.NewReader(w.head)}, nil
	}
	file, err := w.Folder.Read(w.names[name])
	if err != nil || name != w.base {
		return file, err
	}
	return cutFile{file, w.last.whole}, nil
}

// headFor is the copy's own head, if that is not ahead of the last checkpoint; else the checkpoint takes its place.
func (w whole) headFor(v *checkpoint.Verifier) ([]byte, error) {
	last, err := v.Open(w.last.note)
	if err != nil {
		return []byte(w.last.note), nil // the verification says that better
	}
	file, err := w.Folder.Read(w.base + segments.HeadSuffix)
	if err != nil {
		return []byte(w.last.note), nil
	}
	defer file.Close()
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 4096))
	if err != nil {
		return nil, err
	}
	for _, slot := range bytes.Split(text, []byte{0}) {
		if c, err := v.Open(string(slot)); err == nil && c.Size > last.Size {
			return []byte(w.last.note), nil
		}
	}
	return text, nil
}

// cutFile is the beginning of a file.
type cutFile struct {
	segments.File
	size int64
}

func (f cutFile) Size() (int64, error) { return f.size, nil }

// ends is what stands at both ends of a segment.
type ends struct {
	name  string
	first int64 // index of the first line
	lines int64
	size  int64  // bytes
	whole int64  // bytes up to the end of the last checkpoint
	note  string // of that checkpoint; empty: there is none
}

// follows reports whether one segment goes on where the other ends. One that was copied before it was sealed, and
// again after it, does not follow itself.
func follows(before, next ends) bool { return next.first == before.first+before.lines }

func look(folder segments.Folder, name string) (e ends, err error) {
	file, err := folder.Read(name)
	if err != nil {
		return e, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return e, err
	}
	e.name, e.size = name, size
	at := int64(0)
	for lines := bufio.NewReader(io.NewSectionReader(file, 0, size)); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) { // what has no end is not counted
			return e, nil
		}
		if err != nil {
			return e, err
		}
		at += int64(len(line))
		e.lines++
		var mark struct {
			Log   string
			First int64
			Note  string
		}
		if !bytes.HasPrefix(line, []byte(`{"log":`)) || json.Unmarshal(line, &mark) != nil {
			continue
		}
		if mark.Log == "segment" && e.lines == 1 {
			e.first = mark.First
		}
		if mark.Log == "checkpoint" {
			e.whole, e.note = at, mark.Note
		}
	}
}
