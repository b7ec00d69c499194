package limit

import (
	"fmt"
	"testing"
	"time"
)

func TestAMinutesWorthAtOnceAndThenAsTheyComeBack(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	r := newRates[string](10)
	taken := func(key string, perMinute, tries int) (n int) {
		for range tries {
			if r.take(key, perMinute, now) == 0 {
				n++
			}
		}
		return n
	}
	if n := taken("a", 60, 1000); n != 60 {
		t.Errorf("of a thousand at once %d pass", n)
	}
	if n := taken("b", 60, 1000); n != 60 {
		t.Errorf("of another's thousand %d pass", n)
	}
	if wait := r.take("a", 60, now); wait != time.Second {
		t.Errorf("the next one is to wait %v", wait)
	}
	now = now.Add(5 * time.Second)
	if n := taken("a", 60, 1000); n != 5 {
		t.Errorf("five seconds later %d pass", n)
	}
	now = now.Add(time.Hour)
	if n := taken("a", 60, 1000); n != 60 {
		t.Errorf("an hour later %d pass", n)
	}
	if n := taken("a", 120, 1000); n != 0 {
		t.Errorf("with another limit, what was counted is forgotten: %d pass", n)
	}
	now = now.Add(30 * time.Second)
	if n := taken("a", 120, 1000); n != 60 {
		t.Errorf("of the limit that holds now, %d come back in half a minute", n)
	}
	if n := taken("c", 0, 1000); n != 1000 {
		t.Errorf("without a limit %d pass", n)
	}
	now = now.Add(-time.Hour) // a clock that was put back
	if n := taken("d", 60, 1000); n != 60 {
		t.Errorf("with the clock put back %d pass", n)
	}
}

func TestTheTableOfRatesIsBounded(t *testing.T) {
	r := newRates[string](100)
	for i := range 10_000 {
		r.take(fmt.Sprint(i), 60, time.Unix(0, 0))
	}
	if n := r.buckets.Len(); n != 100 {
		t.Errorf("%d are remembered", n)
	}
}
