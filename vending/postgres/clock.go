package postgres

import (
	"context"
	"fmt"
	"time"

	"deputy/vending"
)

const (
	// specAge is how long a signed spec is good for, on the database's clock. It outlasts a busy moment between
	// signing and vending, and what one clock gains on the other until they are compared again.
	specAge = 2 * time.Minute
	// clocksMoved is the state of the error that deputy.vend ends with when a spec is not good at its clock's time.
	clocksMoved = "28D01"
	// clocksDiffer is from where on an administrator is told that the clocks do.
	clocksDiffer = 5 * time.Second
)

// compareClocks returns how far Deputy's clock is ahead of the database's. It is wrong by half of the time that the
// question takes, at most.
func (e *Engine) compareClocks(ctx context.Context) (ahead time.Duration, err error) {
	var there time.Time
	asked := e.config.Now()
	if err := e.db.GetContext(ctx, &there, `SELECT pg_catalog.clock_timestamp()`); err != nil {
		return 0, err
	}
	took := e.config.Now().Sub(asked)
	return asked.Add(took / 2).Sub(there), nil
}

// ClockAhead implements vending.Clocked.
func (e *Engine) ClockAhead() (ahead time.Duration, known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snapshot == nil {
		return 0, false
	}
	return e.snapshot.ahead, true
}

// clockFindings warns of clocks that differ. Leases go by the database's clock, everything else by Deputy's.
func (s *snapshot) clockFindings() []vending.Finding {
	if s.ahead.Abs() < clocksDiffer {
		return nil
	}
	where := "ahead of"
	if s.ahead < 0 {
		where = "behind"
	}
	return []vending.Finding{{Warning: true, Text: fmt.Sprintf(
		"the clock of this machine is %v %s the database's: leases go by the database's clock, and records, tokens and "+
			"approvals by this one; set the clocks",
		s.ahead.Abs().Round(time.Second),
		where,
	)}}
}
