package entitlements_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/internal/testkit/world"
)

// What Ask lets somebody ask for is in the clear once it is approved: nobody approves what then is not shown.
func TestWhatCanBeAskedForIsShownOnceItIsApproved(t *testing.T) {
	asked := 0
	for range 100 { // of a hundred draws, chance may let nothing be asked for
		if asked > 0 {
			break
		}
		rapid.Check(t, func(t *rapid.T) {
			policies, who := genAskable().Draw(t, "policies"), genAccount().Draw(t, "who")
			e, problems := requests.Compile(requests.Config{
				Config: entitlements.Config{
					Policies:     policies,
					Tags:         world.RandomTags,
					Catalog:      world.Random,
					Discoverable: entitlements.Selectors{"s.*"},
				},
				Rules: []requests.Rule{
					{Name: "r", About: entitlements.Selectors{"*.*"}, Approvers: world.MatcherOf(t, "group:Stewards")},
				},
			})
			if e == nil {
				t.Fatal(problems)
			}
			table := rapid.SampledFrom(world.Random.Tables).Draw(t, "table")
			columns := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 2, rapid.ID).Draw(t, "columns")
			ask, err := e.Ask(who, table.TableName, columns)
			_, denial := e.Decide(who, table.TableName)
			if err != nil {
				return
			}
			asked++
			if denial != nil && !denial.Requestable || ask.Opens != (denial != nil) {
				t.Fatalf("a table that is denied as %+v may be asked for", denial)
			}
			r := requests.Request{
				ID:      "r",
				Asker:   requests.AskerOf(who),
				Table:   table.TableName,
				Columns: ask.Columns,
				Opens:   ask.Opens,
				Status:  requests.StatusApproved,
				Began:   world.Noon,
				Expires: world.Noon.Add(1),
			}
			a, _ := r.Approval(world.Noon)
			access, denial := e.With([]entitlements.Approval{a}, world.Noon).Decide(who, table.TableName)
			if denial != nil {
				t.Fatalf("it was approved, and is denied: %v", denial.Reasons)
			}
			for _, c := range access.Columns {
				if slices.Contains(columns, c.Name) && len(c.Masks) > 0 {
					t.Fatalf("column %s was approved, and is masked by %v", c.Name, c.Masks)
				}
			}
			if fmt.Sprint(access.Requests) != "[r]" {
				t.Fatalf("nothing changed by approving it: %+v", ask)
			}
		})
	}
	if asked == 0 {
		t.Error("nothing could be asked for: this proves nothing")
	}
}
