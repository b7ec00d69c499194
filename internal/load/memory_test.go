package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// mostRSS is what the process may have at its peak, in MB, with 512 MB as Go's limit.
const mostRSS = 400

// nested is a statement of some 21 KB whose tree of nodes is as large as that of any.
func nested(n int) string {
	return fmt.Sprintf("SELECT %d AS n", n) + strings.Repeat(", id+id+id+id", 1500) + " FROM shop.orders LIMIT 1"
}

// greeds are what a greedy caller asks for, so many times at once.
var greeds = []struct {
	name  string
	times int
	sql   func(int) string
}{
	{"repeat 60 MB", 32, func(int) string { return `SELECT repeat('x', 60000000)` }},
	{"answers of 4 MiB", 20, func(int) string {
		return `SELECT repeat('x', 4000) FROM generate_series(1, 1000)`
	}},
	{"what JSON makes long", 20, func(int) string {
		return `SELECT repeat(chr(1), 4000) FROM generate_series(1, 1000)`
	}},
	{"errors of 60 MB", 16, func(int) string { return `SELECT repeat('x', 60000000)::int` }},
	{"many NULLs", 20, func(int) string {
		return `SELECT NULL` + strings.Repeat(", NULL", 1600) + ` FROM generate_series(1, 1000)`
	}},
	{"21 KB of SQL", 32, nested},
}

func TestGreedyCallerOnPostgres(t *testing.T) { greedyOn(t, postgresSection()) }

func TestGreedyCallerUnderTLS(t *testing.T) { greedyOn(t, securedSection(t)) }

func greedyOn(t *testing.T, platform string) {
	for _, greed := range greeds {
		t.Run(greed.name, func(t *testing.T) {
			s := serve(t, platform)
			greedy(t, s, greed.times, greed.sql, `SELECT note FROM shop.orders WHERE id = %d`)
		})
	}
}

// greedy has one caller ask three times over while another asks for a row again and again.
func greedy(t *testing.T, s *server, times int, sql func(int) string, small string) {
	before := s.memory(t, "VmHWM")
	mallory, ann := s.caller("mallory"), s.caller("ann")
	quit := make(chan struct{})
	var others sync.WaitGroup
	answered, slowest := 0, time.Duration(0)
	others.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-quit:
				return
			case <-time.After(20 * time.Millisecond):
			}
			a := ann.query(fmt.Sprintf(small, n%10000+1))
			slowest = max(slowest, a.took)
			if a.fault != nil || a.code != "" {
				t.Errorf("another caller is refused: %+v", a)
				continue
			}
			answered++
		}
	})
	outcomes, wire := map[string]int{}, 0
	for round := range 3 {
		var all sync.WaitGroup
		var mu sync.Mutex
		for n := range times {
			all.Go(func() {
				a := mallory.query(sql(round*times + n))
				mu.Lock()
				defer mu.Unlock()
				wire = max(wire, a.wire)
				if a.fault != nil {
					a.code = "fault: " + a.fault.Error()
				}
				outcomes[a.code]++
			})
		}
		all.Wait()
	}
	close(quit)
	others.Wait()
	peak := s.memory(t, "VmHWM")
	var said []string
	for _, code := range slices.Sorted(maps.Keys(outcomes)) {
		name := code
		if name == "" {
			name = "answered"
		}
		said = append(said, fmt.Sprintf("%s %d", name, outcomes[code]))
	}
	fmt.Printf("%-45s peak %4d MB (from %d), wire at most %5.1f MB; %s; another caller: %d answered, slowest %v\n",
		t.Name(), peak, before, float64(wire)/1e6, strings.Join(said, ", "), answered, slowest.Round(time.Millisecond))
	if peak > mostRSS {
		t.Errorf("the process took %d MB", peak)
	}
	if answered == 0 {
		t.Error("no other caller was answered")
	}
}
