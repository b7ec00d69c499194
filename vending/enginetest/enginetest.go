// Package enginetest is the suite that every implementation of vending.Engine must pass.
//
// An engine's own test makes a database from dataset.Statements, opens the engine over it, and calls Run. A new engine
// has nothing else to do: what differs between languages it says in trial.Words, and how its database looks from the
// outside in trial.Fixture. RunAttacks can be called again with attacks that only make sense in the engine's own
// language.
//
// The folders below hold the parts: dataset makes the tables, trial is the fixture and what a test begins with, attack,
// masking, filtering and profiling are what is tried, and worlds are two databases that must answer alike.
package enginetest

import (
	"slices"
	"testing"

	"deputy/vending/enginetest/attack"
	"deputy/vending/enginetest/filtering"
	"deputy/vending/enginetest/masking"
	"deputy/vending/enginetest/trial"
)

// Run tests everything that is asked of an engine. It opens one fixture and leaves its database as it was.
func Run(t *testing.T, open func(testing.TB) trial.Fixture) {
	f := open(t)
	before := f.Outside(t)
	for _, group := range slices.Concat([]trial.Group{
		{Name: "the catalog", Test: testCatalog},
		{Name: "analysis", Test: testAnalyze},
		{Name: "analysis finds what the gate refuses", Test: testForbidden},
		{Name: "reading", Test: testReading},
		{Name: "values", Test: testValues},
		{Name: "columns", Test: testColumns},
	}, masking.Groups(), filtering.Groups(), []trial.Group{
		{Name: "limits", Test: testLimits},
		{Name: "recorded", Test: testRecorded},
		{Name: "interruption", Test: testInterruption},
		{Name: "a caller who leaves", Test: testGoneCaller},
		{Name: "what is not a read", Test: testShapes},
		{Name: "what is hidden looks like what is not there", Test: testHidden},
		{Name: "diagnosis", Test: testDiagnose},
		{Name: "the role", Test: testRole},
		{Name: "many at once", Test: testConcurrency},
	}) {
		t.Run(group.Name, func(t *testing.T) { group.Test(t, trial.Suite{Fixture: f}) })
	}
	t.Run("attacks", func(t *testing.T) { RunAttacks(t, f, attack.All()) })
	t.Run("attacks on every mask", func(t *testing.T) { RunAttacksOnMasks(t, f, attack.OnMasks()) })
	trial.Suite{Fixture: f}.LeavesNothing(t, before)
}
