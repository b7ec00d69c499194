package enginetest

import (
	"context"
	"errors"
	"testing"

	"deputy/vending"
	"deputy/vending/enginetest/attack"
	"deputy/vending/enginetest/trial"
)

// testRecorded: a statement runs after its call is on the record, and not at all when it is not.
func testRecorded(t *testing.T, s trial.Suite) {
	regions := s.Grant(t, "regions")
	before := s.Outside(t)
	asked := 0
	l := trial.Lease(`SELECT region FROM sales.regions ORDER BY region`, regions)
	l.Recorded = func(context.Context) error { asked++; return nil }
	if result := s.Run(t, l); len(result.Rows) != 3 || asked != 1 {
		t.Errorf("a call on the record gives %d rows, and was asked for its record %d times", len(result.Rows), asked)
	}
	for _, sql := range []string{`SELECT region FROM sales.regions`, attack.Endless} { // the second would not come back
		l := trial.Lease(sql, regions)
		l.Recorded = func(context.Context) error { return errors.New("the disk is full") }
		result, err := s.Engine.Run(t.Context(), l)
		trial.Refused(t, sql, err, vending.Unavailable)
		if len(result.Rows) > 0 {
			t.Errorf("a call that is not on the record gives rows: %+v", result)
		}
	}
	s.LeavesNothing(t, before)
}
