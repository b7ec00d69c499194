package index

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/ncruces/go-sqlite3"

	"deputy/audit"
)

// kind is what a text is about.
type kind int64

const (
	agents kind = iota
	users
	tools
	purposes
	policies
	tables
	endings
	requests
)

type key struct {
	kind kind
	text string
}

// mostTexts are remembered while the index is built. A log may have any number.
const mostTexts = 1 << 15

type statements struct{ call, text, find *sqlite3.Stmt }

// update reads what the log has got since the bookmark, all of it or nothing.
func (x *Index) update() (err error) {
	if err := x.db.Exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.db.Exec(`ROLLBACK`))
		}
	}()
	if err := x.look(); err != nil { // now: whoever had the index before us has not seen more of the log
		return err
	}
	after, err := x.bookmark()
	if err != nil {
		return err
	}
	for into, text := range map[**sqlite3.Stmt]string{&x.insert.call: insertCall, &x.insert.text: `INSERT OR IGNORE INTO texts (kind, text) VALUES (?, ?)`, &x.insert.find: `SELECT id FROM texts WHERE kind = ? AND text = ?`} {
		if *into, _, err = x.db.Prepare(text); err != nil {
			return err
		}
		defer (*into).Close()
	}
	x.texts = map[key]int64{}
	defer func() { x.texts = nil }()
	end, err := x.read(after)
	if err != nil {
		return err
	}
	if end != after {
		if err := x.keep(end); err != nil {
			return err
		}
	}
	return x.db.Exec(`COMMIT`)
}

// bookmark is where the index ends. What the log has deleted for its age is deleted here, too.
func (x *Index) bookmark() (b audit.Bookmark, err error) {
	version_, begins := int64(0), int64(0)
	if err := x.each(`PRAGMA user_version`, nil, func(row *sqlite3.Stmt) error { version_ = row.ColumnInt64(0); return nil }); err != nil {
		return b, err
	}
	if version_ != version {
		return b, errVersion
	}
	found := false
	err = x.each(`SELECT begins, segment, line, offset, length, hash FROM bookmark`, nil, func(row *sqlite3.Stmt) error {
		begins, found = row.ColumnInt64(0), true
		b.Place = audit.Place{
			First:  row.ColumnInt64(1),
			Index:  row.ColumnInt64(2),
			Offset: row.ColumnInt64(3),
			Length: row.ColumnInt(4),
		}
		copy(b.Hash[:], row.ColumnRawBlob(5))
		return nil
	})
	if err != nil {
		return b, err
	}
	if !found {
		return b, sqlite3.CORRUPT
	}
	first := x.view.First()
	switch {
	case begins == first || begins < 0:
	case begins > first: // somebody has put old segments back
		return b, audit.ErrOtherLog
	default:
		if err := x.db.Exec(fmt.Sprintf(`DELETE FROM calls WHERE coalesce(outcome_line, line) < %d;
			UPDATE calls SET line = outcome_line, intent_segment = NULL, intent_offset = NULL, intent_length = NULL WHERE intent_segment < %[1]d`, first)); err != nil {
			return b, err
		}
	}
	if begins != first {
		err = x.db.Exec(fmt.Sprintf(`UPDATE bookmark SET begins = %d`, first))
	}
	if begins < 0 {
		return audit.Bookmark{}, err
	}
	return b, err
}

func (x *Index) keep(b audit.Bookmark) error {
	return x.each(`UPDATE bookmark SET segment = ?, line = ?, offset = ?, length = ?, hash = ?`,
		[]any{b.First, b.Index, b.Offset, b.Length, b.Hash[:]}, func(*sqlite3.Stmt) error { return nil })
}

// chunk is a part of the log that one goroutine decodes.
type chunk struct {
	raw  []audit.Raw
	end  audit.Bookmark
	rows []row
	err  error
	done chan struct{}
}

const chunkSize = 2000 // records

// read puts in what is behind a bookmark. Lines are read by one goroutine, decoded by several, and put in, in order, by
// this one.
func (x *Index) read(after audit.Bookmark) (end audit.Bookmark, err error) {
	chunks, stop := make(chan *chunk, runtime.GOMAXPROCS(0)), make(chan struct{})
	go x.split(after, chunks, stop)
	defer func() {
		close(stop)
		for range chunks { // until split has ended
		}
	}()
	p := &pairs{open: map[string]row{}}
	var read, bad int64
	end = after
	for c := range chunks {
		<-c.done
		if c.err != nil {
			return end, c.err
		}
		for _, r := range c.rows {
			if r.ID == "" {
				bad++
				continue
			}
			if out, whole := p.add(r); whole {
				if err := x.put(out); err != nil {
					return end, err
				}
			}
		}
		for _, r := range c.raw {
			read += int64(r.Length)
		}
		end = c.end
		x.config.Step(read, x.view.Size())
	}
	for _, r := range p.open {
		if err := x.put(r); err != nil {
			return end, err
		}
	}
	if bad > 0 {
		x.config.Report(fmt.Sprintf("%d lines of the log are signed and are no records: they are left out", bad))
	}
	return end, nil
}

// split reads batches, and lets each chunk of them be decoded. A chunk ends where a batch does.
func (x *Index) split(after audit.Bookmark, chunks chan<- *chunk, stop <-chan struct{}) {
	defer close(chunks)
	send := func(c *chunk) bool {
		select {
		case chunks <- c:
			go c.decode()
			return true
		case <-stop:
			return false
		}
	}
	c := &chunk{done: make(chan struct{})}
	for batch, err := range x.view.Batches(after) {
		if err != nil {
			c.err = err
			break
		}
		c.raw, c.end = append(c.raw, batch.Records...), batch.End
		if len(c.raw) >= chunkSize {
			if !send(c) {
				return
			}
			c = &chunk{done: make(chan struct{}), end: c.end}
		}
	}
	if c.err != nil || c.end != (audit.Bookmark{}) {
		send(c)
	}
}

func (c *chunk) decode() {
	defer close(c.done)
	c.rows = make([]row, len(c.raw))
	for i, raw := range c.raw {
		var ok bool
		if c.rows[i].fields, ok = decode(raw.Text); !ok {
			c.rows[i] = row{}
			continue
		}
		place := raw.Place
		if c.rows[i].line = place.Index; c.rows[i].Phase == audit.Intent {
			c.rows[i].intent = &place
		} else {
			c.rows[i].outcome = &place
		}
	}
}
