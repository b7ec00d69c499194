package fleet

import (
	"errors"
	"fmt"
	"io/fs"

	"deputy/identity/stops"
)

// Why every call is refused, for callers and for the operator.
var (
	errUnknown = errors.New("the list of stops that the servers share could not be read yet, " +
		"so every call is refused until it can: tell an administrator of Deputy")
	errWrong = errors.New("the list of stops that the servers share is not understood, " +
		"so every call is refused until it is: tell an administrator of Deputy")
)

func (f *Fleet) errStale() error {
	return fmt.Errorf("the list of stops that the servers share could not be read for longer than %s, "+
		"so every call is refused until it can: tell an administrator of Deputy", f.config.Stale)
}

// Now implements stops.Beside.
func (f *Fleet) Now() stops.Shared {
	now := f.config.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	out := stops.Shared{Stops: f.stops, Hash: f.hash, Late: f.late != nil, Uncopied: f.uncopied != nil}
	if !f.read.IsZero() {
		out.Age = age(now, f.read)
	}
	switch {
	case f.wrong != nil:
		out.Err = errWrong
	case f.read.IsZero():
		out.Err = errUnknown
	case out.Age > f.config.Stale:
		out.Err = f.errStale()
	}
	return out
}

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
