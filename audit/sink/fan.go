package sink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"deputy/audit"
)

// Config is one sink of a Fan.
type Config struct {
	Name     string // for the operator: audit.sinks[0] (syslog)
	Sink     Sink
	Format   Format
	Required bool
	Queue    int           // messages that wait for it; 0: 10000
	Patience time.Duration // how long it may take; 0: ten seconds
}

// Log is the truth: the file.
type Log interface {
	Append(context.Context, audit.Record) error
	Healthy() error
}

// Fan records a call in the log and in all sinks. It is a tools.Recorder.
type Fan struct {
	log   Log
	lanes []*lane
}

// New starts the sinks. report hears of what goes wrong with them, once each time it does.
func New(sinks []Config, report func(error)) *Fan {
	f := &Fan{}
	for _, c := range sinks {
		f.lanes = append(f.lanes, newLane(c, report))
	}
	return f
}

// Behind says which log comes first. It must be called before Append is.
func (f *Fan) Behind(log Log) { f.log = log }

// Append makes the record durable in the log, and has every required sink take it. If one does not, the call is not
// answered, and the log and the sinks hear that it was not: of several outcomes the last one holds.
func (f *Fan) Append(ctx context.Context, r audit.Record) error {
	if r.Phase == audit.Intent {
		if err := f.ready(); err != nil { // so that a sink that is down leaves no intent behind
			return err
		}
	}
	if err := f.log.Append(ctx, r); err != nil {
		return err
	}
	err := f.give(r)
	if err != nil && r.Phase != audit.Intent && r.Outcome == audit.Answered {
		never := audit.Unanswered(r, "nothing was answered: a required audit sink did not take the record in time")
		err = errors.Join(err, f.log.Append(ctx, never))
		f.Tell(never)
	}
	return err
}

// give returns when all required sinks have the record.
func (f *Fan) give(r audit.Record) error {
	var failures []error
	var waiting []func() error
	for _, l := range f.lanes {
		if wait := l.enqueue(r, l.Required); l.Required {
			waiting = append(waiting, wait)
		}
	}
	for _, wait := range waiting {
		failures = append(failures, wait())
	}
	return errors.Join(failures...)
}

// Tell gives a record to the sinks that the log has written by itself. Nobody waits for them.
func (f *Fan) Tell(r audit.Record) {
	for _, l := range f.lanes {
		l.enqueue(r, false)
	}
}

func (f *Fan) ready() error {
	var failures []error
	for _, l := range f.lanes {
		if l.Required {
			failures = append(failures, l.ready())
		}
	}
	return errors.Join(failures...)
}

// Healthy returns nil when a record could be written, and every required sink takes what it is given.
func (f *Fan) Healthy() error { return errors.Join(f.log.Healthy(), f.ready()) }

// Status is how one sink is, for those who watch.
type Status struct {
	Name     string
	Required bool
	Waiting  int   // messages
	Dropped  int   // since the start
	Failure  error // nil: it takes what it is given
}

// Status is that of every sink.
func (f *Fan) Status() []Status {
	var out []Status
	for _, l := range f.lanes {
		out = append(out, l.status())
	}
	return out
}

// Close gives the sinks the time to take what waits for them.
func (f *Fan) Close() error {
	failures := make([]error, len(f.lanes))
	var all sync.WaitGroup
	for i, l := range f.lanes {
		l.close()
		all.Go(func() { // together: several that hang take no longer than one
			if err := l.end(); err != nil {
				failures[i] = fmt.Errorf("%s: %w", l.Name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(failures...)
}
