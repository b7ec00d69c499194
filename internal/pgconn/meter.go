package pgconn

import "errors"

// ErrAnswerTooLarge ends a connection on which the database sent more than may arrive.
var ErrAnswerTooLarge = errors.New("the database's answer is too large")

// meter sees what arrives, in the clear and in order, before lib/pq does. A row has to be in memory as a whole before
// it can be measured, so one value of a gigabyte would otherwise be Deputy's to hold. An error of read ends the
// connection.
//
// lib/pq reads and writes from one goroutine at a time, and so does what calls the meter.
type meter struct {
	limit   int // in bytes between two writes; 0 means any number
	arrived int // since the last write
}

// read is called with each run of bytes that has arrived. A message's first byte is its type, the next four are its
// length, and a run may begin and end anywhere in a message.
func (m *meter) read(p []byte) error {
	m.arrived += len(p)
	if m.limit > 0 && m.arrived > m.limit {
		return ErrAnswerTooLarge
	}
	return nil
}

// wrote is called with each run of bytes that is about to be sent.
func (m *meter) wrote([]byte) { m.arrived = 0 }
