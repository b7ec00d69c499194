package faults

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"deputy/internal/testkit/throwaway"
)

// failoverFaults befall what stands before a database, and the database's own role as the primary.
func failoverFaults() []fault {
	return []fault{
		{
			name: "PgBouncer killed", holds: 10 * time.Second, hits: shopAlone,
			begin: pooled, end: unpooled,
		},
		{
			name: "standby promoted, address moved", holds: 10 * time.Second, hits: shopAlone,
			begin: standbyInPlace, during: whileStandby, end: promoted,
		},
		{
			name: "primary gone, standby in the dsn", long: true, holds: 10 * time.Second, hits: shopAlone,
			begin: standbyInDSN, end: promotedInDSN,
		},
	}
}

// poolSize is how many connections the pooler has: fewer than there are calls at once.
const poolSize = 4

// pooled leads the platform's calls through a PgBouncer in transaction mode, and kills that.
func pooled(s *scene) error {
	pooler, err := s.shop.Pool(s.Context(), "transaction", poolSize, "deputy_runner")
	if errors.Is(err, throwaway.ErrNoPooler) {
		return fmt.Errorf("%w: %v", errNotHere, err)
	}
	if err != nil {
		return err
	}
	s.company.ending = append(s.company.ending, pooler.Stop)
	s.line.aim(pooler.Socket())
	if _, err := s.traffic.good(patience); err != nil {
		return err
	}
	through := s.backends("deputy_runner")
	s.note("calls through a pool of %d: %d connections of Deputy at the database", poolSize, through)
	if through > poolSize {
		s.Errorf("%d connections are beside the pool of %d", through, poolSize)
	}
	s.from = time.Now()
	pooler.Kill()
	return nil
}

// unpooled starts another PgBouncer, and takes it away again when calls have been good behind it.
func unpooled(s *scene) error {
	pooler, err := s.shop.Pool(s.Context(), "transaction", poolSize, "deputy_runner")
	if err != nil {
		return err
	}
	s.company.ending = append(s.company.ending, pooler.Stop)
	s.line.turn(pooler.Socket())
	s.after = append(s.after, func() { s.line.aim(s.shop.Socket()) })
	return nil
}

// backends counts a role's connections at the platform's database.
func (s *scene) backends(role string) (n int) {
	db, err := s.shop.Open(throwaway.Superuser, "postgres")
	if err == nil {
		defer db.Close()
		err = db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE usename = $1`, role).Scan(&n)
	}
	if err != nil {
		s.Error(err)
	}
	return n
}

// standbyInPlace stops the primary and moves its address to its standby, which is not promoted yet.
func standbyInPlace(s *scene) error {
	standby, err := s.shop.Standby(s.Context())
	if err != nil {
		return err
	}
	s.from = time.Now()
	s.shop.Halt()
	s.line.aim(standby.Socket())
	s.shop = standby
	return nil
}

// whileStandby notes what a caller is told while the address leads to a database that takes no write.
func whileStandby(s *scene) {
	s.until(func() bool { return len(refused(s.traffic.since(s.from, time.Now(), "shop"))) > 0 })
	c, err := s.connect(s.Context(), "taylor", "chat")
	if err == nil {
		defer c.Close()
		_, err = c.Query(s.Context(), map[string]any{"platform": "shop", "sql": usual})
	}
	if err == nil {
		s.Error("a standby is answered from")
		return
	}
	s.note("a call while the address leads to a standby: %v", err)
}

func promoted(s *scene) error { return s.shop.Promote(s.Context()) }

// standbyInDSN has the server know both hosts; then the primary's goes silent, and the standby is promoted.
func standbyInDSN(s *scene) error {
	standby, err := s.shop.Standby(s.Context())
	if err != nil {
		return err
	}
	second, err := startRelay(standby.Socket())
	if err != nil {
		return err
	}
	s.company.ending = append(s.company.ending, second.close)
	one := "host=127.0.0.1 port=" + s.line.port()
	both := "host=127.0.0.1,127.0.0.1 target_session_attrs=read-write port=" + s.line.port() + "," + second.port()
	s.write(strings.Replace(s.text, one, both, 1))
	restarted(s)
	s.from = time.Now()
	s.line.loses.Store(true)
	s.after = append(s.after, func() {
		s.shop.Stop()
		s.shop = standby
		s.line.loses.Store(false)
		s.line.aim(standby.Socket())
		s.write(s.text)
		restarted(s)
	})
	return standby.Promote(s.Context())
}

// promotedInDSN does nothing: the server finds the new primary while the old one's host is silent.
func promotedInDSN(*scene) error { return nil }
