package pgconn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// ErrAnswerTooLarge ends a connection on which the database sent more than may arrive.
var ErrAnswerTooLarge = errors.New("the database's answer is too large")

const (
	errorResponse = 'E'
	headerSize    = 5 // of a message: its type, and four bytes of length that count themselves

	// longestError is the longest error message that lib/pq takes for one; it would read a longer one without limit.
	longestError = 30_000
	// codeWithin is where the state of an error stands at the latest: it is the third field, behind two short ones.
	codeWithin = 256
	// longestMessage is the most that PostgreSQL can send as one message. What seems to be longer is none: a server
	// that cannot start a backend says so in plain words.
	longestMessage = 1 << 30
	// light is the length, in bytes, up to which a message is not weighed.
	light = 32 << 10
)

// meter sees what arrives, in the clear and in order, before lib/pq does. lib/pq allocates what a message's header
// says before it reads the message, so the meter stops at the header. An error of read ends the connection.
//
// lib/pq reads and writes from one goroutine at a time, and so does what calls the meter.
type meter struct {
	limit   int                   // in bytes between two writes; 0 means any number
	weigh   func(bytes int) error // is asked before a long message is let through; nil lets all of them through
	arrived int                   // since the last write
	opaque  bool                  // these are no messages, but plain words: they are only counted

	header []byte // what has arrived of the next message's header
	rest   int    // what has not arrived yet of the message that began
	said   said   // the last error message
	failed []byte // the beginning of an error message that is too long to be let through; nil: there is none
}

// read is called with each run of bytes that has arrived, and returns how many of them may be passed on. A message's
// first byte is its type, the next four are its length, and a run may begin and end anywhere in a message.
func (m *meter) read(p []byte) (pass int, _ error) {
	m.arrived += len(p)
	if m.limit > 0 && m.arrived > m.limit {
		return 0, ErrAnswerTooLarge
	}
	for at := 0; at < len(p); {
		if m.opaque {
			return len(p), nil
		}
		if m.failed != nil {
			return pass, m.tooLongError(p[at:])
		}
		if m.rest > 0 {
			n := min(m.rest, len(p)-at)
			m.said.hear(p[at : at+n])
			m.rest, at = m.rest-n, at+n
			pass = at
			continue
		}
		n := min(headerSize-len(m.header), len(p)-at)
		m.header = append(m.header, p[at:at+n]...)
		at += n
		if len(m.header) < headerSize {
			return at, nil // lib/pq reads a header as a whole
		}
		if err := m.begin(); err != nil {
			return pass, err
		}
		if m.failed == nil {
			pass = at
		}
	}
	return pass, nil
}

// begin decides about the message whose header has arrived.
func (m *meter) begin() error {
	kind, length := m.header[0], int(binary.BigEndian.Uint32(m.header[1:]))-(headerSize-1)
	m.header = m.header[:0]
	m.said.begin(kind)
	switch {
	case length < 0:
		return errors.New("the database sent a message of a negative length")
	case kind == errorResponse && length > longestMessage:
		m.opaque = true
	case m.limit > 0 && length > m.limit:
		return ErrAnswerTooLarge
	case kind == errorResponse && length > longestError:
		m.failed = []byte{}
	case length > light && m.weigh != nil:
		m.rest = length
		return m.weigh(length)
	default:
		m.rest = length
	}
	return nil
}

// tooLongError is the error of the database that a message too long to be read begins with: its state, and no word of
// it. PostgreSQL quotes values in errors, whatever their size.
func (m *meter) tooLongError(p []byte) error {
	m.failed = append(m.failed, p[:min(len(p), codeWithin)]...)
	for field := range bytes.SplitSeq(m.failed, []byte{0}) {
		if len(field) == 6 && field[0] == 'C' {
			code := pqerror.Code(field[1:])
			return &pq.Error{Code: code, Severity: "ERROR", Message: "the database's error is too long"}
		}
	}
	if len(m.failed) >= codeWithin {
		return fmt.Errorf("%w: an error", ErrAnswerTooLarge)
	}
	return nil
}

// wrote is called when something is about to be sent.
func (m *meter) wrote() { m.arrived = 0 }

// Weigh has ask decide about each message of more than 32 KiB before lib/pq allocates it: it is given the length in
// bytes, and may wait. Its error ends the connection, and is what the step that reads returns. Nil asks no more.
//
// It must not be called while a step of the connection runs.
func (c *Conn) Weigh(ask func(bytes int) error) { c.wire.meter.weigh = ask }
