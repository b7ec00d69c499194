package faults

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// neighbourFaults befall what stands beside the databases: the issuer and the state of the requests.
func neighbourFaults() []fault {
	return []fault{
		{
			name: "issuer down", long: true, holds: 10 * time.Second,
			begin: func(*scene) error { authority.SetDown(true); return nil },
			end:   func(*scene) error { authority.SetDown(false); return nil },
		},
		{
			name: "issuer slow, with a new key", holds: 10 * time.Second,
			begin: func(s *scene) error { rotate(s, 3*time.Second); return nil },
			during: func(s *scene) {
				came := newcomers(s)
				s.note("eight newcomers: %s, the slowest after %.1f s", counts(came), slowest(came).Seconds())
				if answered(came) != len(came) {
					s.Errorf("newcomers of a slow issuer: %s", counts(came))
				}
			},
		},
		{
			name: "issuer hangs, with a new key", long: true, holds: 10 * time.Second,
			begin: func(s *scene) error { rotate(s, time.Hour); return nil },
			during: func(s *scene) {
				came := newcomers(s)
				s.note("eight newcomers: %s, the slowest after %.1f s", counts(came), slowest(came).Seconds())
				if answered(came) > 0 {
					s.Errorf("newcomers whose key cannot be had: %s", counts(came))
				}
			},
			end: func(s *scene) error {
				s.keysAfter(0)
				began := time.Now()
				if !s.until(func() bool { came := newcomers(s); return answered(came) == len(came) }) {
					s.Error("newcomers are not answered when the issuer is there again")
				}
				s.note("newcomers are answered %.1f s after the issuer is", time.Since(began).Seconds())
				return nil
			},
		},
		{
			name: "state frozen", long: true, holds: 20 * time.Second,
			begin:  func(s *scene) error { s.state.Freeze(); return nil },
			during: whatReadyzSays,
			end:    func(s *scene) error { s.state.Thaw(); return nil },
		},
		{
			name: "state down", holds: 20 * time.Second,
			begin:  func(s *scene) error { s.state.Halt(); return nil },
			during: whatReadyzSays,
			end:    func(s *scene) error { return s.state.Launch(s.Context()) },
		},
	}
}

func whatReadyzSays(s *scene) {
	time.Sleep(2 * time.Second)
	status, body, took := s.ready()
	s.note("/readyz answers %d after %.1f s: %.200s", status, took.Seconds(), body)
	if took > 12*time.Second {
		s.Errorf("/readyz took %s", took)
	}
}

// rotate gives the issuer a new key, and has it serve its keys after a while. The traffic's tokens have the old one.
func rotate(s *scene, after time.Duration) {
	old := authority.PublicKey()
	authority.Rotate()
	s.keys = []any{old, authority.PublicKey()}
	s.keysAfter(after)
	s.after = append(s.after, func() { s.traffic.stop(); authority.ServeKeys(nil) })
}

// keysAfter is how long the issuer takes to serve its keys from now on.
func (s *scene) keysAfter(after time.Duration) {
	keys := s.keys
	authority.ServeKeys(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(after):
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(map[string]any{"keys": keys})
		case <-r.Context().Done():
		}
	})
}

// newcomers are eight users who come at once with tokens of the newest key.
func newcomers(s *scene) []sample {
	var came [8]sample
	var all sync.WaitGroup
	for i := range came {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			c, err := s.connect(ctx, "dana", "chat")
			if came[i].broken = err; err == nil {
				defer c.Close()
				came[i] = ask(ctx, c, "app", usual)
			}
			came[i].took = time.Since(began)
		})
	}
	all.Wait()
	return came[:]
}

func slowest(samples []sample) (most time.Duration) {
	for _, s := range samples {
		most = max(most, s.took)
	}
	return most
}
