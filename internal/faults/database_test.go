package faults

import (
	"context"
	"strings"
	"sync"
	"time"

	"deputy/internal/testkit/throwaway"
)

var shopAlone = []string{"shop"}

// databaseFaults befall the PostgreSQL behind one of the platforms.
func databaseFaults() []fault {
	return []fault{
		{
			name: "database frozen", holds: 100 * time.Second, hits: shopAlone, steady: true,
			begin:  func(s *scene) error { s.shop.Freeze(); return nil },
			during: whileFrozen,
			end:    func(s *scene) error { s.shop.Thaw(); return nil },
		},
		{
			name: "database restarted", hits: shopAlone,
			begin: func(s *scene) error {
				s.shop.Halt()
				return s.shop.Launch(context.Background())
			},
		},
		{
			name: "database down", holds: 20 * time.Second, hits: shopAlone,
			begin: func(s *scene) error { s.shop.Halt(); return nil },
			end:   func(s *scene) error { return s.shop.Launch(context.Background()) },
		},
		{
			name: "connections used up", holds: 10 * time.Second, hits: shopAlone,
			begin: usedUp,
		},
		{
			name: "a table locked", holds: 15 * time.Second,
			begin: locked,
		},
	}
}

// whileFrozen tries what an administrator does on the healthy platforms: an edit of the file, and a stop.
func whileFrozen(s *scene) {
	sees := func(agent string) string { return s.posts(agent, "app", "SELECT note FROM s.notes") }
	began := time.Now()
	s.write(s.text + "  - {name: notes, mask: [s.notes.note], with: {constant: HIDDEN}}\n")
	edited := s.until(func() bool { return strings.Contains(sees("chat"), "HIDDEN") })
	s.soon("an edit of the file", time.Since(began))
	s.note("an edit of the file is in force on app after %.1f s: %v", time.Since(began).Seconds(), edited)
	began = time.Now()
	s.deputy("", "agent", "disable", "sweeper")
	stopped := s.until(func() bool { return strings.Contains(sees("broom"), "disabled") })
	s.soon("agent disable", time.Since(began))
	s.note("agent disable holds on app after %.1f s: %v", time.Since(began).Seconds(), stopped)
	said := s.until(func() bool { _, body, _ := s.ready(); return strings.Contains(body, `"shop":{"status":"silent"`) })
	status, _, took := s.ready()
	s.note("/readyz answers %d after %.1f s, and says that shop is silent: %v", status, took.Seconds(), said)
	if !said {
		s.Error("it is not said that the database is silent")
	}
	if !edited || !stopped {
		s.Error("a frozen database keeps the administrator's word from another platform")
	}
	s.write(s.text)
	s.deputy("", "agent", "enable", "sweeper")
}

// soon holds an administrator's word against the two seconds that it may take, where there is time.
func (s *scene) soon(what string, took time.Duration) {
	if took > 2*time.Second && !short {
		s.Errorf("%s is in force after %s", what, took)
	}
}

// until polls for as long as patience lasts.
func (s *scene) until(good func() bool) bool {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(50 * time.Millisecond) {
		if good() {
			return true
		}
	}
	return false
}

// usedUp takes every connection that the cluster gives.
func usedUp(s *scene) error {
	db, err := s.shop.Open(throwaway.Superuser, "postgres")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var taking sync.WaitGroup
	taking.Go(func() {
		for ctx.Err() == nil {
			if conn, err := db.Conn(ctx); err == nil {
				defer conn.Close()
			} else {
				time.Sleep(20 * time.Millisecond)
			}
		}
	})
	s.ending = append(s.ending, func() { cancel(); db.SetMaxIdleConns(-1); taking.Wait(); db.Close() })
	if !s.until(func() bool { return s.shop.Exec(throwaway.Superuser, "postgres", "SELECT 1") != nil }) {
		s.Error("the connections are not used up")
	}
	s.line.cut() // Deputy has none left, and gets none
	return nil
}

// locked holds a lock on a table that the traffic does not use, while a caller asks for it again and again.
func locked(s *scene) error {
	db, err := s.shop.Open(throwaway.Superuser, "postgres")
	if err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`LOCK TABLE s.notes IN ACCESS EXCLUSIVE MODE`); err != nil {
		return err
	}
	s.ending = append(s.ending, func() { tx.Rollback(); db.Close() })
	s.many(40, func(ctx context.Context) sample {
		c, err := s.connect(ctx, "greta", "chat")
		if err != nil {
			return sample{broken: err}
		}
		defer c.Close()
		return ask(ctx, c, "shop", "SELECT note FROM s.notes")
	})
	return nil
}
