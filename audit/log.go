// Package audit keeps the record of every call: who asked, on whose behalf, what they read and through which role. A Log is a
// file of JSON lines that only ever grows. Append returns when the record is on the disk and not before, so whoever hands out
// rows only after Append returned nil has handed out none that the log does not know of.
package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// ErrClosed is what a log that was closed answers.
var ErrClosed = errors.New("the audit log is closed")

// Config says where the log is.
type Config struct {
	// Path of the file. Made with mode 0600 if it is missing, continued if it is there.
	Path string
	// Open opens the file. Default: OpenFile.
	Open func(path string) (File, error)
}

// Log is an append-only audit log. All methods may be called concurrently.
type Log struct {
	path string
	file File
	wake chan struct{} // holds one token while there may be something to write
	done chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	waiting []entry
	closed  bool
	failure error // of the last batch; nil: it was written

	closing error // of the file; set before done is closed
}

// entry is one caller who waits for its line to be on the disk.
type entry struct {
	line    []byte
	written chan<- error
}

// Open opens the log and refuses when it could not be written.
func Open(cfg Config) (*Log, error) {
	if cfg.Path == "" {
		return nil, errors.New("opening the audit log: no path given")
	}
	if cfg.Open == nil {
		cfg.Open = OpenFile
	}
	file, err := cfg.Open(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	l := &Log{path: cfg.Path, file: file, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.write()
	return l, nil
}

// Append writes one record and returns when it is on the disk. After an error nothing may be handed out: the record may be in the
// file, whole or in part, or not at all; the next Append tries anew.
//
// The context does not cut it short: a cancelled call is a call, and its record is written like any other.
func (l *Log) Append(_ context.Context, r Record) error {
	line, err := encode(r)
	if err != nil {
		return fmt.Errorf("encoding the audit record: %w", err)
	}
	return l.commit(line)
}

// Healthy returns nil when the last record could be written. When it could not, Healthy tries the disk again: a server that is
// taken out of service for a full disk gets no call that would show that there is room again.
func (l *Log) Healthy() error {
	l.mu.Lock()
	failure, closed := l.failure, l.closed
	l.mu.Unlock()
	if failure == nil && !closed {
		return nil
	}
	return l.commit(nil)
}

// Close writes what is waiting, then closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	l.mu.Unlock()
	l.signal()
	<-l.done
	return l.closing
}

// commit hands one line to the writer and waits for its fate.
func (l *Log) commit(line []byte) error {
	written := make(chan error, 1)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.waiting = append(l.waiting, entry{line, written})
	l.mu.Unlock()
	l.signal()
	return <-written
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // the writer will look anyway
	}
}

// write is the one goroutine that touches the file. Whoever comes while a batch is being synced is in the next one, so that many
// callers share one sync and a single caller waits for nobody.
func (l *Log) write() {
	defer close(l.done)
	var failure error
	for range l.wake {
		l.mu.Lock()
		batch, closed := l.waiting, l.closed
		l.waiting = nil
		l.mu.Unlock()

		if len(batch) > 0 {
			failure = l.writeBatch(batch, failure != nil)
			l.mu.Lock()
			l.failure = failure
			l.mu.Unlock()
			for _, e := range batch {
				e.written <- failure
			}
		}
		if closed { // and since it was, nobody can have joined the queue
			l.closing = l.file.Close()
			return
		}
	}
}

// writeBatch is one write and one sync. After a failure nobody knows what the end of the file looks like, on the disk least of
// all: the next batch starts on a fresh line, so that no record is ever glued to a torn one. (Truncating the torn line would need
// a file that can shrink, and an audit log should not: chattr +a works.)
func (l *Log) writeBatch(batch []entry, afterFailure bool) error {
	var lines [][]byte
	if afterFailure {
		lines = append(lines, []byte("\n"))
	}
	for _, e := range batch {
		lines = append(lines, e.line)
	}
	text := slices.Concat(lines...)
	n, err := l.file.Write(text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("writing the audit log %s: %w", l.path, err)
	}
	return nil
}
