package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

// measured is what one line of the benchmark found.
type measured struct {
	p50, p99  time.Duration
	perSecond float64
	err       error // the first; what failed is not in the figures
}

// operation is one call, by one of the clients.
type operation func(ctx context.Context, client int) error

// measure lets the clients call for as long as said, after a tenth of it to warm up.
func measure(each time.Duration, clients int, call operation) measured {
	perform(each/10, clients, call)
	started := time.Now()
	durations, err := perform(each, clients, call)
	elapsed := time.Since(started)
	if len(durations) == 0 {
		return measured{err: err}
	}
	slices.Sort(durations)
	return measured{
		p50: durations[len(durations)/2], p99: durations[len(durations)*99/100],
		perSecond: float64(len(durations)) / elapsed.Seconds(), err: err,
	}
}

func perform(each time.Duration, clients int, call operation) (all []time.Duration, first error) {
	ctx := context.Background()
	var mu sync.Mutex
	var running sync.WaitGroup
	end := time.Now().Add(each)
	for client := range clients {
		running.Go(func() {
			var own []time.Duration
			var failure error
			for time.Now().Before(end) && failure == nil {
				started := time.Now()
				if failure = call(ctx, client); failure == nil {
					own = append(own, time.Since(started))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
			if first == nil {
				first = failure
			}
		})
	}
	running.Wait()
	return all, first
}
