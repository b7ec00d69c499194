package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"deputy/audit/checkpoint"
)

// chain is the state of the log after some of its lines. Every line is a leaf of the tree, whatever it is: record,
// mark, or what a crash left of one. The writer, the recovery and the verification all walk lines through a chain, so
// they cannot disagree.
type chain struct {
	signed  checkpoint.Tree       // what the last checkpoint signs
	last    checkpoint.Checkpoint // the last one that fits; Size 0: there was none
	pending []tlog.Hash           // the lines since: the checkpoint's own line, then what is not signed yet
	signs   int                   // how many checkpoints fitted
	loose   int                   // how many of the pending are neither the checkpoint's own line nor blank

	head checkpoint.Checkpoint // what the head file remembers
	met  bool                  // one of the checkpoints was it

	began time.Time         // when the segment was begun, or its first record
	blind bool              // nobody asks what follows:
	open  map[string]Record // intents without an outcome, by id
	fresh []Record          // records since the last checkpoint: they count once they are signed
	state *State            // the furthest that a record that counts has seen the state of access requests
	newer int               // by how many versions a record is ahead of what this Deputy can read
}

func (c *chain) size() int64 { return c.signed.Size + int64(len(c.pending)) }

func (c *chain) clone() *chain {
	d := *c
	d.pending, d.fresh, d.open = slices.Clone(c.pending), slices.Clone(c.fresh), maps.Clone(c.open)
	return &d // signed is replaced and never changed in place
}

// resume is the chain at the beginning of a segment.
func resume(m *mark) (*chain, error) {
	if m.First == 0 && m.Note == "" && m.Tree == nil && m.Leaf == nil { // of the log, too
		return &chain{}, nil
	}
	last, err := checkpoint.Parse(m.Note)
	if err != nil {
		return nil, err
	}
	before := checkpoint.Tree{Size: m.First - 1, Left: m.Tree}
	if m.Leaf == nil || last.Size != before.Size || last.Root != before.Root() {
		return nil, checkpoint.ErrNoCheckpoint
	}
	c := &chain{signed: before, last: last, pending: []tlog.Hash{*m.Leaf}}
	c.state = m.State
	for _, r := range m.Open {
		c.begin(r)
	}
	return c, nil
}

// add walks one whole line. It says what mark it is, if it is one, and whether it is a checkpoint that fits.
func (c *chain) add(line []byte, trusts func(checkpoint.Checkpoint) bool) (m *mark, fits bool) {
	m = parseMark(line)
	if m != nil && m.Kind == checkpointMark && c.accept(m, trusts) {
		c.pending = append(c.pending, checkpoint.LeafHash(line))
		return m, true
	}
	settled := c.settles(m)
	c.addOther(line)
	switch {
	case settled:
		c.fresh, c.loose = nil, 0
	case m != nil && m.Kind == segmentMark:
		c.began = m.Time
	case m == nil && !c.blind:
		c.note(line)
	}
	return m, false
}

// settles says whether a mark is about all lines since the last checkpoint, as the log writes it. One that is about
// fewer or more was added by somebody who wants lines of his own to count, or others not to: it is a line like those.
func (c *chain) settles(m *mark) bool {
	return m != nil && m.Kind == remainsMark && c.last.Size > 0 && m.Lines == len(c.pending)-1
}

// addOther walks a line that means nothing, such as one that has no end.
func (c *chain) addOther(line []byte) {
	c.pending = append(c.pending, checkpoint.LeafHash(line))
	if len(bytes.TrimSpace(line)) > 0 {
		c.loose++
	}
}

// accept moves on to a checkpoint if it is that of the lines so far.
func (c *chain) accept(m *mark, trusts func(checkpoint.Checkpoint) bool) bool {
	cp, err := checkpoint.Parse(m.Note)
	if err != nil || cp.Size != c.size() {
		return false
	}
	if fits := slices.Equal(m.Leaves, c.pending) || len(m.Leaves) == 0 && len(c.pending) > maxLeaves; !fits {
		return false
	}
	next := c.signed.With(c.pending)
	if cp.Root != next.Root() || !trusts(cp) {
		return false
	}
	c.moveTo(next, cp)
	return true
}

func (c *chain) moveTo(t checkpoint.Tree, cp checkpoint.Checkpoint) {
	c.signed, c.last, c.pending, c.loose = t, cp, nil, 0
	c.signs++
	if cp.Size == c.head.Size {
		c.met = cp == c.head
	}
	for _, r := range c.fresh {
		c.state = c.state.Later(r.State)
		switch r.Phase {
		case Intent:
			c.begin(r)
		default:
			delete(c.open, r.ID)
		}
	}
	c.fresh = nil
}

func (c *chain) begin(r Record) {
	if c.open == nil {
		c.open = map[string]Record{}
	}
	c.open[r.ID] = r
}

// note keeps of a record what is needed to know whether its call has ended, and if not, to close it.
func (c *chain) note(line []byte) {
	var r Record
	err := json.Unmarshal(line, &r)
	c.newer = max(c.newer, r.V-Version)
	if err != nil || r.ID == "" {
		return
	}
	if c.began.IsZero() {
		c.began = r.Time
	}
	if r.Phase == "" { // from before there were intents
		return
	}
	r.SQL, r.SQLDigest, r.Tables = "", "", nil // the intent has them
	c.fresh = append(c.fresh, r)
}

// sign writes the checkpoint of all lines so far and moves on to it. It returns the checkpoint's line.
func (c *chain) sign(k *checkpoint.Key) ([]byte, error) {
	next := c.signed.With(c.pending)
	cp, err := k.Sign(next)
	if err != nil {
		return nil, err
	}
	m := mark{Kind: checkpointMark, Note: cp.Note}
	if len(c.pending) <= maxLeaves {
		m.Leaves = c.pending
	}
	line, err := m.line()
	if err != nil {
		return nil, err
	}
	c.moveTo(next, cp)
	c.pending = []tlog.Hash{checkpoint.LeafHash(line)}
	return line, nil
}

func anyone(checkpoint.Checkpoint) bool { return true }

// trustedBy says which checkpoints are signed by the key.
func trustedBy(v *checkpoint.Verifier) func(checkpoint.Checkpoint) bool {
	return func(c checkpoint.Checkpoint) bool {
		_, err := v.Open(c.Note)
		return err == nil
	}
}
