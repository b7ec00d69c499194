package enginetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/vending"
)

// RunAttacks runs each attack twice: the way a tool does, where analysis, access check and gate may stop it, and
// straight on a vended role, with none of them. Neither way may a secret reach the caller, in a cell, a column's name
// or a message, nor may anything stay.
func RunAttacks(t *testing.T, f Fixture, attacks []Attack) {
	s := suite{f}
	access := s.grant(t, "customer_orders", masked("lastname", constant("REDACTED")))
	s.attack(t, attacks, access)
	s.expect(t, lease(`SELECT count(*) FROM sales.customer_orders WHERE lastname = 'REDACTED'`, access), "5")
}

// RunAttacksOnMasks runs attacks on masked values once for each way to mask lastname, but for the questions that a mask
// is allowed to answer: where it keeps values apart, they can be counted and sorted.
func RunAttacksOnMasks(t *testing.T, f Fixture, attacks []Attack) {
	for _, h := range hidings {
		t.Run(h.name, func(t *testing.T) {
			s := suite{f}
			asked := slices.DeleteFunc(slices.Clone(attacks), func(a Attack) bool { return slices.Contains(h.answers, a.Name) })
			s.attack(t, asked, s.grant(t, "customer_orders", chained("lastname", h.masks...)))
		})
	}
}

func (s suite) attack(t *testing.T, attacks []Attack, access entitlements.Access) {
	if len(attacks) == 0 {
		t.Fatal("there is no attack to run")
	}
	before := s.Outside(t)
	for _, a := range attacks {
		t.Run(a.Family+"/"+a.Name, func(t *testing.T) {
			l := lease(a.SQL, access)
			l.Timeout = 250 * time.Millisecond
			result, err := s.asTool(t, l)
			inspect(t, "through the gate", result, err)
			l.ID = lease("").ID
			result, err = s.Engine.Run(t.Context(), l)
			inspect(t, "without the gate", result, err)
		})
	}
	s.leavesNothing(t, before)
}

// asTool asks in the order of the query tool.
func (s suite) asTool(t *testing.T, l vending.Lease) (vending.Result, error) {
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
		if secret, found := revealed(text); found {
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
