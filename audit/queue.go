package audit

import (
	"fmt"
	"slices"
	"time"
)

// entry is one caller who waits for its line to be on the disk.
type entry struct {
	line    []byte // nil: nothing to write, only to see whether it would work
	written chan error
}

// commit hands one line to the writer and waits for its fate, as long as its patience lasts.
func (l *Log) commit(line []byte) error {
	e := &entry{line, make(chan error, 1)}
	l.mu.Lock()
	switch {
	case l.closed:
		l.mu.Unlock()
		return ErrClosed
	case l.stuck():
		l.mu.Unlock()
		return l.slow()
	}
	l.waiting = append(l.waiting, e)
	l.mu.Unlock()
	l.signal()
	timer := time.NewTimer(l.config.Patience)
	defer timer.Stop()
	select {
	case err := <-e.written:
		return err
	case <-timer.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, e); i >= 0 { // never handed to the disk: taken back
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	return l.slow()
}

// stuck says whether the disk has been writing for longer than anybody is asked to wait. Whoever comes then is told at
// once.
func (l *Log) stuck() bool {
	return !l.since.IsZero() && l.config.Now().Sub(l.since) >= l.config.Patience
}

func (l *Log) slow() error {
	return fmt.Errorf("writing the audit log %s: the disk has not answered for %s", l.config.Path, l.config.Patience)
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // the writer will look anyway
	}
}

// write is the one goroutine that touches the file. Whoever comes while a batch is being synced is in the next one, so
// that many callers share one sync and a single caller waits for nobody.
func (l *Log) write() {
	defer close(l.done)
	for range l.wake {
		if l.crowded() {
			time.Sleep(gather)
		}
		l.mu.Lock()
		batch, owed, closed := l.waiting, l.owed, l.closed
		l.waiting = nil
		if len(batch)+len(owed) > 0 {
			l.since = l.config.Now()
		}
		l.mu.Unlock()

		if len(batch)+len(owed) > 0 {
			l.finish(batch, owed, l.writer.write(lines(batch, owed)))
		}
		if closed { // and since it was, nobody can have joined the queue
			l.closing = l.writer.close()
			l.leave()
			return
		}
	}
}

// When many calls are under way, more records are about to come: a moment's wait makes one sync of what would be
// several, and a sync costs the machine more than its time on the disk. A few calls wait for nobody.
const (
	crowd  = 8
	gather = 4 * time.Millisecond
)

func (l *Log) crowded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.begun) >= crowd && !l.closed
}

// lines are the lines of a batch: what is owed comes first.
func lines(batch []*entry, owed []Record) [][]byte {
	var out [][]byte
	for _, r := range owed {
		if line, err := encode(r); err == nil {
			out = append(out, line)
		}
	}
	for _, e := range batch {
		if e.line != nil {
			out = append(out, e.line)
		}
	}
	return out
}

func (l *Log) finish(batch []*entry, owed []Record, failure error) {
	if failure != nil {
		failure = fmt.Errorf("writing the audit log %s: %w", l.config.Path, failure)
	}
	l.mu.Lock()
	l.since, l.failure = time.Time{}, failure
	if failure == nil {
		l.owed = slices.Clone(l.owed[len(owed):])
		l.latest, l.state = l.writer.chain.last, l.writer.chain.state
	}
	l.mu.Unlock()
	for _, e := range batch {
		e.written <- failure
	}
	for _, r := range owed {
		if failure == nil {
			l.config.Closed(r)
		}
	}
}
