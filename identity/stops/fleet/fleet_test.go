package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deputy/identity/stops"
)

// state is a state in memory, which tests break.
type state struct {
	mu     sync.Mutex
	rows   map[string]stops.Stop
	lifted map[string]bool
	err    error
}

func newState(names ...string) *state {
	s := &state{rows: map[string]stops.Stop{}, lifted: map[string]bool{}}
	for _, name := range names {
		s.rows["id-"+name] = stops.Stop{Agent: name}
	}
	return s
}

func (s *state) Stops(_ context.Context, known []string) (v View, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, stop := range s.rows {
		if s.lifted[id] {
			if slices.Contains(known, id) {
				v.Lifted = append(v.Lifted, id)
			}
			continue
		}
		v.Active = append(v.Active, Entry{id, stop})
	}
	return v, s.err
}

func (s *state) PutStops(_ context.Context, entries []Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		if _, there := s.rows[e.ID]; !there {
			s.rows[e.ID] = e.Stop
		}
	}
	return s.err
}

func (s *state) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// clock is set by tests. It has no reading that runs on when it is set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// still is a fleet whose list is read when the test says so.
func still(s *state, c *clock, copy string) *Fleet {
	f := &Fleet{
		config: Config{Source: s, Copy: copy, Stale: 5 * time.Minute, Now: c.Now, Log: zerolog.Nop()},
		copies: make(chan struct{}, 1),
	}
	f.takeCopy()
	return f
}

func (f *Fleet) turn(t *testing.T) {
	t.Helper()
	f.refresh(t.Context())
	f.keep()
}

// stopped are the agents that a fleet stops, or "every call".
func stopped(f *Fleet) string {
	now := f.Now()
	if now.Err != nil {
		return "every call"
	}
	var names []string
	for _, s := range now.Stops {
		names = append(names, s.Agent)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func expect(t *testing.T, f *Fleet, when, want string) {
	t.Helper()
	if got := stopped(f); got != want {
		t.Errorf("%s, %q is stopped, want %q", when, got, want)
	}
}

// The way of a list: read, copied, taken up without the state, stale, and read again.
func TestCopyGoesOnUntilStale(t *testing.T) {
	s, c, path := newState("robin"), &clock{now: noon}, filepath.Join(t.TempDir(), "copy")
	f := still(s, c, path)
	expect(t, f, "before anything was read", "every call")
	f.turn(t)
	expect(t, f, "once it is read", "robin")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the copy is %v, %v", info, err)
	}
	s.change(func() { s.err = errors.New("out of reach") })
	c.add(4 * time.Minute)
	f.turn(t)
	expect(t, f, "four minutes without the state", "robin")
	again := still(s, c, path)
	again.turn(t)
	expect(t, again, "started from the copy", "robin")
	if now := again.Now(); !now.Late || now.Age != 4*time.Minute {
		t.Errorf("it says %+v", now)
	}
	c.add(time.Minute + time.Second)
	expect(t, f, "five minutes without the state", "every call")
	expect(t, again, "five minutes without the state, started from the copy", "every call")
	expect(t, still(s, c, path), "started from a copy that is stale", "every call")
	if text := f.Now().Err.Error(); !strings.Contains(text, "for longer than 5m0s") {
		t.Errorf("it says %s", text)
	}
	s.change(func() { s.err = nil })
	f.turn(t)
	expect(t, f, "read again", "robin")
	s.change(func() { s.lifted["id-robin"] = true })
	f.turn(t)
	expect(t, f, "lifted", "")
	expect(t, still(s, c, path), "started after that", "")
}

// A copy that says nothing new is written again now and then, so that a start knows how old it is.
func TestCopyKeepsTime(t *testing.T) {
	s, c, path := newState("robin"), &clock{now: noon}, filepath.Join(t.TempDir(), "copy")
	f := still(s, c, path)
	for range 400 {
		f.turn(t)
		c.add(time.Second)
		if _, read, err := ReadCopy(path); err != nil || c.Now().Sub(read) > copyEvery+2*time.Second {
			t.Fatalf("after %s the copy is from %s: %v", c.Now().Sub(noon), read, err)
		}
	}
}

// Whatever becomes of the copy's bytes, no other list is read out of it: it is the same, or none.
func TestBrokenCopy(t *testing.T) {
	s, c, path := newState("robin", "kim"), &clock{now: noon}, filepath.Join(t.TempDir(), "copy")
	still(s, c, path).turn(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.change(func() { s.err = errors.New("out of reach") })
	broken := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		f := still(s, c, path)
		f.turn(t)
		expect(t, f, name, "every call")
	}
	for i := 0; i < len(whole)-1; i += 3 {
		text := slices.Clone(whole)
		text[i] ^= 1
		broken(fmt.Sprint("byte ", i, " changed"), text)
		broken(fmt.Sprint("cut after ", i), whole[:i])
	}
	broken("twice", append(slices.Clone(whole), whole...))
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, still(s, c, path), "whole", "kim robin")
	if err := os.Chmod(path, 0o622); err != nil {
		t.Fatal(err)
	}
	expect(t, still(s, c, path), "writable for others", "every call")
	s.change(func() { s.err = nil })
	f := still(s, c, path)
	f.turn(t)
	expect(t, f, "with the state there", "kim robin")
	if again := still(s, c, path); stopped(again) != "kim robin" {
		t.Errorf("the copy was not made anew: %v", again.Now())
	}
}

