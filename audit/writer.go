package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"deputy/audit/checkpoint"
	"deputy/audit/segments"
)

// writer owns the active segment and the state of the log up to its end. Only one goroutine uses it.
type writer struct {
	config Config
	base   string // name of the active segment

	file       segments.File
	head       segments.Head
	slot       int  // of the head that holds the latest checkpoint
	remembered bool // the head was synced with something in it

	loaded bool // the file is the log's; false: it was looked at, and is not
	chain  *chain
	known  checkpoint.Checkpoint // the latest that was seen: what the head cannot take back while we run
	first  int64                 // index of the segment's first line
	end    int64                 // bytes of the file that the chain has walked
	torn   bool                  // they do not end with a newline
	failed bool                  // the last batch: what is behind end is anybody's guess
	swept  time.Time

	notBefore time.Time // when the next rotation may be tried
}

func (w *writer) report(err error) { w.config.Report(fmt.Errorf("the audit log: %w", err)) }

// write makes lines durable: one write and one sync, a checkpoint of the whole log included.
func (w *writer) write(lines [][]byte) error {
	unlock, err := w.config.Folder.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := w.catchUp(); err != nil {
		return err
	}
	if err := w.append(lines); err != nil {
		return err
	}
	if err := w.tidy(); err != nil { // the lines are safe all the same
		w.report(err)
	}
	return nil
}

// append writes lines and a checkpoint behind what the chain has walked.
func (w *writer) append(lines [][]byte) error {
	if err := w.understood(); err != nil {
		return err
	}
	next := w.chain.clone()
	text, err := w.compose(next, lines)
	if err != nil {
		return err
	}
	n, err := w.file.Write(text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		w.failed = true
		return err
	}
	w.chain, w.failed, w.torn = next, false, false
	w.end += int64(len(text))
	w.remember(next.last)
	return nil
}

// understood refuses a log in which a newer Deputy has written: what its records mean for those that follow is not
// known here.
func (w *writer) understood() error {
	if err := readable(w.chain.newer); err != nil {
		return fmt.Errorf("%s has a record that cannot be read: %w", w.config.Path, err)
	}
	return nil
}

// compose makes the text of a batch and walks it.
//
// After a failure nobody knows what the end of the file looks like, on the disk least of all: the batch starts on a
// fresh line, so that no record is ever glued to a torn one. (Truncating the torn line would need a file that can
// shrink, and an audit log should not: chattr +a works.) What lies there becomes part of the tree like any line, and a
// mark says that it does not count.
func (w *writer) compose(next *chain, lines [][]byte) ([]byte, error) {
	var text []byte
	put := func(line []byte) {
		next.add(line, nobody)
		text = append(append(text, line...), '\n')
	}
	if w.torn {
		text = append(text, '\n')
	} else if w.failed {
		put(nil)
	}
	if next.loose > 0 {
		m := mark{Kind: remainsMark, Lines: len(next.pending) - 1, Time: w.config.Now().UTC()}
		if next.last.Size == 0 {
			m.Kind, m.Lines = adoptedMark, len(next.pending)
		}
		line, err := m.line()
		if err != nil {
			return nil, err
		}
		put(line)
	}
	for _, line := range lines {
		put(bytes.TrimSuffix(line, []byte("\n")))
	}
	signed, err := next.sign(w.config.Key)
	if err != nil {
		return nil, fmt.Errorf("signing a checkpoint: %w", err)
	}
	return append(append(text, signed...), '\n'), nil
}

// catchUp walks what is in the file behind the end: what another process wrote, or what a failed write of ours left.
func (w *writer) catchUp() error {
	if !w.loaded { // the last time it could not be opened, or was not the log
		return w.load()
	}
	current, err := w.file.Current()
	if err != nil {
		return err
	}
	if !current { // another process has sealed it
		return w.load()
	}
	size, err := w.file.Size()
	switch {
	case err != nil:
		return err
	case size < w.end:
		return errors.New("the file has become shorter than what was written to it: run deputy audit verify")
	case size == w.end:
		return nil
	}
	if w.torn { // whatever follows belongs to a line that was walked as it was
		return w.load()
	}
	return w.walk(io.NewSectionReader(w.file, w.end, size-w.end), trustedBy(w.config.Key.Verifier()))
}

// walk feeds what is behind the end to the chain.
func (w *writer) walk(r io.Reader, trusts func(checkpoint.Checkpoint) bool) error {
	for line, err := range linesOf(r) {
		if err != nil {
			return err
		}
		w.end += int64(len(line.text))
		w.chain.add(line.text, trusts) // also what has no newline: whoever writes next begins with one
		if w.torn = !line.whole; line.whole {
			w.end++
		}
	}
	return nil
}

func (w *writer) close() error {
	var err error
	if w.file != nil {
		err = w.file.Close()
	}
	return errors.Join(err, w.head.Sync(), w.head.Close())
}

// nobody is trusted while a batch is composed: only sign makes a checkpoint in it.
func nobody(checkpoint.Checkpoint) bool { return false }
