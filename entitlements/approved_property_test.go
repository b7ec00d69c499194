package entitlements_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deputy/entitlements"
	"deputy/entitlements/review"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

// What approvals do is held against another way to say the same: the policies without any mask that has an except, and
// with one more grant. The world is that of property_test.go.

func genApproval(who identity.Principal) *rapid.Generator[entitlements.Approval] {
	return rapid.Custom(func(t *rapid.T) entitlements.Approval {
		asker := who
		switch rapid.SampledFrom([]string{"own", "own", "own", "own", "another", "alone"}).Draw(t, "asker") {
		case "another":
			asker = genAccount().Draw(t, "another")
		case "alone":
			asker.User = nil
		}
		table := rapid.SampledFrom(world.Random.Tables).Draw(t, "table")
		a := entitlements.Approval{
			Request: rapid.StringMatching(`r[0-9]{6}`).Draw(t, "id"),
			For:     world.HolderOf(asker),
			Table:   table.TableName,
			Opens: rapid.Bool().
				Draw(t, "opens"),
			Through: rapid.SampledFrom([]string{"", "", "", "", "1", "2"}).Draw(t, "through"),
			Expires: world.Noon.Add(time.Duration(rapid.SampledFrom([]int{1, 2, 3, 0, -1}).Draw(t, "expires")) * time.Hour),
		}
		a.Columns = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "gone"}), 0, 4, rapid.ID).
			Draw(t, "columns")
		return a
	})
}

// genAskable are policies with masks that have an except, over tables that are open to some: otherwise there would be
// little to approve.
func genAskable() *rapid.Generator[[]entitlements.Policy] {
	return rapid.Custom(func(t *rapid.T) []entitlements.Policy {
		policies := world.GenPolicies().Draw(t, "policies")
		for i := range rapid.IntRange(1, 3).Draw(t, "masks") {
			mask := world.GenPolicy("mask").Draw(t, "mask")
			m := world.GenMatcher(0).Draw(t, "except")
			mask.Name, mask.For, mask.Except = fmt.Sprint("except", i), nil, &m
			policies = append(policies, mask)
		}
		if rapid.Bool().Draw(t, "open") {
			policies = append(
				policies,
				entitlements.Policy{Name: "all", Grant: entitlements.Selectors{"s.*"}, To: world.MatcherOf(t, "everyone")},
			)
		}
		return policies
	})
}

// genAccount is a principal whose user has an account.
func genAccount() *rapid.Generator[identity.Principal] {
	return rapid.Custom(func(t *rapid.T) identity.Principal {
		who := world.GenPrincipal().Draw(t, "who")
		if who.User != nil {
			who.User.Issuer, who.User.Subject = "https://issuer", who.User.ID
		}
		return who
	})
}

// counts is written again here, so that it is not the code itself that says what it should do.
func counts(a entitlements.Approval, who identity.Principal, now time.Time) bool {
	if !a.Expires.After(now) || a.Through != "" && a.Through != who.Agent.ID ||
		(a.For.User == nil) != (who.User == nil) {
		return false
	}
	if who.User == nil {
		return a.For.Agent == who.Agent.ID
	}
	return a.For.User.Subject == who.User.Subject
}

