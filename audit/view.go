package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"deputy/audit/checkpoint"
	"deputy/audit/segments"
)

// View is a log as it is at one moment, for readers that come back to it: what they have read once, they need not read
// again.
type View struct {
	s      *snapshot
	firsts []int64 // index of the first line of each segment
}

// NewView opens the log at path. What is written later is not in it.
func NewView(path string) (*View, error) {
	s, err := takeSnapshot(segments.NewFolder(path), filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	v := &View{s: s}
	for _, segment := range s.segments {
		line, err := firstLine(segment.file)
		if err != nil {
			v.Close()
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		first := int64(0)
		if m := parseMark(line); m != nil && m.Kind == segmentMark {
			first = m.First
		}
		v.firsts = append(v.firsts, first)
	}
	return v, nil
}

// Close closes the files.
func (v *View) Close() { v.s.close() }

// First is the index of the first line that is there.
func (v *View) First() int64 { return v.firsts[0] }

// Size is how many bytes the log has.
func (v *View) Size() (n int64) {
	for _, segment := range v.s.segments {
		n += segment.size
	}
	return n
}

// Place is where a line stands. A segment's name changes when it is sealed, the index of its first line does not.
type Place struct {
	First  int64 // index of the segment's first line
	Index  int64 // of the line in the whole log
	Offset int64 // in the segment's file, in bytes
	Length int   // without the newline
}

// Bookmark is a place right behind a checkpoint: all before it is signed. The zero one is the beginning of the log.
type Bookmark struct {
	Place           // of the checkpoint
	Hash  tlog.Hash // of its line
}

// ErrOtherLog is the error for a bookmark that is of another log, or of a part that is gone.
var ErrOtherLog = errors.New("the log is not the one that the bookmark is of")

// Raw is one record as it stands in the log.
type Raw struct {
	Place
	Text []byte
}

// Batch is what one checkpoint signs.
type Batch struct {
	Records []Raw
	End     Bookmark
}

// Batches yields what was signed behind a bookmark. Lines that no checkpoint signs yet, that are remains of a crash, or
// that are no records are left out. That a signature is true is not checked: see Verify.
func (v *View) Batches(after Bookmark) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		from, err := v.find(after)
		if err != nil {
			yield(Batch{}, err)
			return
		}
		var pending []Raw
		for i := from; i < len(v.s.segments); i++ {
			at := Place{First: v.firsts[i], Index: v.firsts[i]}
			if i == from && after != (Bookmark{}) {
				at.Index, at.Offset = after.Index+1, after.Offset+int64(after.Length)+1
			}
			in, number := v.s.segments[i], 0
			remains, err := remainsIn(io.NewSectionReader(in.file, at.Offset, in.size-at.Offset))
			if err == nil && len(remains) > 0 && remains[0].from < 1 && after != (Bookmark{}) {
				err = ErrOtherLog // the bookmark's checkpoint is among them: somebody had added it
			}
			if err != nil {
				yield(Batch{}, fmt.Errorf("reading the audit log: %w", err))
				return
			}
			for line, err := range linesOf(io.NewSectionReader(in.file, at.Offset, in.size-at.Offset)) {
				if err != nil {
					yield(Batch{}, fmt.Errorf("reading the audit log: %w", err))
					return
				}
				number++
				for len(remains) > 0 && remains[0].to <= number {
					remains = remains[1:]
				}
				at.Length = len(line.text)
				m := parseMark(line.text)
				switch {
				case len(remains) > 0 && remains[0].from <= number: // also a checkpoint
				case m == nil && line.whole && len(bytes.TrimSpace(line.text)) > 0 && at.Length <= maxLine:
					pending = append(pending, Raw{at, bytes.Clone(line.text)})
				case m != nil && m.Kind == remainsMark && line.whole:
					pending = nil
				case m != nil && m.Kind == checkpointMark && line.whole:
					if c, err := checkpoint.Parse(m.Note); err != nil || c.Size != at.Index {
						break
					}
					if !yield(Batch{pending, Bookmark{at, line.hash()}}, nil) {
						return
					}
					pending = nil
				}
				at.Index, at.Offset = at.Index+1, at.Offset+int64(at.Length)+1
			}
		}
	}
}

// find is the segment that has the bookmark.
func (v *View) find(b Bookmark) (int, error) {
	if b == (Bookmark{}) {
		return 0, nil
	}
	text, err := v.read(b.Place)
	if err != nil || checkpoint.LeafHash(text) != b.Hash {
		return 0, ErrOtherLog
	}
	return v.segment(b.Place), nil
}

func (v *View) segment(p Place) int {
	for i, first := range v.firsts {
		if first == p.First {
			return i
		}
	}
	return -1
}

func (v *View) read(p Place) ([]byte, error) {
	i := v.segment(p)
	if i < 0 || p.Length < 0 || p.Length > maxLine || p.Offset < 0 || p.Offset+int64(p.Length) > v.s.segments[i].size {
		return nil, ErrOtherLog
	}
	text := make([]byte, p.Length)
	if _, err := v.s.segments[i].file.ReadAt(text, p.Offset); err != nil {
		return nil, err
	}
	return text, nil
}

// Record reads the record that stands at a place, byte by byte as it was written.
func (v *View) Record(p Place) (Entry, error) {
	text, err := v.read(p)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Index: p.Index, Segment: v.s.segments[v.segment(p)].name}
	e.Record, err = decode(text)
	return e, err
}
