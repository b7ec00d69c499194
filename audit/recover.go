package audit

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"deputy/audit/checkpoint"
	"deputy/audit/segments"
)

// start finds the end of the log, and puts in order what a crash left there.
func (w *writer) start(alone bool) (err error) {
	if w.head, err = w.config.Folder.Head(); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		w.head.Close()
		if w.file != nil {
			w.file.Close()
		}
	}()
	unlock, err := w.config.Folder.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := w.load(); err != nil {
		return err
	}
	if err := w.understood(); err != nil {
		return err
	}
	var left [][]byte
	if w.end == 0 {
		line, err := mark{Kind: segmentMark, Time: w.config.Now().UTC()}.line()
		if err != nil {
			return err
		}
		left = append(left, line)
	}
	var unknown []Record
	if alone {
		unknown = w.unknown()
	}
	for _, r := range unknown {
		line, err := encode(r)
		if err != nil {
			return err
		}
		left = append(left, line)
	}
	if w.torn || w.chain.loose > 0 || len(left) > 0 {
		if err := w.append(left); err != nil {
			return err
		}
	}
	for _, r := range unknown {
		w.config.Closed(r)
	}
	if err := w.tidy(); err != nil {
		w.report(err)
	}
	return nil
}

// unknown closes the calls that have an intent and no outcome: whoever would have written it is dead.
func (w *writer) unknown() []Record {
	var out []Record
	for _, id := range slices.Sorted(maps.Keys(w.chain.open)) {
		r := w.chain.open[id]
		r.Phase, r.Outcome = Ended, Unknown
		r.Reasons = []string{"the server ended before the call did: whether it was answered is not known"}
		out = append(out, r)
	}
	return out
}

// load walks the active segment from its beginning. It is never larger than the size at which it is sealed, and a
// batch.
func (w *writer) load() error {
	if w.loaded && w.chain.last.Size > w.known.Size {
		w.known = w.chain.last
	}
	w.loaded = false
	names, err := w.config.Folder.Names()
	if err != nil {
		return err
	}
	names = segments.InOrder(w.base, names)
	if n := len(names); n > 0 && names[n-1] != w.base { // a crash came between sealing a segment and beginning the next
		if err := w.walkSegment(names[n-1], n > 1); err != nil {
			return err
		}
		if err := w.begin(); err != nil {
			return err
		}
	}
	if err := w.walkSegment(w.base, len(names) > 1 || len(names) == 1 && names[0] != w.base); err != nil {
		return err
	}
	if err := w.compare(); err != nil {
		return err
	}
	w.loaded = true
	return nil
}

// walkSegment makes one segment the writer's own.
func (w *writer) walkSegment(name string, follows bool) error {
	if w.file != nil {
		w.file.Close()
	}
	var err error
	if w.file, err = w.config.Folder.Open(name); err != nil {
		return err
	}
	head, slot, err := readHead(w.head, w.config.Key.Verifier())
	if err != nil {
		return err
	}
	if w.slot = slot; w.known.Size > head.Size {
		head = w.known
	}
	if err := w.rewalk(head, follows, anyone); err != nil {
		return err
	}
	// A signature on the last checkpoint is one on all before it. If it is not ours, those before are to be looked at as
	// well: with one of ours among them, somebody added the others.
	if last := w.chain.last; last.Size > 0 && !trustedBy(w.config.Key.Verifier())(last) {
		if err := w.rewalk(head, follows, trustedBy(w.config.Key.Verifier())); err != nil ||
			trustedBy(w.config.Key.Verifier())(w.chain.last) {
			return err
		}
		if _, err := w.config.Key.Verifier().Open(last.Note); errors.Is(err, checkpoint.ErrForeignKey) {
			return fmt.Errorf(
				"the log %s is signed by another key than %s: give the key it was begun with, or move the log away",
				w.config.Path,
				w.config.Key.Verifier(),
			)
		}
	}
	return nil
}

func (w *writer) rewalk(head checkpoint.Checkpoint, follows bool, trusts func(checkpoint.Checkpoint) bool) error {
	size, err := w.file.Size()
	if err != nil {
		return err
	}
	w.chain, w.end, w.torn, w.first = &chain{}, 0, false, 0
	first, err := firstLine(w.file)
	if err != nil {
		return err
	}
	if m := parseMark(first); m != nil && m.Kind == segmentMark {
		if w.chain, err = resume(m); err != nil {
			return w.changed("its first line does not fit itself")
		}
		if w.first = m.First; follows && w.first == 0 {
			return w.changed("it begins anew, and there are segments before it")
		}
	} else if follows {
		return w.changed("it does not begin as a segment does that follows another")
	}
	w.chain.head = head
	w.chain.met = w.chain.last == head
	return w.walk(io.NewSectionReader(w.file, 0, size), trusts)
}

// compare looks whether the log is what the head remembers. What comes after the last checkpoint may be the work of a
// crash; what is missing before it is not.
func (w *writer) compare() error {
	head := w.chain.head
	switch {
	case head.Size > w.chain.last.Size:
		return w.changed(fmt.Sprintf("it had %d lines and a checkpoint after them", head.Size))
	case head.Size >= max(w.first-1, 1) && !w.chain.met:
		return w.changed(fmt.Sprintf("the checkpoint after line %d is another", head.Size))
	case head.Size == 0 && (w.first > 0 || w.chain.signs > 1):
		return w.changed("its head file is empty or new, and the log is not")
	}
	if w.remembered = head.Size > 0; head.Size < w.chain.last.Size { // a crash came between the log and its head
		if err := w.file.Sync(); err != nil {
			return err
		}
		w.remember(w.chain.last)
	}
	return nil
}

func (w *writer) changed(what string) error {
	return fmt.Errorf(
		"the log %s is not what was written: %s: run deputy audit verify, then move the log and the files beside it away to begin a new one",
		w.config.Path,
		what,
	)
}
