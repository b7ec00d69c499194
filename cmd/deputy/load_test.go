package main

import (
	"fmt"
	"sync"
	"testing"

	"deputy/internal/demo"
	"deputy/mcp/client"
)

func TestTwoHundredConcurrentCallsOfTwentyUsersEachGetTheirOwn(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s := stage(t, engine)
			var all sync.WaitGroup
			for user := range 20 {
				c := overHTTP(t, s, s.Token(numbered(user)), "")
				for call := range 10 {
					all.Go(func() { oneCall(t, c, user, call) })
				}
			}
			all.Wait()
			standing, err := s.Engines["shop"].Standing(t.Context())
			if err != nil || len(standing) > 0 {
				t.Errorf("after all calls %v stand (%v)", standing, err)
			}
			roles := map[string]bool{}
			for _, r := range records(t, s.AuditFile) {
				if r.Role == nil || roles[r.Role.Name] {
					t.Errorf("two calls share the role %+v", r.Role)
					continue
				}
				roles[r.Role.Name] = true
			}
			if len(roles) != 200 {
				t.Errorf("200 calls have %d roles", len(roles))
			}
		})
	}
}

// numbered is one of many people; every second one may see names.
func numbered(n int) demo.Person {
	groups := []string{"Marketing"}
	if n%2 == 1 {
		groups = []string{"Privacy"}
	}
	return demo.Person{Subject: fmt.Sprintf("user-%d", n), Groups: groups}
}

func oneCall(t *testing.T, c *client.Client, user, call int) {
	marker := fmt.Sprintf("%d-%d", user, call)
	r, err := c.Query(
		t.Context(),
		map[string]any{"sql": "SELECT lastname, '" + marker + "' AS marker FROM sales.customer_orders"},
	)
	if err != nil {
		t.Errorf("call %s failed: %v", marker, err)
		return
	}
	for _, row := range r.Rows {
		if masked := row[0] == "REDACTED"; masked != (user%2 == 0) || row[1] != marker {
			t.Errorf("call %s of user %d got somebody else's row: %v", marker, user, row)
		}
	}
}
