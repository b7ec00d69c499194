package index_test

import (
	"fmt"
	"testing"
	"time"

	"deputy/audit"
)

func TestLastUsesAreThoseOfTheNewestCallsOfTheAgent(t *testing.T) {
	f := newFile(t)
	for i, r := range []audit.Record{
		{Agent: audit.Party{ID: "bot"}, Credential: "key aaaaaaaa", Tool: "query"},
		{Agent: audit.Party{ID: "bot"}, Credential: "key aaaaaaaa", Tool: "query"},
		{Agent: audit.Party{ID: "bot"}, Credential: "access token", Tool: "describe_table"},
		{Agent: audit.Party{ID: "bot"}, Tool: "query"},                                        // from before records named it
		{Agent: audit.Party{ID: "other"}, Credential: "key bbbbbbbb", Tool: "query"},          // another agent's
		{Agent: audit.Party{ID: "bot"}, Credential: "key cccccccc", Tool: audit.Authenticate}, // refused: no use
		{Agent: audit.Party{ID: "bot"}, Credential: "key dddddddd", Tool: "query"},            // nobody asks
	} {
		r.ID, r.Phase, r.Outcome, r.Time = fmt.Sprintf(
			"c%d",
			i,
		), audit.Ended, audit.Answered, began.Add(
			time.Duration(i)*time.Hour,
		)
		f.write(t, r)
	}
	x, _ := f.opened(t)
	defer x.Close()
	wanted := []string{"key aaaaaaaa", "access token", "key bbbbbbbb", "key cccccccc"}
	uses, whole, err := x.LastUses("bot", wanted, 100)
	if err != nil || !whole || len(uses) != 2 || !uses["key aaaaaaaa"].Equal(began.Add(time.Hour)) ||
		!uses["access token"].Equal(began.Add(2*time.Hour)) {
		t.Errorf("used are %v, whole %t, %v", uses, whole, err)
	}
	if uses, whole, err := x.LastUses("bot", wanted, 4); err != nil || whole || len(uses) != 1 {
		t.Errorf("of the last four, used are %v, whole %t, %v", uses, whole, err)
	}
	if uses, whole, err := x.LastUses("bot", []string{"key aaaaaaaa"}, 5); err != nil || !whole || len(uses) != 1 {
		t.Errorf("found among just as many, used are %v, whole %t, %v", uses, whole, err)
	}
}
