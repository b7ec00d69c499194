package turns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deputy/vending"
)

func call(who string) Call { return Call{Caller: who, LockTimeout: 2 * time.Second} }

func about(who, table string) Call {
	c := call(who)
	c.Tables = func() []string { return []string{table} }
	return c
}

// entered are the turns that calls get at once.
func entered(t *testing.T, q *Turns, who string, times int) (turns []*Turn) {
	var mu sync.Mutex
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range times {
		all.Go(func() {
			if turn, err := Enter(ctx, call(who), q); err == nil {
				mu.Lock()
				defer mu.Unlock()
				turns = append(turns, turn)
			}
		})
	}
	synctest.Wait()
	cancel()
	all.Wait()
	return turns
}

func TestCallersSharePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(32, 0)
		for i, want := range []int{16, 8, 4, 2, 1, 1, 0} {
			if got := len(entered(t, q, fmt.Sprint("caller ", i), 40)); got != want {
				t.Errorf("greedy caller %d gets %d places and not %d", i, got, want)
			}
		}
		own := New(10, 3)
		if got := len(entered(t, own, "ann", 40)); got != 3 {
			t.Errorf("with a share of 3 a caller gets %d places", got)
		}
		for _, places := range []int{1, 2} {
			one := New(places, 0)
			for n := range places {
				if got := len(entered(t, one, fmt.Sprint("caller ", n), 2)); got != 1 {
					t.Errorf("of %d places caller %d gets %d", places, n, got)
				}
			}
		}
	})
}

// Who has fewest places is next, whoever has waited longer.
func TestFewestIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(4, 4)
		greedy := entered(t, q, "greedy", 40)
		greedy = append(greedy, entered(t, q, "other", 1)...)
		greedy = append(greedy, entered(t, q, "third", 1)...)
		order := make(chan string, 10)
		for _, who := range []string{"greedy", "greedy", "ann", "greedy", "bob"} {
			go func() {
				if turn, err := Enter(t.Context(), call(who), q); err == nil {
					order <- who
					turn.Leave()
				}
			}()
			synctest.Wait()
		}
		greedy[len(greedy)-1].Leave()
		synctest.Wait()
		if first, second := <-order, <-order; first != "ann" || second != "bob" {
			t.Errorf("the first are %s and %s", first, second)
		}
	})
}

func lockedError() error { return &vending.Error{Code: vending.Locked, Message: vending.LockedMessage} }

func coded(err error) vending.Code {
	if known := new(vending.Error); errors.As(err, &known) {
		return known.Code
	}
	return ""
}

// Forty calls wait for a lock, each of a caller of its own; the calls on another table have a place within a moment.
func TestLockHoldsFewPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(32, 0)
		const moment, lock = 250 * time.Millisecond, 30 * time.Second
		began := time.Now()
		var all sync.WaitGroup
		waits := func(who string) error {
			turn, err := Enter(t.Context(), about(who, "shop.orders"), q)
			if err != nil {
				return err
			}
			defer turn.Leave()
			_, err = Try(t.Context(), turn, func(context.Context) (int, error) {
				if time.Since(began) > lock {
					return 1, nil
				}
				time.Sleep(moment)
				return 0, lockedError()
			})
			if err == nil {
				turn.Ran()
			}
			return err
		}
		for n := range 40 {
			all.Go(func() {
				for time.Since(began) < lock {
					asked := time.Now()
					err := waits(fmt.Sprint("waits ", n))
					if coded(err) != vending.Locked && time.Since(began) <= lock {
						t.Errorf("a call on a locked table: %v", err)
					}
					if took := time.Since(asked); took > 2*time.Second+2*moment {
						t.Errorf("it is told after %v", took)
					}
				}
			})
		}
		slowest, later := time.Duration(0), time.Duration(0) // once the lock is known of
		for range 500 {
			time.Sleep(50 * time.Millisecond)
			asked := time.Now()
			turn, err := Enter(t.Context(), about("ann", "shop.stock"), q)
			if err != nil {
				t.Fatalf("a call on another table: %v", err)
			}
			slowest = max(slowest, time.Since(asked))
			if asked.Sub(began) > 2*moment {
				later = max(later, time.Since(asked))
			}
			turn.Leave()
		}
		if slowest > moment || later > 0 {
			t.Errorf("calls on another table wait for %v, and for %v once the lock is known", slowest, later)
		}
		all.Wait()
		if err := waits("ann"); err != nil || q.suspects() {
			t.Errorf("after the lock: %v, suspected are %v", err, q.locked)
		}
		if q.taken != 0 || q.blocked != 0 || len(q.each) != 0 || len(q.waiting) != 0 {
			t.Errorf("after all that %d places are taken, by %v", q.taken, q.each)
		}
	})
}