func TestApprovalsOpenWhatTheyNameAndNothingElse(t *testing.T) {
	opened, cleared := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		policies, who := genAskable().Draw(t, "policies"), genAccount().Draw(t, "who")
		approvals := rapid.SliceOfN(genApproval(who), 0, 4).Draw(t, "approvals")
		e, _ := entitlements.Compile(entitlements.Config{Policies: policies, Tags: world.RandomTags, Catalog: world.Random})
		with := e.With(approvals, world.Noon)

		before := decideAll(t, policies, who)
		everything := append(
			slices.Clone(policies),
			entitlements.Policy{Name: "open", Grant: entitlements.Selectors{"*.*"}, To: world.MatcherOf(t, "everyone")},
		)
		open := decideAll(t, everything, who) // what guardrails leave
		bare := decideAll(
			t,
			slices.DeleteFunc(everything, func(p entitlements.Policy) bool { return p.Mask != nil && p.Except != nil }),
			who,
		)
		for _, table := range world.Random.Tables {
			name := table.TableName
			access, denial := with.Decide(who, name)
			opens, lifts := false, map[string]bool{}
			for _, a := range approvals {
				if a.Table == name && counts(a, who, world.Noon) {
					opens = opens || a.Opens
					for _, c := range a.Columns {
						lifts[c] = true
					}
				}
			}
			_, could := open[name]
			was, had := before[name]
			if (denial == nil) != (could && (had || opens)) {
				t.Fatalf(
					"%s is open: %v; it was: %v, guardrails hold: %v, an approval opens it: %v",
					name,
					denial == nil,
					had,
					could,
					opens,
				)
			}
			x, _ := review.Explain(with, who, name)
			if x.Allowed != (denial == nil) || x.Access != nil && !reflect.DeepEqual(*x.Access, access) {
				t.Fatalf("%s is explained as another access", name)
			}
			if denial != nil {
				continue
			}
			if !had {
				opened++
			}
			if !reflect.DeepEqual(access.Filters, open[name].Filters) ||
				!reflect.DeepEqual(access.Guardrails, open[name].Guardrails) {
				t.Fatalf("%s: filters and guardrails are others: %v, not %v", name, access.Filters, open[name].Filters)
			}
			for i, c := range access.Columns {
				from := open
				if lifts[c.Name] {
					from = bare
				}
				if !reflect.DeepEqual(c, from[name].Columns[i]) {
					t.Fatalf(
						"column %s.%s, approved: %v, is masked by %v and not by %v",
						name,
						c.Name,
						lifts[c.Name],
						c.Masks,
						from[name].Columns[i].Masks,
					)
				}
				if len(c.Masks) == 0 && len(open[name].Columns[i].Masks) > 0 {
					cleared++
				}
				explained := x.Columns[i]
				if explained.Clear != (len(c.Masks) == 0) {
					t.Fatalf("column %s.%s is explained as clear: %v", name, c.Name, explained.Clear)
				}
			}
			if had && len(lifts) == 0 && !opens && !reflect.DeepEqual(access, was) {
				t.Fatalf("%s: approvals that do not count change %v to %v", name, was, access)
			}
		}
	})
	if opened == 0 || cleared == 0 {
		t.Errorf("of all random approvals %d opened a table and %d cleared a column: they prove nothing", opened, cleared)
	}
}

// Until is the first moment at which the same approvals make another access, and Requests are what it rests on: without
// any of them it is another one now.
func TestAnAccessHoldsUntilItSaysAndRestsOnWhatItNames(t *testing.T) {
	same := func(a, b entitlements.Access) bool {
		return a.Table == b.Table && reflect.DeepEqual(a.Columns, b.Columns) && reflect.DeepEqual(a.Filters, b.Filters)
	}
	rapid.Check(t, func(t *rapid.T) {
		policies, who := genAskable().Draw(t, "policies"), genAccount().Draw(t, "who")
		request := func(a entitlements.Approval) string { return a.Request }
		approvals := rapid.SliceOfNDistinct(genApproval(who), 0, 4, request).Draw(t, "approvals")
		e, _ := entitlements.Compile(entitlements.Config{Policies: policies, Tags: world.RandomTags, Catalog: world.Random})
		for _, table := range world.Random.Tables {
			now, _ := e.With(approvals, world.Noon).Decide(who, table.TableName)
			at := func(when time.Time) entitlements.Access {
				a, _ := e.With(approvals, when).Decide(who, table.TableName)
				return a
			}
			if now.Until.IsZero() != (now.Requests == nil) {
				t.Fatalf("it rests on %v until %s", now.Requests, now.Until)
			}
			if now.Until.IsZero() {
				if without, _ := e.Decide(who, table.TableName); !same(now, without) {
					t.Fatal("it rests on nothing, and is another one without approvals")
				}
				continue
			}
			if !same(now, at(now.Until.Add(-1))) || same(now, at(now.Until)) {
				t.Fatalf("it does not end at %s", now.Until)
			}
		}
	})
}

func TestAnotherApprovalNeverClosesATable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies, who := genAskable().Draw(t, "policies"), genAccount().Draw(t, "who")
		approvals := rapid.SliceOfN(genApproval(who), 1, 4).Draw(t, "approvals")
		e, _ := entitlements.Compile(entitlements.Config{Policies: policies, Tags: world.RandomTags, Catalog: world.Random})
		for _, table := range world.Random.Tables {
			_, fewer := e.With(approvals[1:], world.Noon).Decide(who, table.TableName)
			if _, more := e.With(approvals, world.Noon).Decide(who, table.TableName); more != nil && fewer == nil {
				t.Fatalf("%s is closed by an approval", table.TableName)
			}
		}
	})
}
