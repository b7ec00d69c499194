package tools_test

import (
	"context"
	"strings"
	"testing"

	"deputy/audit"
	"deputy/entitlements"
	"deputy/identity"
	"deputy/tools"
	"deputy/vending"
)

// late is an engine that has the caller stopped just when it has answered.
type late struct {
	vending.Engine
	stop func()
}

func (l *late) Run(ctx context.Context, lease vending.Lease) (vending.Result, error) {
	result, err := l.Engine.Run(ctx, lease)
	l.stop()
	return result, err
}

func (l *late) Catalog(ctx context.Context) (*entitlements.Catalog, error) {
	catalog, err := l.Engine.Catalog(ctx)
	l.stop()
	return catalog, err
}

// What was computed when the stop came does not leave, and is on the record as stopped.
func TestStoppedAnswerDoesNotLeave(t *testing.T) {
	e := &late{Engine: onSQLite(t), stop: func() {}}
	made, log := newTools(t, e, "")
	taylor := as("taylor", "Marketing")
	for name, call := range map[string]func(context.Context) error{
		"query": func(ctx context.Context) error {
			_, err := made.Query(ctx, taylor, tools.QueryArgs{SQL: "SELECT region FROM customer_orders"})
			return err
		},
		"describe_table": func(ctx context.Context) error {
			_, err := made.DescribeTable(ctx, taylor, tools.DescribeArgs{})
			return err
		},
	} {
		e.stop = func() {}
		if err := call(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		e.stop = func() {
			cancel(identity.Stopped(taylor.Principal, "agent marketing-agent is disabled: stopped in a test"))
		}
		why := refusal(t, call(ctx))
		if why.Code != tools.Stopped || !strings.Contains(why.Message, "is disabled") ||
			!strings.Contains(why.Hint, "do not try again") {
			t.Errorf("%s: the refusal is %+v", name, why)
		}
		if r := log.last(t); r.Outcome != audit.Cancelled || r.Code != "stopped" || r.Rows != 0 || r.ID != why.AuditID ||
			len(r.Reasons) != 1 {
			t.Errorf("%s: the record is %+v", name, r)
		}
	}
}

// Only a stop is told as one.
func TestCancelledIsNotStopped(t *testing.T) {
	made, log := newTools(t, onSQLite(t), "")
	for _, cause := range []error{nil, &identity.AuthError{Code: identity.Unavailable, Message: "another reason"}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		_, err := made.Query(ctx, as("taylor", "Marketing"), tools.QueryArgs{SQL: "SELECT region FROM customer_orders"})
		if why := refusal(t, err); why.Code == tools.Stopped || log.last(t).Code == "stopped" {
			t.Errorf("cancelled by %v, the refusal is %+v", cause, why)
		}
	}
}
