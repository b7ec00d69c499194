package entitlements_test

import (
	"slices"
	"testing"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

// What contradict calls certain, no identity and no call of the small world can fulfil.
func TestOnlyWhatIsCertainIsAContradiction(t *testing.T) {
	texts := []string{
		"group:A", "{not: group:A}", "[group:A, group:B]", "{not: [group:A, group:B]}", "{all: [group:A, {not: group:B}]}", "{not: {all: [group:A, group:B]}}",
		"user:1", "user:2", "mode:autonomous", "{not: mode:autonomous}", "{not: mode:on_behalf_of}", "everyone", "{not: everyone}", "group:all-users", "group:all-agents", "agent:1", "agent:2",
	}
	var callers []identity.Principal
	for _, groups := range [][]string{nil, {"A"}, {"B"}, {"A", "B"}} {
		for _, id := range []string{"1", "2", "3"} {
			a := world.Agent(id, groups)
			callers = append(
				callers,
				identity.Principal{Agent: a, User: nil},
				identity.Principal{Agent: a, User: world.User("1", groups)},
				identity.Principal{Agent: a, User: world.User("2", groups)},
				identity.Principal{Agent: a, User: world.User("3", groups)},
			)
		}
	}
	certain := 0
	for _, x := range texts {
		for _, y := range texts {
			a, b := world.MatcherOf(t, x), world.MatcherOf(t, y)
			if !entitlements.Contradict(a, b) {
				continue
			}
			certain++
			if slices.ContainsFunc(callers, func(who identity.Principal) bool {
				judged := who.Judged()
				return a.Holds(&judged, &who) && b.Holds(&judged, &who)
			}) {
				t.Errorf("%s and %s can hold at once", x, y)
			}
		}
	}
	if certain < 40 {
		t.Errorf("only %d contradictions are seen", certain)
	}
}
