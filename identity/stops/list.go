package stops

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"deputy/identity"
	"deputy/internal/durable"
)

const (
	// settled is for how long a file must not have changed before its times and size can be trusted to show the next
	// change. The clocks of file systems tick up to every two seconds.
	settled = 3 * time.Second
	// tearing is how long a list that is not understood may be one that is being written in place.
	tearing = 20 * time.Millisecond
)

// List is the list of stops as a server follows it. Each method looks at the file first, which costs one call of the
// system while the file stays as it is. All methods may be called concurrently.
//
// A list that is there and cannot be read stops everything. A list that was there and is gone changes nothing: what
// was last read stays in force. Commands never remove the file, so that it is gone by mistake, or by the hand of a
// person who wants a stop to end without a trace. A list that is there again does not end a stop by leaving it out
// either: it goes on until a list names it again, which enable then takes off, or until the server starts anew. A
// server that finds no list when it starts has none.
type List struct {
	path    string
	log     zerolog.Logger
	settled time.Duration // the constant; tests have others

	mu       sync.Mutex
	beside   Beside // nil: this is the only list
	seen     *look  // the file when it was last read; nil: it has to be read
	state    State
	lost     []Stop // of a list that vanished, and on no list since: they are in force as well
	running  map[*running]struct{}
	watching bool
}

// State is what is in force.
type State struct {
	Stops []Stop
	Hash  string // of the list's content, without a name in it; "none": there is no list
	Gone  bool   // the list was there and is not there any more: the last one goes on
	Err   error  // why the list cannot be read, so that everything is stopped; nil: it can
	// Shared is the list that the server shares with others, and that is in force as well.
	Shared Shared
}

// Unreadable is the name of a list that cannot be read.
const Unreadable = "unreadable"

// Name is what /readyz calls what is in force: the hash of the list, Unreadable, or none.
func (s State) Name() string {
	if s.Err != nil {
		return Unreadable
	}
	return s.Hash
}

// look is how a file looks from the outside.
type look struct {
	os.FileInfo
	changed time.Time
}

// At follows the list at a path. The log is told when another list is in force.
func At(path string, log zerolog.Logger) *List {
	return &List{path: path, log: log, settled: settled, state: State{Hash: none}, running: map[*running]struct{}{}}
}

// Join has the stops of a second list be in force as well. It is called before any call runs.
func (l *List) Join(b Beside) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beside = b
}

// Now is what is in force.
func (l *List) Now() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh()
	return l.state
}

// Refuses implements identity.Stops.
func (l *List) Refuses(p identity.Principal) *identity.AuthError { return l.Now().refuses(p) }

// refuses says why a principal is stopped. The agent comes first, as in the configuration.
func (s State) refuses(p identity.Principal) *identity.AuthError {
	if s.Err != nil {
		return unreadable(p)
	}
	if closed := s.Shared.refuses(p); closed != nil {
		return closed
	}
	var user *identity.AuthError
	for _, all := range [][]Stop{s.Stops, s.Shared.Stops} {
		for _, stop := range all {
			switch {
			case !stop.Covers(p):
			case stop.Agent != "":
				return identity.Stopped(p, "agent %s is disabled: it is on the list of stops", p.Agent.ID)
			case user == nil:
				user = identity.Stopped(
					p,
					"the human whom the token names is disabled here: they are on the list of stops",
				)
			}
		}
	}
	if user == nil && p.Waiting != nil { // a configuration that is not in force yet may know them by another id
		return s.refuses(*p.Waiting)
	}
	return user
}

func unreadable(p identity.Principal) *identity.AuthError {
	return &identity.AuthError{Code: identity.Unavailable, Cause: identity.ErrStopped, Who: &p,
		Message: "the list of stops cannot be read, so every call is refused: tell an administrator of Deputy"}
}

// refresh looks at both lists, and ends the calls that are stopped now. l.mu is held.
func (l *List) refresh() {
	before := l.state
	l.reread()
	if l.beside != nil {
		l.state.Shared = l.beside.Now()
	}
	if l.state.Shared.differs(before.Shared) {
		l.end()
	}
}

