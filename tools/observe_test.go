package tools_test

import (
	"errors"
	"testing"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/tools"
	"deputy/vending"
)

var orders = entitlements.TableName{Schema: "sales", Name: "customer_orders"}

func TestObservingIsCountingAsSomebodyElse(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := newTools(t, e, "")
		seller := as("sam", "Marketing", "Sellers")
		seller.Principal.User.Attributes = map[string][]string{"region": {"US-WEST"}}
		for _, c := range []struct {
			who          tools.Call
			rows, hidden int
		}{
			{as("taylor", "Marketing"), 2, 2},
			{as("priya", "Marketing", "Privacy"), 2, 0},
			{seller, 1, 1},
			{as("kim", "Marketing", "Sellers"), 0, 0}, // without a region, no row
		} {
			o, err := made.Observe(t.Context(), c.who, "shop", orders, []string{"lastname", "region"})
			if err != nil {
				t.Fatal(err)
			}
			id := c.who.Principal.User.ID
			if o.Access == nil || o.Rows != c.rows {
				t.Errorf("%s sees %d rows, not %d", id, o.Rows, c.rows)
			}
			if got := o.Columns["lastname"]; got != (tools.Comparison{Values: c.rows, Hidden: c.hidden}) {
				t.Errorf("of the names that %s sees, %+v, and not %d, are hidden", id, got, c.hidden)
			}
			if got := o.Columns["region"]; got.Hidden != 0 {
				t.Errorf("of the regions that %s sees %d are hidden", id, got.Hidden)
			}
			if r := log.last(t); r.Tool != "test" || r.Outcome != audit.Answered || r.Role == nil || r.User.ID != id {
				t.Errorf("the record of a test says %+v", r)
			}
		}
	})
}

func TestObservingADeniedTableIsRefusedLikeACall(t *testing.T) {
	onBothEngines(t, func(t *testing.T, e vending.Engine) {
		made, log := newTools(t, e, "")
		o, err := made.Observe(t.Context(), as("sam"), "shop", orders, []string{"lastname"})
		if err != nil || o.Denial == nil || o.Access != nil {
			t.Errorf("it is not denied: %+v (%v)", o, err)
		}
		if r := log.last(t); r.Tool != "test" || r.Outcome != audit.Denied || r.Role != nil {
			t.Errorf("the record says %+v", r)
		}
		log.failure = errors.New("the disk is full")
		if o, err := made.Observe(t.Context(), as("taylor", "Marketing"), "shop", orders, nil); err == nil {
			t.Errorf("without a record there is an answer: %+v", o)
		}
	})
}
