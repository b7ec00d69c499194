package faults

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// callerFaults are callers who want too much.
func callerFaults() []fault {
	long := "SELECT id FROM s.orders WHERE id IN (" + strings.Repeat("1,", 100_000) + "1)"
	deep := "SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000)
	return []fault{
		{
			name: "greedy: long values", holds: 20 * time.Second,
			begin: greedy(32, "shop", "SELECT repeat('x', 60000000) AS x"), end: memory,
		},
		{
			name: "greedy: many rows", long: true, holds: 20 * time.Second,
			begin: greedy(20, "shop", "SELECT repeat('x', 4000) AS x FROM generate_series(1, 100000)"), end: memory,
		},
		{
			name: "greedy: SQLite", long: true, holds: 20 * time.Second,
			begin: greedy(20, "lake", "SELECT printf('%020000000d', 1) AS x"), end: memory,
		},
		{
			name: "greedy: long lists", long: true, holds: 15 * time.Second,
			begin: greedy(16, "shop", long), end: memory,
		},
		{
			name:  "greedy: deep nesting",
			long:  true,
			holds: 10 * time.Second,
			begin: greedy(16, "shop", deep),
			end:   memory,
		},
		{
			name: "endless statements", long: true,
			holds: 15 * time.Second,
			begin: greedy(
				40,
				"shop",
				"SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
			),
		},
		{name: "1,000 idle and 100 slow clients", long: true, holds: 15 * time.Second, begin: idle},
	}
}

// greedy lets one user call on many connections at once.
func greedy(n int, platform, sql string) func(*scene) error {
	return func(s *scene) error {
		s.many(n, func(ctx context.Context) sample {
			c, err := s.connect(ctx, "greta", "chat")
			if err != nil {
				return sample{broken: err}
			}
			defer c.Close()
			return ask(ctx, c, platform, sql)
		})
		return nil
	}
}

// memory notes the most that the server ever had in memory.
func memory(s *scene) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.server.Process.Pid))
	if err != nil {
		return nil // only Linux tells
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kilobytes int
	fmt.Sscan(rest, &kilobytes)
	s.note("the server had %d MB in memory at most", kilobytes/1024)
	if kilobytes > 400*1024 {
		s.Errorf("the server had %d MB in memory", kilobytes/1024)
	}
	os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.server.Process.Pid), []byte("5"), 0o600) // begins anew
	return nil
}

// idle opens connections that say nothing, and others that say a byte a second.
func idle(s *scene) error {
	var open []net.Conn
	for i := range 1100 {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			return err
		}
		open = append(open, c)
		if i >= 1000 {
			go func() {
				for _, letter := range "POST /mcp HTTP/1.1\r\nHost: x\r\n\r\n" {
					if _, err := c.Write([]byte(string(letter))); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
		}
	}
	s.ending = append(s.ending, func() {
		for _, c := range open {
			c.Close()
		}
	})
	return nil
}