// reread reads the file if it may be another one, and ends the calls that the new one stops. l.mu is held.
func (l *List) reread() {
	info, err := find(l.path)
	if err == nil && l.seen != nil && l.seen.same(info) {
		return
	}
	began := time.Now()
	next, seen := l.state, (*look)(nil)
	switch {
	case errors.Is(err, errGone):
		next.Gone, next.Err = next.Hash != none, nil
	case err != nil:
		next.Err = err
	default:
		next, seen = l.read(began)
	}
	before := l.state
	next.Shared = before.Shared
	l.state, l.seen = next, seen
	if before.Hash != next.Hash || before.Gone != next.Gone || text(before.Err) != text(next.Err) {
		l.say(next)
		l.end()
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// read reads the file. A list that is being written in place gets a moment to become one.
func (l *List) read(began time.Time) (State, *look) {
	var last []byte
	for {
		content, info, err := readFile(l.path)
		if errors.Is(err, errGone) { // between the look at it and now
			return State{Stops: l.state.Stops, Hash: l.state.Hash, Gone: l.state.Hash != none}, nil
		}
		var all []Stop
		if err == nil {
			all, err = parse(content)
		}
		if err == nil {
			return State{Stops: l.withLost(all), Hash: hash(content)}, l.lookAt(info, began)
		}
		if content == nil || last != nil && bytes.Equal(content, last) {
			return State{Stops: l.state.Stops, Hash: l.state.Hash, Err: err}, l.lookAt(info, began)
		}
		if last = content; time.Since(began) > time.Second { // it changes all the time
			return State{Stops: l.state.Stops, Hash: l.state.Hash, Err: err}, nil
		}
		time.Sleep(tearing)
	}
}

// withLost are the stops of a list that was read, and those that a list had which vanished before. l.mu is held.
func (l *List) withLost(listed []Stop) []Stop {
	if l.state.Gone {
		l.lost = l.state.Stops
	}
	l.lost = slices.DeleteFunc(slices.Clone(l.lost), func(lost Stop) bool {
		return slices.ContainsFunc(listed, func(s Stop) bool {
			return s.Agent == lost.Agent && s.User == lost.User && s.Issuer == lost.Issuer
		})
	})
	return slices.Concat(listed, l.lost)
}

// lookAt is how a file looks that was read at a time; nil: it looks so that a change may not show.
func (l *List) lookAt(info os.FileInfo, read time.Time) *look {
	if info == nil {
		return nil
	}
	at, known := durable.Changed(info)
	if !known || read.Sub(at) < l.settled || read.Sub(info.ModTime()) < l.settled {
		return nil
	}
	return &look{info, at}
}

func (s *look) same(info os.FileInfo) bool {
	at, _ := durable.Changed(info)
	return os.SameFile(s.FileInfo, info) && s.Size() == info.Size() && s.ModTime().Equal(info.ModTime()) &&
		s.Mode() == info.Mode() && s.changed.Equal(at)
}

// say tells the operator which list is in force now. l.mu is held.
func (l *List) say(s State) {
	switch {
	case s.Err != nil:
		l.log.Error().Err(s.Err).Str("file",
			l.path).Msg("the list of stops cannot be read: every call is refused until it can")
	case s.Gone:
		l.log.Error().Str("file", l.path).Int("stops",
			len(s.Stops)).Msg("the list of stops is gone: the one that was last read goes on")
	case len(l.lost) > 0:
		l.log.Warn().Str("hash", s.Hash).Int("stops", len(s.Stops)).Int("kept",
			len(
				l.lost,
			)).
			Msg("another list of stops is in force, and those of the list that vanished go on: disable and enable them to end them")
	default:
		l.log.Info().Str("hash", s.Hash).Int("stops", len(s.Stops)).Msg("another list of stops is in force")
	}
}
