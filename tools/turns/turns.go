// Package turns says whose call runs next on a platform. Places are shared between callers: one that has many calls
// running or waiting leaves as many places as it takes, and who has fewest is next. Calls on a table that waits for a
// lock have few places together, and give their place to others while they wait: see Try.
package turns

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// errBusy says that no place became free in time.
var errBusy = errors.New("too many calls are running")

const (
	patience = 10 * time.Second // how long a call waits for a place
	// suspicion is how long tables are taken for locked after the last call that met the lock.
	suspicion = 5 * time.Second
	// blockedPart of the places is what calls on locked tables have together.
	blockedPart = 4
)

// Turns are the places of one platform. Its methods may be called concurrently.
type Turns struct {
	places int
	share  int

	mu      sync.Mutex
	taken   int
	blocked int            // of taken, by calls on tables that wait for a lock
	each    map[string]int // of taken, by caller
	waiting []*waiter      // who came first, first
	locked  []suspects
}

// suspects are tables one of which was locked.
type suspects struct {
	tables []string
	met    time.Time // by the last call
}

type waiter struct {
	caller  string
	blocked bool
	granted chan struct{}
}

// New makes so many places. share is how many of them one caller may take; zero: half of them.
func New(places, share int) *Turns {
	if share <= 0 {
		share = (places + 1) / 2
	}
	return &Turns{places: places, share: share, each: map[string]int{}}
}

// enter waits for a place, for so long at most.
func (t *Turns) enter(ctx context.Context, caller string, blocked bool, atMost time.Duration) error {
	t.mu.Lock()
	w := &waiter{caller: caller, blocked: blocked, granted: make(chan struct{})}
	t.waiting = append(t.waiting, w)
	t.serve()
	t.mu.Unlock()
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
		return t.withdraw(w, ctx.Err())
	case <-timer.C:
		return t.withdraw(w, errBusy)
	}
}

func (t *Turns) withdraw(w *waiter, why error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting, w)
	if i < 0 {
		return nil // it was granted in the meantime
	}
	t.waiting = slices.Delete(t.waiting, i, i+1)
	return why
}

func (t *Turns) leave(caller string, blocked bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	if blocked {
		t.blocked--
	}
	if t.each[caller]--; t.each[caller] == 0 {
		delete(t.each, caller)
	}
	t.serve()
}

// serve gives out the places that are free. t.mu is held.
func (t *Turns) serve() {
	for {
		i := t.next()
		if i < 0 {
			return
		}
		w := t.waiting[i]
		t.waiting = slices.Delete(t.waiting, i, i+1)
		t.taken++
		t.each[w.caller]++
		if w.blocked {
			t.blocked++
		}
		close(w.granted)
	}
}

// next is who takes the next place; -1: none that waits may. Who waits for no lock comes before who does, then who came
// first: what may keeps a caller with many places behind those with fewer. t.mu is held.
func (t *Turns) next() int {
	best := -1
	for i, w := range t.waiting {
		if !t.may(w) {
			continue
		}
		if best < 0 || t.waiting[best].blocked && !w.blocked {
			best = i
		}
	}
	return best
}

// may reports whether a place is free for the waiter. A caller that has some leaves at least as many free as it has, so
// that the next caller finds one.
func (t *Turns) may(w *waiter) bool {
	free, has := t.places-t.taken, t.each[w.caller]
	switch {
	case free <= 0, has >= t.share, has > 0 && has >= free:
		return false
	case w.blocked:
		return t.blocked < max(1, t.places/blockedPart)
	}
	return true
}

// lock notes that a call met a lock on one of the tables, which are in the order of their names. Of the others nothing
// is known: only a call that uses all of them is sure to meet the lock as well.
func (t *Turns) lock(tables []string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := t.same(tables); i >= 0 {
		t.locked[i].met = now
	} else if len(tables) > 0 {
		t.locked = append(t.locked, suspects{slices.Clone(tables), now})
	}
}

// unlock notes that a statement ran on the tables: none of them is locked.
func (t *Turns) unlock(tables []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var kept []suspects
	for _, s := range t.locked {
		s.tables = slices.DeleteFunc(s.tables, func(table string) bool { return slices.Contains(tables, table) })
		if len(s.tables) > 0 {
			kept = append(kept, s)
		}
	}
	t.locked = kept
}

// same is where the tables are suspected together; -1: nowhere. t.mu is held.
func (t *Turns) same(tables []string) int {
	return slices.IndexFunc(t.locked, func(s suspects) bool { return slices.Equal(s.tables, tables) })
}

// suspects reports whether any table may be locked.
func (t *Turns) suspects() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.locked) > 0
}

// isLocked reports whether the tables are all there is of what a call met a lock on a moment ago, or more than that.
func (t *Turns) isLocked(tables []string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.locked = slices.DeleteFunc(t.locked, func(s suspects) bool { return now.Sub(s.met) > suspicion })
	return slices.ContainsFunc(t.locked, func(s suspects) bool {
		return !slices.ContainsFunc(s.tables, func(table string) bool { return !slices.Contains(tables, table) })
	})
}
