package enginetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"deputy/vending/enginetest/trial"
)

func testRole(t *testing.T, s trial.Suite) {
	l := trial.Lease(`SELECT 1`)
	role := s.Run(t, l).Role
	if role.Name != "deputy_"+l.ID {
		t.Errorf("the role is called %q, not after its lease", role.Name)
	}
	if role.Vended.IsZero() || role.Revoked.Before(role.Vended) {
		t.Errorf("the role was vended at %v and revoked at %v", role.Vended, role.Revoked)
	}
	failed := trial.Lease(`SELECT nothing FROM sales.regions`, s.Grant(t, "regions"))
	result, err := s.Engine.Run(t.Context(), failed)
	trial.Refused(t, failed.SQL, err)
	if result.Role.Vended.IsZero() != result.Role.Revoked.IsZero() {
		t.Errorf(
			"the role of a statement that failed was vended at %v and revoked at %v",
			result.Role.Vended,
			result.Role.Revoked,
		)
	}
}

// testConcurrency: fifty roles at the same time, each with a mask of its own.
func testConcurrency(t *testing.T, s trial.Suite) {
	before := s.Outside(t)
	access := s.Grant(t, "customer_orders")
	var all sync.WaitGroup
	for i := range 50 {
		mine := access
		mine.Columns = slices.Clone(access.Columns)
		own := fmt.Sprintf("caller %d", i)
		trial.Masked("lastname", trial.Constant(own))(&mine)
		all.Go(func() {
			result, err := s.Engine.Run(t.Context(), trial.Lease(`SELECT DISTINCT lastname FROM sales.customer_orders`, mine))
			if err != nil || len(result.Rows) != 1 || result.Rows[0][0] != own {
				t.Errorf("%s got %v, %v", own, result.Rows, err)
			}
		})
	}
	all.Wait()
	s.LeavesNothing(t, before)
}
