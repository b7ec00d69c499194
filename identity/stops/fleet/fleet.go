// Package fleet follows the list of stops that all servers of a fleet share, in the state that they share. Each server
// copies the list to its own disk, so that a stop is in force while the state is out of reach and after a start without
// it. A server that has not read the list for long refuses every call: it does not know any more who is stopped.
//
// Entries are never deleted in the state, only marked as lifted. An entry that a server knows and the state has no row
// of was lost there, as a restore from an older dump loses it: it goes on, and the server puts it back.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"deputy/identity/stops"
)

const (
	every      = time.Second      // how long the list is left alone between two readings
	readLimit  = 2 * time.Second  // for one reading: a list that is read is never older than 5 s
	copyEvery  = 30 * time.Second // how long a copy may go without the time of the last reading
	closeLimit = 5 * time.Second  // for the last copy, on a disk that may not answer
	// ahead is how far the time in a copy may lie in the future before the copy's age is not known.
	ahead = time.Minute
)

// DefaultStale is how long calls go on without the list.
const DefaultStale = 5 * time.Minute

// Entry is one stop of the shared list.
type Entry struct {
	// ID is random, and the same for as long as the entry is known.
	ID string
	stops.Stop
}

// View is what the state says at one moment.
type View struct {
	Active []Entry  // That are in force.
	Lifted []string // Those of the ids that were asked about that were taken off the list.
}

// Source is the state. Package store implements it.
type Source interface {
	// Stops reads the list, and looks after the entries with the known ids. Its error is ErrUnreadable when there is a
	// list that is not understood.
	Stops(ctx context.Context, known []string) (View, error)
	// PutStops puts entries back that the state has no rows of.
	PutStops(ctx context.Context, entries []Entry) error
}

// ErrUnreadable is about a shared list with an entry that is not as Deputy wrote it: it could be a stop, so every call
// is refused.
var ErrUnreadable = errors.New("the shared list of stops has an entry that is not as Deputy wrote it")

// Config says which list is followed.
type Config struct {
	Source Source // It is needed.
	// Copy is the path of the copy on this server's disk. It is needed.
	Copy string
	// Stale is how long calls go on without the list. Default DefaultStale.
	Stale time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	Log zerolog.Logger
}

// Fleet follows the list until Close. It implements stops.Beside, and is safe for concurrent use.
type Fleet struct {
	config Config
	end    context.CancelFunc
	ended  chan struct{} // closed when the list is not followed any more
	copies chan struct{} // holds a token while there may be something to copy
	copied chan struct{} // closed when nothing is copied any more

	mu       sync.Mutex
	entries  []Entry
	stops    []stops.Stop // of the entries
	hash     string
	read     time.Time // when the last reading began; zero: the list is not known
	kept     time.Time // the reading that the copy is of
	keptHash string
	wrong    error // why the list is not understood; nil: it is
	late     error // why it could not be read; nil: it could
	uncopied error // why it could not be copied; nil: it could
	losing   bool  // entries are being put back
	closed   string
}

var _ stops.Beside = (*Fleet)(nil)

// Follow takes up the copy and goes on reading the list. A list that can be read is known when Follow returns; for one
// that cannot, Follow waits for two seconds.
func Follow(ctx context.Context, c Config) *Fleet {
	c.Stale = cmp.Or(c.Stale, DefaultStale)
	if c.Now == nil {
		c.Now = time.Now
	}
	f := &Fleet{config: c, ended: make(chan struct{}), copies: make(chan struct{}, 1), copied: make(chan struct{})}
	f.takeCopy()
	f.refresh(ctx)
	watched, end := context.WithCancel(context.WithoutCancel(ctx))
	f.end = end
	go f.follow(watched)
	go f.copy(watched)
	return f
}

// Close ends the following. The copy stays.
func (f *Fleet) Close() {
	f.end()
	<-f.ended
	select {
	case <-f.copied:
	case <-time.After(closeLimit): // the disk hangs
	}
}

func (f *Fleet) follow(ctx context.Context) {
	defer close(f.ended)
	for tick := time.NewTicker(every); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			f.refresh(ctx)
		}
	}
}

// takeCopy takes up what the copy says, as old as that is by now.
func (f *Fleet) takeCopy() {
	entries, read, err := ReadCopy(f.config.Copy)
	now := f.config.Now()
	age := now.Sub(read)
	switch {
	case isGone(err):
		return
	case err == nil && age < -ahead:
		err = errors.New("it is from the future: the clock of this machine was set back")
	}
	if err != nil {
		f.config.Log.Error().Err(err).Str("file", f.config.Copy).
			Msg("the copy of the shared list of stops is not used: every call is refused until the state can be read")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read, f.kept = now.Add(-max(age, 0)), read // by the clock that setting the time does not move
	f.set(entries)
	f.keptHash = f.hash
}

// set has other entries be in force. f.mu is held.
func (f *Fleet) set(entries []Entry) {
	f.entries, f.stops = entries, make([]stops.Stop, len(entries))
	ids := make([]string, len(entries))
	for i, e := range entries {
		f.stops[i], ids[i] = e.Stop, e.ID
	}
	f.hash = stops.HashOf(ids)
}

// age is how long ago a time was: by the clock that runs on when the time is set, and by the one that runs on while the
// machine sleeps, whichever says more.
func age(now, then time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)), 0)
}
