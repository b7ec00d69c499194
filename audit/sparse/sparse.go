// Package sparse keeps callers that are turned away from filling the audit log: it says which of them it has.
package sparse

import (
	"sync"
	"time"
)

// Of callers that are rejected, so many are on the record at once, and one more with each second: a caller that sends
// garbage must not be able to fill the disk with it. The others are counted.
const (
	mostRejected  = 20
	rejectedEvery = time.Second
)

// Limiter says which of the callers that were turned away are on the record. The zero value has room.
type Limiter struct {
	mu    sync.Mutex
	since time.Time // The time at which there was room for all.
	more  int       // How many are not on the record, since the last one that is.
}

// Note says whether one more can be on the record, and how many before could not.
func (d *Limiter) Note(now time.Time) (room bool, more int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if full := now.Add(-mostRejected * rejectedEvery); d.since.Before(full) {
		d.since = full
	}
	if d.since.Add(rejectedEvery).After(now) {
		d.more++
		return false, 0
	}
	d.since = d.since.Add(rejectedEvery)
	more, d.more = d.more, 0
	return true, more
}
