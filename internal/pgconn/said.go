package pgconn

import (
	"bytes"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// said keeps the beginning of the last error message. lib/pq makes driver.ErrBadConn of each error that ends the
// connection, and drops the reason: that an administrator ended it, or that the server goes down.
type said struct {
	hears bool // an error message arrives
	text  []byte
}

// begin is called with the type of each message.
func (s *said) begin(kind byte) {
	if s.hears = kind == errorResponse; s.hears {
		s.text = s.text[:0]
	}
}

// hear is called with each run of a message's bytes.
func (s *said) hear(p []byte) {
	if s.hears {
		s.text = append(s.text, p[:min(len(p), codeWithin-len(s.text))]...)
	}
}

// fatal is the error that the database ended the connection with, nil where it did not. Its words are PostgreSQL's own
// about itself; none of a statement or a row is among them.
func (s *said) fatal() *pq.Error {
	e := &pq.Error{}
	for field := range bytes.SplitSeq(s.text, []byte{0}) {
		if len(field) == 0 {
			continue
		}
		switch value := string(field[1:]); field[0] {
		case 'V': // the severity, in no language
			e.Severity = value
		case 'C':
			e.Code = pqerror.Code(value)
		case 'M':
			e.Message = value
		}
	}
	if e.Severity != "FATAL" && e.Severity != "PANIC" {
		return nil
	}
	return e
}
