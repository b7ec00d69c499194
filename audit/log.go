// Package audit keeps the record of every call: who asked, on whose behalf, what they read and through which role. A
// Log is a file of JSON lines that only ever grows. Append returns when the record is on the disk and not before, so
// whoever hands out rows only after Append returned nil has handed out none that the log does not know of.
//
// A call that reads has two records under one id: an intent, durable before its statement runs, and an outcome, durable
// before any row leaves. A call that is refused before that has an outcome only.
//
// All lines are leaves of one Merkle tree, in the formats of transparency logs, and every batch of them ends with a
// signed checkpoint of the tree: Verify finds any byte that is not as it was written.
package audit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"deputy/audit/checkpoint"
	"deputy/audit/segments"
)

// keySuffix ends the name of the file beside the log that holds its key.
const keySuffix = ".key"

// ErrClosed is what a log that was closed answers.
var ErrClosed = errors.New("the audit log is closed")

// Config says where the log is.
type Config struct {
	// Path of the active segment. Made with mode 0600 if it is missing, continued if it is there.
	Path string
	// Key signs the checkpoints. Default: the one in the file Path.key, made if it is missing.
	Key *checkpoint.Key
	// Rotate is the size in bytes at which a segment is sealed and the next begun. 0: 64 MiB.
	Rotate int64
	// Keep is how long a sealed segment is kept. 0: for ever.
	Keep time.Duration
	// Patience is how long Append waits for the disk. 0: ten seconds.
	Patience time.Duration
	// Report hears of what went wrong without a call to tell, such as a rotation that has to wait.
	Report func(error)
	// Closed hears of the records that the log has written by itself, when they are on the disk: outcomes that were owed,
	// and those of calls that a crash left without one.
	Closed func(Record)

	Folder segments.Folder  // default: the one at Path
	Now    func() time.Time // default: time.Now
}

func (c Config) complete() (Config, error) {
	if c.Path == "" {
		return c, errors.New("no path given")
	}
	if c.Folder == nil {
		c.Folder = segments.NewFolder(c.Path)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rotate <= 0 {
		c.Rotate = 64 << 20
	}
	if c.Patience <= 0 {
		c.Patience = 10 * time.Second
	}
	if c.Report == nil {
		c.Report = func(error) {}
	}
	if c.Closed == nil {
		c.Closed = func(Record) {}
	}
	var err error
	if c.Key == nil {
		c.Key, _, err = checkpoint.LoadOrMakeKey(c.Path+keySuffix, checkpoint.DefaultKeyName())
	}
	return c, err
}

// Log is an append-only audit log. All methods may be called concurrently. Several processes may share one.
type Log struct {
	config Config
	writer *writer
	leave  func()        // gives up the place among the processes that share the log
	wake   chan struct{} // holds one token while there may be something to write
	done   chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	waiting []*entry
	since   time.Time // when the batch that is being written was begun; zero: none is
	closed  bool
	failure error           // of the last batch; nil: it was written
	begun   map[string]bool // calls with an intent that was handed in, and no outcome that was written
	owed    []Record        // their outcomes that could not be written when it was time
	latest  checkpoint.Checkpoint
	state   *State // see State

	closing error // of the file; set before done is closed
}

// Open opens the log and refuses when it could not be written, or is not what its last checkpoint signed. If no other
// process works with the log, calls that a crash left without an outcome get one: Unknown.
func Open(cfg Config) (*Log, error) {
	l, err := openLog(cfg)
	if err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	return l, nil
}

func openLog(cfg Config) (_ *Log, err error) {
	if cfg, err = cfg.complete(); err != nil {
		return nil, err
	}
	if _, err = cfg.Folder.Names(); err != nil {
		return nil, err
	}
	w := &writer{config: cfg, base: filepath.Base(cfg.Path)}
	alone, leave, err := cfg.Folder.Join()
	if err != nil {
		return nil, err
	}
	if err := w.start(alone); err != nil {
		leave()
		return nil, err
	}
	l := &Log{
		config: cfg,
		writer: w,
		leave:  leave,
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
		begun:  map[string]bool{},
		latest: w.chain.last,
		state:  w.chain.state,
	}
	go l.write()
	return l, nil
}

// Verifier knows the log's checkpoints from others.
func (l *Log) Verifier() *checkpoint.Verifier { return l.config.Key.Verifier() }

// Checkpoint is the latest one that is on the disk; Size 0: there is none yet.
func (l *Log) Checkpoint() checkpoint.Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.latest
}

// State is the furthest that a record on the disk has seen the state of access requests, whatever was deleted for its
// age; nil: none has.
func (l *Log) State() *State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Append writes one record and returns when it is on the disk. After an error nothing may be handed out: the record may
// be in the file, whole or in part, or not at all; the next Append tries anew. If it was the outcome of a call that has
// an intent, the log writes another as soon as it can, which says that nothing was answered: of several outcomes the
// last one holds.
//
// The context does not cut it short: a cancelled call is a call, and its record is written like any other.
func (l *Log) Append(_ context.Context, r Record) error {
	line, err := encode(r)
	if err != nil {
		return fmt.Errorf("encoding the audit record: %w", err)
	}
	if r.Phase == Intent {
		if err := l.Healthy(); err != nil { // so that a full disk costs one attempt, and leaves no intent behind
			return err
		}
		l.mu.Lock()
		l.begun[r.ID] = true
		l.mu.Unlock()
	}
	err = l.commit(line)
	if r.Phase != Intent {
		l.ended(r, err)
	}
	return err
}

// ended forgets the call, or remembers that its outcome is owed.
func (l *Log) ended(r Record, failure error) {
	l.mu.Lock()
	owes := failure != nil && l.begun[r.ID]
	if owes {
		l.owed = append(l.owed, Unanswered(r, "nothing was answered: the audit log could not be written in time"))
	}
	delete(l.begun, r.ID)
	l.mu.Unlock()
	if owes {
		l.signal()
	}
}

// Unanswered is the outcome of a call that read and then did not answer, for want of a record.
func Unanswered(r Record, why string) Record {
	r.Outcome, r.Code, r.Rows, r.Truncated = Failed, "unavailable", 0, false
	r.Reasons = append(slices.Clone(r.Reasons), why)
	return r
}

// Healthy returns nil when the last record could be written. When it could not, Healthy tries the disk again: a server
// that is taken out of service for a full disk gets no call that would show that there is room again.
func (l *Log) Healthy() error {
	l.mu.Lock()
	well := l.failure == nil && !l.closed && !l.stuck()
	l.mu.Unlock()
	if well {
		return nil
	}
	return l.commit(nil)
}

// Close writes what is waiting, then closes the file. It gives up on a disk that does not answer.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	l.mu.Unlock()
	l.signal()
	timer := time.NewTimer(l.config.Patience)
	defer timer.Stop()
	select {
	case <-l.done:
		return l.closing
	case <-timer.C:
		return l.slow()
	}
}
