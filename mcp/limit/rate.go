package limit

import (
	"math"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// remembered is how many callers, and how many addresses, have a bucket of their own. Who has been quiet longest is
// forgotten first, and its bucket is full again then: no caller gains who could not have waited.
const remembered = 1 << 16

// rates counts how often each of many comes. The numbers are given with each question, so that they follow the
// configuration while what has been counted stays.
type rates[K comparable] struct {
	mu      sync.Mutex
	buckets *lru.Cache[K, *rate.Limiter]
}

func newRates[K comparable](size int) *rates[K] {
	buckets, err := lru.New[K, *rate.Limiter](size)
	if err != nil {
		panic(err) // the size is a constant
	}
	return &rates[K]{buckets: buckets}
}

// take takes one of perMinute from the bucket of key, which holds a minute's worth. When it is empty, wait says for how
// long. Zero perMinute: as often as the caller likes.
func (r *rates[K]) take(key K, perMinute int, now time.Time) (wait time.Duration) {
	if perMinute <= 0 {
		return 0
	}
	every := rate.Limit(float64(perMinute) / 60)
	r.mu.Lock()
	defer r.mu.Unlock()
	bucket, ok := r.buckets.Get(key)
	if !ok {
		bucket = rate.NewLimiter(every, perMinute)
		r.buckets.Add(key, bucket)
	}
	if bucket.Burst() != perMinute {
		bucket.SetLimitAt(now, every)
		bucket.SetBurstAt(now, perMinute)
	}
	reserved := bucket.ReserveN(now, 1)
	if wait = reserved.DelayFrom(now); wait > 0 {
		reserved.CancelAt(now) // being turned away costs nothing
	}
	return wait
}

// Seconds is the time to wait in whole seconds, at least one.
func (e *Excess) Seconds() int { return max(1, int(math.Ceil(e.Wait.Seconds()))) }
