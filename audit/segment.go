package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"deputy/audit/checkpoint"
	"deputy/audit/segments"
)

// sweepEvery is how often old segments are looked for.
const sweepEvery = time.Hour

// rotateAgain is how long a rotation that failed waits. Meanwhile the segment grows.
const rotateAgain = time.Minute

// tidy seals the segment when it is large enough, and deletes segments that are old enough. The log goes on if it
// cannot.
func (w *writer) tidy() error {
	now := w.config.Now()
	// so that little is kept for too long
	old := w.config.Keep > 0 && !w.chain.began.IsZero() && now.Sub(w.chain.began) > w.config.Keep/10
	if (w.end >= w.config.Rotate || old) && w.chain.last.Size > 0 && w.chain.loose == 0 && !now.Before(w.notBefore) {
		if err := w.begin(); err != nil {
			w.notBefore = now.Add(rotateAgain)
			return fmt.Errorf("the next segment has to wait: %w", err)
		}
	}
	if w.config.Keep <= 0 || now.Sub(w.swept) < sweepEvery {
		return nil
	}
	w.swept = now
	return w.retire(now.Add(-w.config.Keep))
}

// begin seals the writer's segment and makes the next one the active one. The new one is durable before it gets its
// name, and has a checkpoint of its own. A crash in between leaves no active segment: load then begins it anew.
func (w *writer) begin() error {
	next := w.chain.clone()
	m := mark{
		Kind:  segmentMark,
		First: next.size(),
		Note:  next.last.Note,
		Tree:  next.signed.Left,
		Leaf:  &next.pending[0],
		State: next.state,
		Time:  w.config.Now().UTC(),
	}
	if len(next.pending) != 1 {
		return errors.New("a segment that does not end with a checkpoint cannot be sealed")
	}
	for _, id := range slices.Sorted(maps.Keys(next.open)) {
		m.Open = append(m.Open, next.open[id])
	}
	line, err := m.line()
	if err != nil {
		return err
	}
	next.add(line, nobody)
	signed, err := next.sign(w.config.Key)
	if err != nil {
		return err
	}
	text := slices.Concat(line, []byte("\n"), signed, []byte("\n"))
	folder := w.config.Folder
	if err := folder.Create(w.base+segments.NextSuffix, text); err != nil {
		return err
	}
	if current, err := w.file.Current(); err != nil {
		return err
	} else if current {
		names, err := folder.Names()
		if err != nil {
			return err
		}
		if slices.Contains(names, w.base) {
			if err := folder.Rename(w.base, segments.SealedName(w.base, w.first)); err != nil {
				return err
			}
		}
	}
	if err := folder.Rename(w.base+segments.NextSuffix, w.base); err != nil {
		return err
	}
	file, err := folder.Open(w.base)
	if err != nil {
		return err
	}
	w.file.Close()
	w.file, w.chain, w.first, w.end, w.torn, w.failed = file, next, m.First, int64(len(text)), false, false
	w.remember(next.last)
	return nil
}

// retire deletes the segments that were sealed before a time. First the log says so, for whoever misses them.
func (w *writer) retire(before time.Time) error {
	names, err := w.config.Folder.Names()
	if err != nil {
		return err
	}
	names = segments.InOrder(w.base, names)
	var old []string
	var kept int64
	for i := range len(names) - 1 {
		m, err := w.beginning(names[i+1])
		if err != nil {
			return err
		}
		if m.Time.After(before) {
			break
		}
		old, kept = append(old, names[i]), m.First
	}
	if len(old) == 0 {
		return nil
	}
	line, err := mark{Kind: retiredMark, Before: kept, Time: w.config.Now().UTC()}.line()
	if err != nil {
		return err
	}
	if err := w.append([][]byte{line}); err != nil {
		return err
	}
	for _, name := range old {
		if err := w.config.Folder.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// beginning is the first line of a segment that follows another. Its time decides what is deleted, so the checkpoint
// behind it must be one of ours.
func (w *writer) beginning(name string) (*mark, error) {
	f, err := w.config.Folder.Read(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var m *mark
	var c *chain
	for line, err := range linesOf(io.NewSectionReader(f, 0, 4*maxLine)) {
		switch {
		case err != nil:
			return nil, err
		case m != nil:
			if _, fits := c.add(line.text, trustedBy(w.config.Key.Verifier())); fits {
				return m, nil
			}
		default:
			if m = parseMark(line.text); m != nil && m.Kind == segmentMark {
				if c, err = resume(m); err == nil {
					c.add(line.text, nobody)
					continue
				}
			}
		}
		break
	}
	return nil, errors.New(name + " does not begin as a segment does: run deputy audit verify")
}

func firstLine(f io.ReaderAt) ([]byte, error) {
	for l, err := range linesOf(io.NewSectionReader(f, 0, 2*maxLine)) {
		if err != nil || !l.whole {
			return nil, err
		}
		return l.text, nil
	}
	return nil, nil
}

// physicalLine is one line of a file, without its newline; the last may have none.
type physicalLine struct {
	text  []byte
	whole bool
}

// hash is the line's leaf.
func (l physicalLine) hash() tlog.Hash { return checkpoint.LeafHash(l.text) }

// linesOf yields all lines. A text is good until the next.
func linesOf(r io.Reader) iter.Seq2[physicalLine, error] {
	return func(yield func(physicalLine, error) bool) {
		in := bufio.NewReaderSize(r, 1<<16)
		var text []byte
		for {
			text = text[:0]
			piece, err := in.ReadSlice('\n')
			for errors.Is(err, bufio.ErrBufferFull) {
				text = append(text, piece...)
				piece, err = in.ReadSlice('\n')
			}
			text = append(text, piece...)
			switch {
			case err == nil:
				if !yield(physicalLine{text[:len(text)-1], true}, nil) {
					return
				}
			case err == io.EOF:
				if len(text) > 0 {
					yield(physicalLine{text, false}, nil)
				}
				return
			default:
				yield(physicalLine{}, err)
				return
			}
		}
	}
}