// A call on two tables met a lock: who reads one of them is no suspect, because it may be the other. A statement that
// ran on one says which it is.
func TestLockSuspectsAllTogether(t *testing.T) {
	now := time.Now()
	locked := func(q *Turns, tables ...string) bool { return q.isLocked(tables, now) }
	q := New(8, 8)
	q.lock([]string{"shop.orders", "shop.stock"}, now)
	if locked(q, "shop.stock") || locked(q, "shop.orders") {
		t.Error("one of two tables is taken for the locked one")
	}
	if !locked(q, "shop.orders", "shop.people", "shop.stock") {
		t.Error("a call on both tables, and another, is not held for one that meets the lock")
	}
	q.unlock([]string{"shop.people", "shop.stock"})
	if locked(q, "shop.stock") || !locked(q, "shop.orders") {
		t.Error("a statement ran on one of the tables, and the other is not the one")
	}
	for range 3 {
		q.lock([]string{"shop.orders", "shop.stock"}, now)
	}
	if len(q.locked) != 2 {
		t.Errorf("the same is kept several times: %v", q.locked)
	}
	q.unlock([]string{"shop.orders", "shop.stock"})
	if q.suspects() {
		t.Errorf("a statement ran on all, and %v are suspected", q.locked)
	}
}

func TestSuspicionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(8, 8)
		q.lock([]string{"shop.orders"}, time.Now())
		if !q.isLocked([]string{"shop.stock", "shop.orders"}, time.Now()) {
			t.Error("a table that was locked just now is not suspected")
		}
		time.Sleep(suspicion + 1)
		if q.isLocked([]string{"shop.orders"}, time.Now()) || q.suspects() {
			t.Error("a table is suspected for ever")
		}
	})
}

func TestTurnEndsWithCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(1, 1)
		first, err := Enter(t.Context(), call("ann"), q)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := Enter(ctx, call("bob"), q); coded(err) != vending.Cancelled {
			t.Errorf("a call that ends while it waits: %v", err)
		}
		began := time.Now()
		if _, err := Enter(
			t.Context(),
			call("bob"),
			q,
		); coded(err) != vending.TooBusy ||
			time.Since(began) != patience {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		first.Leave()
		first.Leave()
		two := []*Turns{q, New(1, 1)}
		both, err := Enter(t.Context(), call("bob"), two...)
		if err != nil || two[1].taken != 1 {
			t.Fatalf("in two queues: %v", err)
		}
		both.Leave()
		if q.taken != 0 || two[1].taken != 0 {
			t.Error("a place is kept")
		}
	})
}

// Whoever comes and goes, no more run than there are places, nor more of a caller than its share.
func TestNeverMoreThanPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(7, 3)
		var mu sync.Mutex
		running, each := 0, map[string]int{}
		add := func(who string, n int) {
			mu.Lock()
			defer mu.Unlock()
			running += n
			if each[who] += n; running > 7 || each[who] > 3 {
				t.Errorf("%d run, %d of %s", running, each[who], who)
			}
		}
		var all sync.WaitGroup
		for n := range 60 {
			who := fmt.Sprint("caller ", n%9)
			all.Go(func() {
				for range 20 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(900))*time.Millisecond)
					if turn, err := Enter(ctx, call(who), q); err == nil {
						add(who, 1)
						time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
						add(who, -1)
						turn.Leave()
					}
					cancel()
				}
			})
		}
		all.Wait()
		if q.taken != 0 || len(q.each) != 0 || len(q.waiting) != 0 {
			t.Errorf("after all that %d places are taken, by %v", q.taken, q.each)
		}
	})
}

func TestLockedWaitBehindOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(4, 4)
		var running []*Turn
		for n := range 4 {
			running = append(running, entered(t, q, fmt.Sprint("caller ", n), 1)...)
		}
		q.lock([]string{"shop.orders"}, time.Now())
		order := make(chan string, 2)
		for _, c := range []Call{about("bob", "shop.orders"), about("ann", "shop.stock")} {
			go func() {
				if turn, err := Enter(t.Context(), c, q); err == nil {
					order <- c.Caller
					turn.Leave()
				}
			}()
			synctest.Wait()
		}
		running[0].Leave()
		synctest.Wait()
		if first := <-order; first != "ann" {
			t.Errorf("the first is %s", first)
		}
		<-order
	})
}