// A state that was restored from an older dump, or is an empty one, loses no stop of a server that knows it. What was
// lifted stays lifted as long as the state knows.
func TestRestoredStateLosesNoStop(t *testing.T) {
	s, c := newState("robin", "kim"), &clock{now: noon}
	one := still(s, c, filepath.Join(t.TempDir(), "copy"))
	two := still(s, c, filepath.Join(t.TempDir(), "copy"))
	one.turn(t)
	s.change(func() { s.rows["id-ola"] = stops.Stop{Agent: "ola"} })
	two.turn(t)
	s.change(func() { delete(s.rows, "id-robin"); delete(s.rows, "id-ola"); s.lifted["id-kim"] = true })
	one.turn(t)
	expect(t, one, "restored", "robin")
	three := still(s, c, filepath.Join(t.TempDir(), "copy"))
	three.turn(t)
	expect(t, three, "of a server without a copy, once another one has put it back", "robin")
	two.turn(t) // it had what the first one never saw
	one.turn(t)
	for _, f := range []*Fleet{one, two} {
		expect(t, f, "put back", "ola robin")
	}
	if one.Now().Hash != two.Now().Hash {
		t.Error("two servers with one list call it by two names")
	}
	s.change(func() { clear(s.rows) })
	one.turn(t)
	expect(t, one, "with an empty state", "ola robin")
}

// A list that is there and is not understood stops everything at once, and goes on doing so while it cannot be asked.
func TestUnreadableListStopsEverything(t *testing.T) {
	s, c := newState("robin"), &clock{now: noon}
	f := still(s, c, filepath.Join(t.TempDir(), "copy"))
	f.turn(t)
	s.change(func() { s.err = fmt.Errorf("%w: entry x", ErrUnreadable) })
	f.turn(t)
	expect(t, f, "with an entry that is not understood", "every call")
	s.change(func() { s.err = errors.New("out of reach") })
	f.turn(t)
	expect(t, f, "out of reach after that", "every call")
	s.change(func() { s.err = nil })
	f.turn(t)
	expect(t, f, "understood again", "robin")
}

// Setting the clock makes no list younger. One that is set forward may make it too old until it is read again.
func TestClockIsSet(t *testing.T) {
	s, c, path := newState("robin"), &clock{now: noon}, filepath.Join(t.TempDir(), "copy")
	still(s, c, path).turn(t)
	s.change(func() { s.err = errors.New("out of reach") })
	c.add(-time.Hour)
	expect(t, still(s, c, path), "started an hour before the copy was made", "every call")
	c.add(time.Hour - 30*time.Second)
	f := still(s, c, path)
	expect(t, f, "started half a minute before", "robin")
	c.add(5*time.Minute + time.Second)
	expect(t, f, "five minutes after that start", "every call")

	real := time.Now() // with a reading that runs on
	if got := age(real.Add(time.Minute), real); got != time.Minute {
		t.Errorf("a minute is %s", got)
	}
	back := real.Add(time.Minute).Round(0).Add(-time.Hour) // only the wall is read, and was set back
	if got := age(back, real); got != 0 {
		t.Errorf("with the wall alone the age is %s", got)
	}
	s.change(func() { s.err = nil })
	c.add(-2 * time.Hour)
	f.turn(t)
	expect(t, f, "read again after the clock was set back", "robin")
	s.change(func() { s.err = errors.New("out of reach") })
	expect(t, still(s, c, path), "started then", "robin")
	c.add(2 * time.Hour)
	expect(t, f, "when the clock is set forward", "every call")
}

// What cannot be copied is said, and is in force.
func TestUncopied(t *testing.T) {
	s, c := newState("robin"), &clock{now: noon}
	f := still(s, c, filepath.Join(t.TempDir(), "no such folder", "copy"))
	f.turn(t)
	expect(t, f, "without a copy", "robin")
	if now := f.Now(); !now.Uncopied || !strings.Contains(now.Notice(), "cannot be copied") {
		t.Errorf("it says %+v", now)
	}
}

// Followed by itself: what the state says is known at once when Follow returns, and what changes is known soon.
func TestFollow(t *testing.T) {
	s, path := newState("robin"), filepath.Join(t.TempDir(), "copy")
	f := Follow(t.Context(), Config{Source: s, Copy: path, Log: zerolog.Nop()})
	expect(t, f, "at once", "robin")
	s.change(func() { s.rows["id-kim"] = stops.Stop{Agent: "kim"} })
	for began := time.Now(); stopped(f) != "kim robin"; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("after 30 s %q is stopped", stopped(f))
		}
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		entries, _, err := ReadCopy(path)
		if len(entries) == 2 {
			break
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("after 30 s the copy has %v, %v", entries, err)
		}
	}
	f.Close()
	s.change(func() { s.err = errors.New("out of reach") })
	f = Follow(t.Context(), Config{Source: s, Copy: path, Log: zerolog.Nop()})
	defer f.Close()
	expect(t, f, "started from the copy", "kim robin")
}
