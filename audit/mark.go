package audit

import (
	"bytes"
	"encoding/json"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// mark is a line that the log writes about itself, between the records. It begins with {"log":, which no record does.
type mark struct {
	Kind markKind `json:"log"`

	// Of a checkpoint, which signs all lines before it. Leaves are the hashes of those since the last one: they say which
	// line is not as it was when the root only says that one is. Left out when there are more than maxLeaves.
	Note   string      `json:"note,omitempty"`
	Leaves []tlog.Hash `json:"leaves,omitempty"`

	// Of a segment, whose first line it is. Note is the checkpoint that the segment before ended with, a line whose hash
	// is Leaf; Tree is what that checkpoint signs. So a segment can be checked without those before it. The log's first
	// has none of these.
	First int64       `json:"first,omitempty"` // index of this line
	Tree  []tlog.Hash `json:"tree,omitempty"`
	Leaf  *tlog.Hash  `json:"leaf,omitempty"`
	Open  []Record    `json:"open,omitempty"` // intents that have no outcome yet, in short
	// State is the furthest that the records before the segment have seen the state of access requests.
	State *State `json:"state,omitempty"`

	// Of remains and adopted: how many lines before this one, since the last checkpoint.
	Lines int `json:"lines,omitempty"`

	// Of retired: lines before this index may be gone.
	Before int64 `json:"before,omitempty"`

	Time time.Time `json:"time,omitzero"` // of segment, remains, adopted and retired
}

type markKind string

const (
	checkpointMark markKind = "checkpoint"
	segmentMark    markKind = "segment"
	remainsMark    markKind = "remains" // lines that a crash or a failed write left: nobody was told that they are safe
	adoptedMark    markKind = "adopted" // lines of a log that was begun without signatures
	retiredMark    markKind = "retired" // segments that were deleted because they were old
)

const markPrefix = `{"log":`

// maxLeaves is more than a batch has: only a log that is taken over has more lines between two checkpoints.
const maxLeaves = 8192

// line is the mark as it is written, without its newline.
func (m mark) line() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return nil, err
	}
	return Escape(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// parseMark reads a mark; nil: the line is none. Each mark has one way to be written, and a line that says the same in
// another has been changed.
func parseMark(line []byte) *mark {
	if !bytes.HasPrefix(line, []byte(markPrefix)) || len(line) > maxLine {
		return nil
	}
	var m mark
	if json.Unmarshal(line, &m) != nil {
		return nil
	}
	if again, err := m.line(); err != nil || !bytes.Equal(again, line) {
		return nil
	}
	return &m
}
