package budget

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Calls that each hold a part of what they need and wait for the rest are not left to wait until their time is over:
// the caller who holds most is refused at once, and the other goes on.
func TestStandstillIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, began := New(100), time.Now()
		greedy, other := b.Account("mallory"), b.Account("ann")
		if !raised(greedy, 40) || !raised(other, 30) {
			t.Fatal("an empty budget has no room")
		}
		refused, granted := make(chan error, 1), make(chan error, 1)
		go func() { granted <- other.Raise(context.Background(), 45) }()
		synctest.Wait()
		if len(granted) > 0 {
			t.Error("a call that leaves no room is not left to wait for another that can end")
		}
		go func() { refused <- greedy.Raise(context.Background(), 50) }()
		if err := <-refused; !errors.Is(err, ErrBusy) {
			t.Errorf("who holds most and waits in vain gets %v", err)
		}
		greedy.Close()
		if err := <-granted; err != nil {
			t.Errorf("the other call gets %v", err)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("they have waited for %s", waited)
		}
	})
}

// Whatever many calls hold while they ask for more, all of them end without waiting for their time to be over, as long
// as each gives back what it has once it is answered or refused.
func TestCallsThatHoldAndWaitEnd(t *testing.T) {
	for callers := 1; callers <= 4; callers++ {
		synctest.Test(t, func(t *testing.T) {
			b, began := New(128), time.Now()
			ended := make(chan error, 40)
			for n := range cap(ended) {
				go func() {
					a := b.Account(fmt.Sprint(n % callers))
					defer a.Close()
					err := a.Raise(context.Background(), 8)
					if err == nil {
						time.Sleep(time.Millisecond)
						err = a.Raise(context.Background(), 64)
					}
					ended <- err
				}()
			}
			answered := 0
			for range cap(ended) {
				if err := <-ended; err == nil {
					answered++
				} else if !errors.Is(err, ErrBusy) {
					t.Error(err)
				}
			}
			if waited := time.Since(began); waited > time.Second || answered == 0 {
				t.Errorf("%d callers: %d calls of %d are answered, after %s", callers, answered, cap(ended), waited)
			}
		})
	}
}
