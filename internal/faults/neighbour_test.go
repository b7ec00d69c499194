package faults

import (
	"net/http"
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
			name: "issuer hangs", holds: 10 * time.Second,
			begin: func(s *scene) error {
				authority.ServeKeys(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
				return nil
			},
			end: func(*scene) error { authority.ServeKeys(nil); return nil },
		},
		{
			name: "state frozen", holds: 20 * time.Second,
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
