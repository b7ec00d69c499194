package identity

import (
	"errors"
	"time"
)

// Expiry is when something stops being good. The zero value: never.
type Expiry struct{ time.Time }

// UnmarshalText reads a time with its zone, or a date: then it is no longer good from the beginning of that day on, in
// UTC.
func (e *Expiry) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, string(text)); err == nil && !t.IsZero() {
			e.Time = t.UTC()
			return nil
		}
	}
	return errors.New("not a time: write 2027-02-23 or 2027-02-23T10:00:00Z")
}

// Passed reports whether it has stopped being good.
func (e Expiry) Passed(now time.Time) bool { return !e.IsZero() && !now.Before(e.Time) }
