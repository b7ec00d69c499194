// Package sink gives the records of the audit log to others as well: to a collector's pipe, a table, a syslog server,
// an OpenTelemetry collector. The log stays the truth: a record is in it before a sink hears of it.
//
// Without a required sink there is no answer, as without the log. A best-effort sink holds up nobody: records wait for
// it in memory, and those that no longer fit are counted, and the gap is said. Every sink may be given a record twice,
// and none out of order.
package sink

import (
	"context"

	"deputy/audit"
	"deputy/audit/ocsf"
)

// Sink takes messages. Only one goroutine uses it.
type Sink interface {
	// Deliver returns nil when all of the messages are taken, and the context's error when it takes too long. After an
	// error it is unknown which of them were: they come again. *Rejected: one of them will never be taken.
	Deliver(ctx context.Context, messages []Message) error
	Close() error
}

// Message is one record, and what the sink shows of it: one line without its end, that has no control characters.
type Message struct {
	Record audit.Record
	Text   []byte
}

// Rejected is the error of a sink that is well and does not want this message, however often it comes.
type Rejected struct{ Err error }

func (r *Rejected) Error() string { return r.Err.Error() }
func (r *Rejected) Unwrap() error { return r.Err }

// Format makes a record's text.
type Format func(audit.Record) ([]byte, error)

// Formats by the names that they have in a configuration.
var Formats = map[string]Format{"native": audit.Native, "ocsf": ocsf.Encode}
