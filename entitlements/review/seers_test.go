package review

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"deputy/internal/testkit/world"
)

// Every caller who sees a column, in the clear or masked, is of a kind that is said to see it so, through their agent.
func TestSeersAreNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSide().Draw(t, "side")
		who := world.GenPrincipal().Draw(t, "who")
		who.Agent = rapid.SampledFrom(s.Agents).Draw(t, "agent")
		if !who.Agent.May(who.Mode()) {
			t.Skip("the agent may not act in this mode")
		}
		e := s.Platforms["w"]
		for _, table := range world.Random.Tables {
			access, denial := e.Decide(who, table.TableName)
			if denial != nil {
				continue
			}
			for _, column := range access.Columns {
				clear := len(column.Masks) == 0 || len(column.Masks[len(column.Masks)-1].When) > 0
				if !slices.ContainsFunc(s.Seers("w", table.TableName, column.Name), func(seer Seer) bool {
					return seer.Clear == clear && slices.Contains(seer.Agents, who.Agent.ID) &&
						seer.Who.Alone == (who.User == nil)
				}) {
					t.Fatalf(
						"%+v sees %s.%s (clear: %t), and no kind of people is named",
						who,
						table.TableName,
						column.Name,
						clear,
					)
				}
			}
		}
	})
}
