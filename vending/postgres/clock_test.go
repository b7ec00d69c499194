package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"deputy/vending/postgres"
)

// Leases go by the database's clock, however Deputy's is set: an hour ahead or behind changes nothing but a warning of
// check's.
func TestClocksDiffer(t *testing.T) {
	database := newDatabase(t, seed)
	bootstrap(t, database, "sales")
	for where, difference := range map[string]time.Duration{"ahead of": time.Hour, "behind": -time.Hour, "": 0} {
		e, err := postgres.Open(postgres.Config{
			DSN: cluster.DSN("deputy_runner", database), Schemas: []string{"sales"}, SigningKey: signingKey,
			Now: func() time.Time { return time.Now().Add(difference) },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		if _, known := e.ClockAhead(); known {
			t.Error("the clocks were compared before anything was asked")
		}
		if _, err := e.Run(t.Context(), lease("clocksdif01", "SELECT id FROM customer_orders")); err != nil {
			t.Errorf("%v: %v", difference, err)
		}
		if ahead, known := e.ClockAhead(); !known || (ahead-difference).Abs() > time.Minute {
			t.Errorf("%v: the clock is %v ahead: %v", difference, ahead, known)
		}
		findings, err := e.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		warned := false
		for _, f := range findings {
			warned = warned || f.Warning && where != "" && strings.Contains(f.Text, where+" the database's")
			if where == "" && strings.Contains(f.Text, "clock") {
				t.Errorf("clocks that agree are warned of: %s", f.Text)
			}
		}
		if where != "" && !warned {
			t.Errorf("%v: no warning in %v", difference, findings)
		}
	}
}

// A spec that is good for longer than a few minutes is none, even when it is signed: a clock was wrong, or lies.
func TestLeaseIsBounded(t *testing.T) {
	database := newDatabase(t, seed)
	newEngine(t, database, "sales")
	runner := open(t, "deputy_runner", database)
	for what, good := range map[string]time.Duration{"for an hour": time.Hour, "no longer": -time.Minute} {
		_, err := runner.Exec(`SELECT ` + postgres.SignedSpec(signingKey, "bounded0001", time.Now().Add(good)))
		var refused *pq.Error
		if !errors.As(err, &refused) || refused.Code != "28D01" {
			t.Errorf("a spec that is good %s: %v", what, err)
		}
	}
	_, err := runner.Exec(
		`BEGIN; SELECT ` + postgres.SignedSpec(signingKey, "bounded0002", time.Now().Add(time.Minute)) + `; ROLLBACK`,
	)
	if err != nil {
		t.Errorf("a spec that is good for a minute: %v", err)
	}
}
