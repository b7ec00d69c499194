package budget

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// raised reports whether the account is given the bytes at once; otherwise it waits on.
func raised(a *Account, total int64) bool {
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { done <- a.Raise(ctx, total) }()
	synctest.Wait()
	select {
	case err := <-done:
		return err == nil
	default:
		cancel()
		return <-done == nil
	}
}

func TestCallerLeavesAsMuchAsItHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(100)
		given := 0
		for range 20 {
			if raised(b.Account("mallory"), 10) {
				given++
			}
		}
		if given != 5 {
			t.Errorf("of twenty calls %d are given a tenth each", given)
		}
		for _, name := range []string{"ann", "bob", "cid"} {
			if a := b.Account(name); !raised(a, 10) {
				t.Errorf("%s finds no room beside one greedy caller", name)
			}
		}
		if f := b.Figures(); f.Used != 80 || f.Most != 80 {
			t.Errorf("the figures are %+v", f)
		}
	})
}

func TestLargeRequestKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(100)
		first := b.Account("ann")
		if !raised(first, 60) {
			t.Fatal("an empty budget has no room")
		}
		large := make(chan error, 1)
		go func() { large <- b.Account("bob").Raise(context.Background(), 50) }()
		synctest.Wait()
		if raised(b.Account("cid"), 10) {
			t.Error("who came later is served before a caller that waits for room")
		}
		first.Lower(20)
		if err := <-large; err != nil {
			t.Errorf("with room again: %v", err)
		}
		if !raised(b.Account("cid"), 10) {
			t.Error("who came later waits on")
		}
	})
}

func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(100)
		if err := b.Account("ann").Raise(t.Context(), 101); !errors.Is(err, ErrTooLarge) {
			t.Errorf("more than all there is: %v", err)
		}
		holds := b.Account("ann")
		if !raised(holds, 85) {
			t.Fatal("an empty budget has no room")
		}
		began := time.Now()
		if err := b.Account("bob").Raise(t.Context(), 20); !errors.Is(err, ErrBusy) || time.Since(began) != patience {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Account("bob").Raise(ctx, 20); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at the end of the call's own time: %v", err)
		}
		holds.Close()
		holds.Close()
		if f := b.Figures(); f.Waiting != 0 || f.Refused != 3 {
			t.Errorf("the figures are %+v", f)
		}
		if f := b.Figures(); f.Used != 0 || len(b.held) != 0 || len(b.waiting) != 0 {
			t.Errorf("after all that %+v are used, by %v", f, b.held)
		}
	})
}

// Whatever calls ask for, no more than all of it is given out, and all of it comes back.
func TestNeverMoreThanAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(1000)
		var all sync.WaitGroup
		for n := range 200 {
			all.Go(func() {
				a := b.Account(strconv.Itoa(n % 7))
				defer a.Close()
				for range 10 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3000))*time.Millisecond)
					_ = a.Raise(ctx, rand.Int64N(1200))
					cancel()
					time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
					a.Lower(rand.Int64N(500))
				}
			})
		}
		all.Wait()
		if f := b.Figures(); f.Used != 0 || f.Most > b.Size() || len(b.held) != 0 || len(b.waiting) != 0 {
			t.Errorf("the figures are %+v", f)
		}
	})
}

func TestNoBudgetIsNoLimit(t *testing.T) {
	var none *Budget
	a := none.Account("ann")
	if err := a.Raise(t.Context(), math.MaxInt64); err != nil || a.Largest(7) != 7 || Of(With(t.Context(), a)) != nil {
		t.Errorf("without a budget: %v", err)
	}
	a.Lower(0)
	a.Close()
}

func TestContainerLimit(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"none":     {fstest.MapFS{}, 0},
		"no limit": {fstest.MapFS{"sys/fs/cgroup/memory.max": file("max\n")}, 0},
		"its own":  {fstest.MapFS{"sys/fs/cgroup/memory.max": file("1000\n")}, 900},
		"the smallest above it": {fstest.MapFS{
			"proc/self/cgroup":                      file("0::/kube/pod/box\n"),
			"sys/fs/cgroup/kube/pod/box/memory.max": file("max\n"),
			"sys/fs/cgroup/kube/pod/memory.max":     file("2000\n"),
			"sys/fs/cgroup/kube/memory.max":         file("9000\n"),
		}, 1800},
		"version 1": {fstest.MapFS{
			"proc/self/cgroup": file("5:cpu,memory:/box\n"),
			"sys/fs/cgroup/memory/box/memory.limit_in_bytes": file("3000\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":     file("9223372036854771712\n"),
		}, 2700},
	} {
		if got := ContainerLimit(test.files); got != test.want {
			t.Errorf("%s: %d", name, got)
		}
	}
	if DefaultSize(512<<20) != 128<<20 || DefaultSize(math.MaxInt64) != 256<<20 {
		t.Errorf("the default is %d, and without a limit %d", DefaultSize(512<<20), DefaultSize(math.MaxInt64))
	}
}

// What a caller that holds much waits for does not stand in the way of one that holds nothing.
func TestLeastIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(100)
		if !raised(b.Account("zoe"), 70) || !raised(b.Account("mallory"), 10) {
			t.Fatal("there is no room")
		}
		ctx, cancel := context.WithCancel(t.Context())
		large := make(chan error, 1)
		go func() { large <- b.Account("mallory").Raise(ctx, 40) }()
		synctest.Wait()
		if !raised(b.Account("ann"), 8) {
			t.Error("a caller waits behind what another one waits for")
		}
		cancel()
		if err := <-large; err == nil {
			t.Error("more is given out than there is")
		}
	})
}
