package matcher_test

import (
	"slices"
	"strings"
	"testing"

	"deputy/entitlements/matcher"
	"deputy/identity"
)

func TestEachWordHasItsRow(t *testing.T) {
	want := []string{"everyone", "group", "attribute", "user", "agent", "agent-group", "mode", "purpose"}
	var got, aboutAgent []string
	for _, f := range matcher.Forms() {
		got = append(got, f.Word)
		if f.AboutAgent {
			aboutAgent = append(aboutAgent, f.Word)
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(aboutAgent, want[4:]) {
		t.Errorf("the words are %v, about the agent %v", got, aboutAgent)
	}
}

// A term is read as its row says that it is written, and holds for one who is all that it can ask for.
func TestRowsAreReadAsWritten(t *testing.T) {
	who := &identity.Principal{
		Agent: identity.Agent{
			Identity: identity.Identity{ID: "NAME", Groups: []string{"NAME"}},
			Modes:    []identity.Mode{identity.OnBehalfOf, identity.Autonomous},
		},
		Purpose: "NAME",
	}
	judged := &identity.Identity{
		Kind: identity.KindUser, ID: "ID", Groups: []string{"NAME"},
		Attributes: map[string][]string{"NAME": {"VALUE"}},
	}
	for _, f := range matcher.Forms() {
		for _, text := range f.Write {
			m, err := matcher.Match(text)
			if err != nil || m.String() != text && strings.Trim(m.String(), `"`) != text {
				t.Errorf("%s is read as %v: %v", text, m, err)
				continue
			}
			if !m.Holds(judged, who) && text != "mode:"+string(identity.OnBehalfOf) {
				t.Errorf("%s does not hold", text)
			}
		}
		if (f.Could == nil) != (f.Said == nil) {
			t.Errorf("%s has half of what the review of agents needs", f.Word)
		}
	}
}

func TestUnknownWordHoldsForNothing(t *testing.T) {
	m := matcher.Of(matcher.Term{Word: "team", Name: "a"})
	if m.Holds(&identity.Identity{Groups: []string{"a"}}, &identity.Principal{}) || matcher.FormOf("team").Word != "" {
		t.Error("a word that is not in the table is taken for a term")
	}
}

// An identity has one ID, and a call one agent, mode and purpose; of groups and attributes there may be several.
func TestOnlySingleNamesContradict(t *testing.T) {
	for _, c := range []struct {
		a, b      string
		both, not bool // whether they contradict, and whether what is left without both does
	}{
		{"user:a", "user:b", true, false},
		{"agent:a", "agent:b", true, false},
		{"mode:on_behalf_of", "mode:autonomous", true, true},
		{"purpose:a", "purpose:b", true, false},
		{"group:a", "group:b", false, false},
		{"agent-group:a", "agent-group:b", false, false},
		{"attribute:r=a", "attribute:r=b", false, false},
	} {
		a, _ := matcher.Match(c.a)
		b, _ := matcher.Match(c.b)
		if got := matcher.Contradict(a, b); got != c.both {
			t.Errorf("%s and %s contradict: %v", a, b, got)
		}
		notA, notB := matcher.Not(*a), matcher.Not(*b)
		if got := matcher.Contradict(&notA, &notB); got != c.not {
			t.Errorf("%s and %s contradict: %v", notA, notB, got)
		}
	}
}
