package tools_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"deputy/entitlements/requests"
	"deputy/tools"
	"deputy/vending"
)

// lockedOnce is an engine whose tables are locked when a statement runs first; what happens meanwhile is the test's.
type lockedOnce struct {
	vending.Engine
	meanwhile func()
}

func (e *lockedOnce) Run(ctx context.Context, l vending.Lease) (vending.Result, error) {
	if e.meanwhile != nil {
		e.meanwhile()
		e.meanwhile = nil
		return vending.Result{}, &vending.Error{Code: vending.Locked, Message: vending.LockedMessage}
	}
	return e.Engine.Run(ctx, l)
}

// What was approved counts until it ends, also for a call that waits for a lock at that moment.
func TestApprovalEndsInALockWait(t *testing.T) {
	var engine *lockedOnce
	o := newOffice(t, func(c *tools.Config) {
		engine = &lockedOnce{Engine: c.Platforms[0].Engine}
		c.Platforms[0].Engine, c.Limits.LockTimeout = engine, time.Hour*24*60
	})
	approve := func() string {
		id := o.ask(seller(), tools.RequestArgs{Table: "payroll", Reason: why, Duration: "4h"}).ID
		o.rule(id, requests.VerdictApprove, "")
		return id
	}
	const salaries = "SELECT salary FROM payroll"
	id := approve()
	engine.meanwhile = func() {}
	if got := o.query(seller(), salaries); got != "731942" {
		t.Fatalf("behind a lock Taylor sees %s", got)
	}
	engine.meanwhile = func() { o.rule(id, requests.VerdictRevoke, "") }
	if got := o.query(seller(), salaries); !strings.HasPrefix(got, string(tools.NotPermitted)) {
		t.Errorf("revoked while it waits, Taylor sees %s", got)
	}
	approve()
	engine.meanwhile = func() { o.now = o.now.Add(5 * time.Hour) }
	if got := o.query(seller(), salaries); !strings.HasPrefix(got, string(tools.NotPermitted)) {
		t.Errorf("ended while it waits, Taylor sees %s", got)
	}
}
