package tools_test

import (
	"errors"
	"testing"

	"deputy/audit"
	"deputy/identity"
	"deputy/tools"
	"deputy/vending"
)

func TestAProfileIsOnTheRecordOrIsNotMade(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := newTools(t, e, "")
		operator := tools.Call{
			Client: "deputy-cli",
			Principal: identity.Principal{
				Agent: identity.Agent{Identity: identity.Identity{Kind: identity.KindAgent, ID: "deputy:cli"}},
			},
		}
		p, err := made.Profile(t.Context(), operator, "shop", orders, 100)
		if err != nil || p.Rows != 2 || len(p.Columns) != 3 {
			t.Errorf("of 2 rows and 3 columns the profile is %+v (%v)", p, err)
		}
		r := log.last(t)
		if r.Tool != "scan" || r.Agent.ID != "deputy:cli" || r.Role == nil || r.Role.Name != "deputy_"+r.ID ||
			len(r.Tables) != 1 ||
			len(r.Tables[0].Columns) != 3 ||
			r.Outcome != audit.Answered {
			t.Errorf("the record says %+v", r)
		}
		log.failure = errors.New("the disk is full")
		if p, err := made.Profile(t.Context(), operator, "shop", orders, 100); err == nil || len(p.Columns) > 0 {
			t.Errorf("without a record there are counts: %+v", p)
		}
	})
}
