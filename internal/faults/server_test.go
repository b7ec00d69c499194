package faults

import (
	"context"
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
			time.Sleep(200 * time.Millisecond)
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
	for range 3 {
		time.Sleep(300 * time.Millisecond)
		s.stop(syscall.SIGKILL)
		s.serve()
	}
	return nil
}
