package store

import (
	"fmt"
	"time"

	"deputy/entitlements/requests"
)

// Kind is what happened to a request.
type Kind string

const (
	// Created comes first, and once. What rules decide at the moment of asking is in it: it is not told of as Decided.
	Created Kind = "created"
	// Decided says that people have approved or denied it for good: see its status. An approval after which others are
	// still waited for is not told of.
	Decided Kind = "decided"
	// Expiring says that what was approved ends soon.
	Expiring Kind = "expiring"
	// Expired says that it came to an end by itself: it was not answered, or its time is over.
	Expired Kind = "expired"
	// Revoked says that an approver took the approval back.
	Revoked Kind = "revoked"
	// Cancelled says that the asker took it back.
	Cancelled Kind = "cancelled"
)

// Event is one thing that happened to a request, for those who are told.
type Event struct {
	Sequence int64  // of all events, without gaps
	ID       string // random, and the same whenever it is told
	Kind     Kind
	Time     time.Time
	Request  requests.Request // as it was then
}

// eventRow is an event as it is kept.
type eventRow struct {
	Sequence int64  `db:"sequence"`
	ID       string `db:"id"`
	Kind     string `db:"kind"`
	Happened int64  `db:"happened"`
	Request  string `db:"request"`
	Version  int64  `db:"version"`
	Body     string `db:"body"`
}

const eventColumns = `sequence, id, kind, happened, request, version, body`

func (w eventRow) event() (Event, error) {
	r, err := decode(w.Body)
	if err == nil && (r.ID != w.Request || int64(r.Version) != w.Version || !Kind(w.Kind).fits(r.Status)) {
		err = altered("its columns say something else than its text")
	}
	if err != nil {
		return Event{}, fmt.Errorf("event %d: %w", w.Sequence, err)
	}
	return Event{w.Sequence, w.ID, Kind(w.Kind), time.Unix(0, w.Happened).UTC(), r}, nil
}

// fits reports whether a request that this happened to can have the status.
func (k Kind) fits(s requests.Status) bool {
	switch k {
	case Created:
		return s == requests.StatusPending || s == requests.StatusApproved || s == requests.StatusDenied
	case Decided:
		return s == requests.StatusApproved || s == requests.StatusDenied
	case Expiring:
		return s == requests.StatusApproved
	case Expired:
		return s == requests.StatusExpired
	case Revoked:
		return s == requests.StatusRevoked
	case Cancelled:
		return s == requests.StatusCancelled
	}
	return false
}
