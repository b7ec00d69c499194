package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
)

// Entry is a record and where it stands.
type Entry struct {
	Record
	Index   int64  // of its line in the whole log, from 0
	Segment string // name of the file
	Line    int    // in the file, from 1
}

// Read yields the records of one segment in order. A line that is no record (torn by a crash, edited, too long) is yielded as an
// error that names its number, and reading goes on with the next; an error of the reader itself ends it. Blank lines, lines of the
// log about itself, and what it declared to be remains of a crash are skipped. Read checks nothing: see Verify.
func Read(r io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for e, err := range readSegment("", r) {
			if !yield(e.Record, err) {
				return
			}
		}
	}
}

// Records yields the records of all segments of the log at path, from the oldest to those that are on the disk now.
func Records(path string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		s, err := takeSnapshot(NewFolder(path), filepath.Base(path))
		if err != nil {
			yield(Entry{}, fmt.Errorf("reading the audit log: %w", err))
			return
		}
		defer s.close()
		for _, segment := range s.segments {
			for e, err := range readSegment(segment.name, segment.reader()) {
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// found is what a line was read as.
type found struct {
	Entry
	err error
}

func readSegment(name string, r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var held []found // since the last checkpoint: the next line may say that they do not count
		release := func() bool {
			for _, f := range held {
				if !yield(f.Entry, f.err) {
					return false
				}
			}
			held = held[:0]
			return true
		}
		number, index := 0, int64(-1)
		for line, err := range linesOf(r) {
			if err != nil {
				if release() {
					yield(Entry{}, fmt.Errorf("reading the audit log: %w", err))
				}
				return
			}
			number++
			index++
			m := parseMark(line.text)
			switch {
			case m == nil:
				held = append(held, read(line.text, name, number, index)...)
			case m.Kind == remainsMark:
				held = held[:0]
			case m.Kind == segmentMark && number == 1:
				index = m.First
			}
			if whole := m != nil && m.Kind == checkpointMark || len(held) > maxLeaves; whole && !release() {
				return
			}
		}
		release()
	}
}

// read is a line that is no mark: nothing when it is blank.
func read(text []byte, name string, number int, index int64) []found {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	f := found{Entry: Entry{Index: index, Segment: name, Line: number}}
	if f.Record, f.err = decode(text); f.err != nil {
		where := "audit log"
		if name != "" {
			where += " " + name
		}
		f.err = fmt.Errorf("%s, line %d: not a record: %w", where, number, f.err)
	}
	return []found{f}
}

// snapshot is the log as it is at one moment, between two batches.
type snapshot struct {
	segments []openSegment
	head     File // nil: there is none
}

type openSegment struct {
	name string
	file File
	size int64
}

func (s openSegment) reader() *io.SectionReader { return io.NewSectionReader(s.file, 0, s.size) }

func takeSnapshot(folder Folder, base string) (_ *snapshot, err error) {
	if unlock, err := folder.Still(); err == nil { // an auditor's copy may have nothing to lock, and nobody who writes
		defer unlock()
	}
	s := &snapshot{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	names, err := folder.Names()
	if err != nil {
		return nil, err
	}
	for _, name := range inOrder(base, names) {
		file, err := folder.Read(name)
		if err != nil {
			return nil, err
		}
		s.segments = append(s.segments, openSegment{name: name, file: file})
		if s.segments[len(s.segments)-1].size, err = file.Size(); err != nil {
			return nil, err
		}
	}
	if len(s.segments) == 0 {
		return nil, fmt.Errorf("%s: %w", base, fs.ErrNotExist)
	}
	if s.head, err = folder.Read(base + headSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return s, nil
}

func (s *snapshot) close() {
	for _, segment := range s.segments {
		segment.file.Close()
	}
	if s.head != nil {
		s.head.Close()
	}
}
