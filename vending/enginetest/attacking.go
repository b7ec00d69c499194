package enginetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/vending"
	"deputy/vending/enginetest/attack"
	"deputy/vending/enginetest/dataset"
	"deputy/vending/enginetest/masking"
	"deputy/vending/enginetest/trial"
)

// RunAttacks runs each attack twice: the way a tool does, where analysis, access check and gate may stop it, and
// straight on a vended role, with none of them. Neither way may a secret reach the caller, in a cell, a column's name
// or a message, nor may anything stay.
func RunAttacks(t *testing.T, f trial.Fixture, attacks []attack.Attack) {
	s := trial.Suite{Fixture: f}
	access := s.Grant(t, "customer_orders", trial.Masked("lastname", trial.Constant("REDACTED")))
	tryAll(t, s, attacks, access)
	s.Expect(t, trial.Lease(`SELECT count(*) FROM sales.customer_orders WHERE lastname = 'REDACTED'`, access), "5")
}

// RunAttacksOnMasks runs attacks on masked values once for each way to mask lastname, but for the questions that a mask
// is allowed to answer: where it keeps values apart, they can be counted and sorted.
func RunAttacksOnMasks(t *testing.T, f trial.Fixture, attacks []attack.Attack) {
	for _, h := range masking.Hidings {
		t.Run(h.Name, func(t *testing.T) {
			s := trial.Suite{Fixture: f}
			asked := slices.DeleteFunc(
				slices.Clone(attacks),
				func(a attack.Attack) bool { return slices.Contains(h.Answers, a.Name) },
			)
			tryAll(t, s, asked, s.Grant(t, "customer_orders", trial.Chained("lastname", h.Masks...)))
		})
	}
}

func tryAll(t *testing.T, s trial.Suite, attacks []attack.Attack, access entitlements.Access) {
	if len(attacks) == 0 {
		t.Fatal("there is no attack to run")
	}
	before := s.Outside(t)
	for _, a := range attacks {
		t.Run(a.Family+"/"+a.Name, func(t *testing.T) {
			l := trial.Lease(a.SQL, access)
			l.Timeout = 250 * time.Millisecond
			result, err := asTool(t, s, l)
			inspect(t, "through the gate", result, err)
			l.ID = trial.Lease("").ID
			result, err = s.Engine.Run(t.Context(), l)
			inspect(t, "without the gate", result, err)
		})
	}
	s.LeavesNothing(t, before)
}

// asTool asks in the order of the query tool.
func asTool(t *testing.T, s trial.Suite, l vending.Lease) (vending.Result, error) {
	if err := vending.Shape(l.SQL); err != nil {
		return vending.Result{}, err
	}
	statement, err := s.Engine.Analyze(t.Context(), l.SQL)
	if err == nil {
		err = reachable(statement, l.Access)
	}
	if err == nil {
		err = vending.Gate(statement)
	}
	if err == nil {
		return s.Engine.Run(t.Context(), l)
	}
	if diagnosis := s.Engine.Diagnose(t.Context(), l); diagnosis != nil {
		return vending.Result{}, diagnosis // what an analysis says may name anything, and is not for callers
	}
	return vending.Result{}, &vending.Error{Code: vending.Unsupported, Message: "refused", Cause: err}
}

func reachable(statement *vending.Statement, access []entitlements.Access) error {
	for _, use := range statement.Tables {
		open := false
		for _, a := range access {
			open = open || a.Table == use.Table
		}
		if !open {
			return &vending.Error{Code: vending.NotPermitted, Message: "not permitted"}
		}
	}
	return nil
}

// inspect looks at everything that a caller gets.
func inspect(t *testing.T, way string, result vending.Result, err error) {
	t.Helper()
	look := func(where, text string) {
		if secret, found := dataset.Revealed(text); found {
			t.Errorf("%s, %s reveals %q: %s", way, where, secret, text)
		}
	}
	for _, c := range result.Columns {
		look("a column's name", c.Name)
		look("a column's type", c.Type)
	}
	for _, row := range result.Rows {
		look("a row", fmt.Sprint(row...))
		for _, cell := range row {
			look("a cell", fmt.Sprint(cell))
		}
	}
	if err == nil {
		return
	}
	var refusal *vending.Error
	if !errors.As(err, &refusal) {
		t.Errorf("%s, the error is no *vending.Error: %v", way, err)
		return
	}
	look("the message", refusal.Message)
	switch refusal.Code {
	case vending.NotPermitted, vending.InvalidSQL, vending.Unsupported, vending.Timeout:
	default:
		t.Errorf("%s, a statement alone made the platform answer %s: %v", way, refusal.Code, err)
	}
}
