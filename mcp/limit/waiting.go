package limit

import (
	"slices"
	"sync"
)

// waiting are the requests that wait for their own client: for the rest of a body, or for an answer to be read. No new
// caller is turned away because of them. When there are too many, the one that has waited longest is given up: first of
// the same caller, whose share is full, else of all. So a thousand slow clients cost the thousand-and-first nothing,
// and each other what they have.
type waiting struct {
	mu   sync.Mutex
	all  []*waiter // who came first, first
	each map[callerKey]int
}

type waiter struct {
	caller  callerKey
	giveUp  func() // does not wait
	givenUp bool
}

func newWaiting() *waiting { return &waiting{each: map[callerKey]int{}} }

// enter adds one. Until it leaves, giveUp may be called, once.
func (w *waiting) enter(caller callerKey, each, all int, giveUp func()) *waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.each[caller] >= each {
		w.drop(slices.IndexFunc(w.all, func(other *waiter) bool { return other.caller == caller }))
	} else if len(w.all) >= all {
		w.drop(0)
	}
	one := &waiter{caller: caller, giveUp: giveUp}
	w.all = append(w.all, one)
	w.each[caller]++
	return one
}

// leave reports whether the one had not been given up. Nil was never there.
func (w *waiting) leave(one *waiter) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one == nil || one.givenUp {
		return one == nil
	}
	w.remove(slices.Index(w.all, one))
	return true
}

// drop gives up one while it is sure that its request is still there. w.mu is held.
func (w *waiting) drop(i int) {
	one := w.all[i]
	w.remove(i)
	one.givenUp = true
	one.giveUp()
}

func (w *waiting) remove(i int) {
	caller := w.all[i].caller
	w.all = slices.Delete(w.all, i, i+1)
	if w.each[caller]--; w.each[caller] == 0 {
		delete(w.each, caller)
	}
}
