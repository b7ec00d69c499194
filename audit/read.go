package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"

	"deputy/audit/segments"
)

// Entry is a record and where it stands.
type Entry struct {
	Record
	Index   int64  // of its line in the whole log, from 0
	Segment string // name of the file
	Line    int    // in the file, from 1
}

// Read yields the records of one segment in order. A line that is no record (torn by a crash, edited, too long) is
// yielded as an error that names its number, and reading goes on with the next; an error of the reader itself ends it.
// Blank lines, lines of the log about itself, and what it declared to be remains of a crash are skipped. Read checks
// nothing: see Verify.
func Read(r io.ReadSeeker) iter.Seq2[Record, error] {
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
		s, err := takeSnapshot(segments.NewFolder(path), filepath.Base(path))
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

func readSegment(name string, r io.ReadSeeker) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		remains, err := remainsIn(r)
		if err == nil {
			_, err = r.Seek(0, io.SeekStart)
		}
		if err != nil {
			yield(Entry{}, fmt.Errorf("reading the audit log: %w", err))
			return
		}
		number, first := 0, int64(0)
		for line, err := range linesOf(r) {
			if err != nil {
				yield(Entry{}, fmt.Errorf("reading the audit log: %w", err))
				return
			}
			number++
			if m := parseMark(line.text); m != nil {
				if m.Kind == segmentMark && number == 1 {
					first = m.First
				}
				continue
			}
			for len(remains) > 0 && remains[0].to <= number {
				remains = remains[1:]
			}
			if len(remains) > 0 && remains[0].from <= number || len(bytes.TrimSpace(line.text)) == 0 {
				continue
			}
			e, bad := read(line.text, name, number)
			if e.Index = first + int64(number) - 1; !yield(e, bad) {
				return
			}
		}
	}
}

// stretch is the lines from one up to, and without, another.
type stretch struct{ from, to int }

// remainsIn finds the lines of a segment that do not count, in order. A mark among them does not count either.
func remainsIn(r io.Reader) ([]stretch, error) {
	var marked []stretch
	number := 0
	for line, err := range linesOf(r) {
		if err != nil {
			return nil, err
		}
		number++
		if m := parseMark(line.text); m != nil && m.Kind == remainsMark {
			marked = append(marked, stretch{number - m.Lines, number})
		}
	}
	var out []stretch
	for _, s := range slices.Backward(marked) {
		if len(out) == 0 || s.to < out[len(out)-1].from {
			out = append(out, s)
		}
	}
	slices.Reverse(out)
	return out, nil
}

func read(text []byte, name string, number int) (e Entry, bad error) {
	e = Entry{Segment: name, Line: number}
	if e.Record, bad = decode(text); bad != nil {
		where := "audit log"
		if name != "" {
			where += " " + name
		}
		bad = fmt.Errorf("%s, line %d: not a record: %w", where, number, bad)
	}
	return e, bad
}

// snapshot is the log as it is at one moment, between two batches.
type snapshot struct {
	segments []openSegment
	head     segments.File // nil: there is none
}

type openSegment struct {
	name string
	file segments.File
	size int64
}

func (s openSegment) reader() *io.SectionReader { return io.NewSectionReader(s.file, 0, s.size) }

func takeSnapshot(folder segments.Folder, base string) (_ *snapshot, err error) {
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
	for _, name := range segments.InOrder(base, names) {
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
	if s.head, err = folder.Read(base + segments.HeadSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
