package audit

import (
	"bytes"
	"errors"
	"io"

	"deputy/audit/checkpoint"
)

// headSlots are the two places of the head file, each one sector. Checkpoints go into them in turn: whatever a crash
// does to the one that is being written, the other is whole.
const (
	headSlots = 2
	headSlot  = 512
)

// errHeadDamaged is a head file that once held something and now holds no checkpoint of the key.
var errHeadDamaged = errors.New("the head file holds no checkpoint of this log's key")

// readHead is the latest checkpoint that the head remembers; Size 0: nothing was ever written to it. slot is where it
// stands.
func readHead(h io.ReaderAt, v *checkpoint.Verifier) (latest checkpoint.Checkpoint, slot int, err error) {
	damaged := false
	for i := range headSlots {
		text := make([]byte, headSlot)
		n, err := h.ReadAt(text, int64(i*headSlot))
		if err != nil && !errors.Is(err, io.EOF) {
			return checkpoint.Checkpoint{}, 0, err
		}
		text = bytes.TrimRight(text[:n], "\x00")
		if len(text) == 0 {
			continue
		}
		c, err := v.Open(string(text))
		if err != nil {
			damaged = true
		} else if c.Size >= latest.Size {
			latest, slot = c, i
		}
	}
	if damaged && latest.Size == 0 {
		return checkpoint.Checkpoint{}, 0, errHeadDamaged
	}
	return latest, slot, nil
}

// remember writes a checkpoint into the slot that does not hold the latest. It is not synced: the head may lag, and
// must never be ahead of the log.
func (w *writer) remember(c checkpoint.Checkpoint) {
	slot := (w.slot + 1) % headSlots
	text := make([]byte, headSlot)
	copy(text, c.Note) // it fits: see maxKeyName
	if _, err := w.head.WriteAt(text, int64(slot*headSlot)); err != nil {
		w.report(err)
		return
	}
	if w.slot = slot; !w.remembered { // from now on an empty head is one that was emptied
		w.remembered = w.head.Sync() == nil
	}
}
