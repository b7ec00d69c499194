package faults

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"deputy/tools"
)

const sigterm = syscall.SIGTERM

// serverFaults befall the server itself.
func serverFaults() []fault {
	return []fault{
		{name: "SIGTERM in 32 calls", hits: everyone, breaks: true, begin: planned(1)},
		{name: "SIGTERM in 32 calls, 20 times", long: true, hits: everyone, breaks: true, begin: planned(20)},
		{name: "SIGKILL under load", hits: everyone, breaks: true, begin: killed},
	}
}

// planned stops the server while 32 statements run that end within the limit: each has to be answered, and none may be
// unknown.
func planned(times int) func(*scene) error {
	return func(s *scene) error {
		for range times {
			s.traffic.stop()
			log := s.logSize()
			var mu sync.Mutex
			var all sync.WaitGroup
			var samples []sample
			var connected sync.WaitGroup
			connected.Add(32)
			for range 32 {
				all.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					defer cancel()
					c, err := s.connect(ctx, "taylor", "chat")
					connected.Done()
					one := sample{broken: err}
					if err == nil {
						defer c.Close()
						one = ask(ctx, c, "app", "SELECT count(*) FROM generate_series(1, 200000) AS i")
					}
					mu.Lock()
					samples = append(samples, one)
					mu.Unlock()
				})
			}
			connected.Wait()
			if !s.until(func() bool { return s.intents(log) >= 32 }) {
				s.Error("the calls do not begin")
			}
			if err := s.stop(sigterm); err != nil {
				s.Errorf("the server ends with %v", err)
			}
			all.Wait()
			s.note("calls in the middle: %s", counts(samples))
			for _, one := range samples {
				if one.broken != nil && !strings.Contains(one.broken.Error(), "refused") {
					s.Errorf("a call that ran was broken off: %v", one.broken)
				}
				if one.code != "" && one.code != tools.Cancelled && one.code != tools.TooBusy &&
					one.code != tools.Unavailable {
					s.Errorf("a call that ran was refused: %s", one.code)
				}
			}
			problems, unknown := s.compare(samples, s.from, false)
			for _, problem := range problems {
				s.Error(problem)
			}
			if unknown > 0 {
				s.Errorf("%d outcomes are unknown after a planned stop", unknown)
			}
			s.serve()
			s.traffic = s.traffic.again()
		}
		return nil
	}
}

func killed(s *scene) error {
	times := 3
	if short {
		times = 1
	}
	for range times {
		time.Sleep(300 * time.Millisecond)
		s.stop(syscall.SIGKILL)
		s.serve()
	}
	return nil
}

// logSize is how long the audit log's file is.
func (c *company) logSize() int64 {
	info, err := os.Stat(filepath.Join(c.dir, "audit", "audit.jsonl"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// intents counts the calls that were about to run since the log's file was as long as that. A file that is shorter is a
// new one.
func (c *company) intents(since int64) int {
	text, err := os.ReadFile(filepath.Join(c.dir, "audit", "audit.jsonl"))
	if err != nil {
		return 0
	}
	if since > int64(len(text)) {
		since = 0
	}
	return strings.Count(string(text[since:]), `"phase":"intent"`)
}
