package budget

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

// Whatever a few greedy callers ask for and wait for together, and in whatever order, an ordinary caller's small calls
// find room at once.
func TestColludingCallersLeaveRoom(t *testing.T) {
	const size, little = 128 << 20, 32 << 10 * 5
	for greedy := 1; greedy <= 6; greedy++ {
		for seed := range uint64(8) {
			synctest.Test(t, func(t *testing.T) {
				b := New(size)
				ctx, cancel := context.WithCancel(t.Context())
				defer synctest.Wait()
				defer cancel()
				random := rand.New(rand.NewPCG(seed, uint64(greedy)))
				for range 15 * greedy {
					a := b.Account(fmt.Sprintf("mallory %d", random.IntN(greedy)))
					most := a.Largest(size >> random.IntN(12))
					for total := range 3 {
						go func() { _ = a.Raise(ctx, most*int64(total+1)/3) }()
					}
					synctest.Wait()
				}
				for call := range 3 {
					if !raised(b.Account("ann"), little) {
						t.Errorf("%d greedy callers, draw %d: call %d waits, of %+v", greedy, seed, call, b.Figures())
					}
				}
			})
		}
	}
}

// Those who pass a large request have little together: it gets its room when the others end.
func TestLargeRequestIsNotStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(12_000)
		first := b.Account("zoe")
		if !raised(first, 7000) {
			t.Fatal("an empty budget has no room")
		}
		large := make(chan error, 1)
		go func() { large <- b.Account("bob").Raise(context.Background(), 6000) }()
		synctest.Wait()
		passed := 0
		for n := range 40 {
			if raised(b.Account(fmt.Sprintf("small %d", n)), 50) {
				passed++
			}
		}
		if passed != 30 {
			t.Errorf("%d pass, and not an eighth of the whole together", passed)
		}
		first.Close()
		if err := <-large; err != nil {
			t.Errorf("with room again: %v", err)
		}
	})
}
