package load

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"deputy/internal/testkit/throwaway"
)

// locked is how long a table is locked.
var locked = lockedFor()

// tally is what callers got.
type tally struct {
	mu      sync.Mutex
	codes   map[string]int
	slowest time.Duration
}

func (c *tally) count(a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.codes == nil {
		c.codes = map[string]int{}
	}
	switch {
	case a.fault != nil:
		a.code = "fault: " + a.fault.Error()
	case a.code == "":
		a.code = "answered"
	}
	c.codes[a.code]++
	c.slowest = max(c.slowest, a.took)
}

func (c *tally) String() string {
	var said []string
	for _, code := range slices.Sorted(maps.Keys(c.codes)) {
		said = append(said, fmt.Sprintf("%s %d", code, c.codes[code]))
	}
	return fmt.Sprintf("%s, slowest %v", strings.Join(said, ", "), c.slowest.Round(time.Millisecond))
}

func TestLockedTable(t *testing.T) {
	for _, test := range []struct {
		name    string
		callers int // that ask for the locked table
		each    int // calls of each at once
	}{
		{"forty callers", 40, 1},
		{"one greedy caller", 1, 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, postgresSection())
			admin, err := cluster.Open(throwaway.Superuser, "postgres")
			if err != nil {
				t.Fatal(err)
			}
			defer admin.Close()
			tx, err := admin.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			if _, err := tx.Exec(`LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE`); err != nil {
				t.Fatal(err)
			}
			var waits, others tally
			var all sync.WaitGroup
			ctx, cancel := context.WithTimeout(t.Context(), locked)
			defer cancel()
			ask := func(c caller, who *tally, sql string, pause time.Duration) {
				all.Go(func() {
					for n := 0; ctx.Err() == nil; n++ {
						who.count(c.query(fmt.Sprintf(sql, n%10000+1)))
						time.Sleep(pause)
					}
				})
			}
			for n := range test.callers {
				c := s.caller(fmt.Sprintf("waits-%d", n))
				for range test.each {
					ask(c, &waits, `SELECT note FROM shop.orders WHERE id = %d`, 0)
				}
			}
			for n := range 8 {
				other := s.caller(fmt.Sprintf("other-%d", n))
				ask(other, &others, `SELECT note FROM shop.stock WHERE id = %d`, 100*time.Millisecond)
			}
			all.Wait()
			fmt.Printf("%-40s on the locked table: %s\n%-40s on another table: %s\n", t.Name(), &waits, "", &others)
			if refused := len(others.codes); refused != 1 || others.codes["answered"] == 0 {
				t.Error("calls on another table are refused")
			}
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
			after := time.Now()
			for s.caller("ann").query(`SELECT note FROM shop.orders WHERE id = 1`).code != "" {
				if time.Since(after) > 10*time.Second {
					t.Fatal("the table is not answered after its lock")
				}
			}
			fmt.Printf("%-40s answered %v after the lock\n", "", time.Since(after).Round(time.Millisecond))
		})
	}
}

// lockedFor is half a minute, or what DEPUTY_LOAD_LOCK says.
func lockedFor() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("DEPUTY_LOAD_LOCK")); err == nil {
		return d
	}
	return 30 * time.Second
}
