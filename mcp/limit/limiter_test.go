package limit

import (
	"testing"
	"time"

	"deputy/identity"
)

func TestPlacesOfCallersWithoutCallsAreForgotten(t *testing.T) {
	s := newSlots[callerKey]()
	s.enter(callerKey{agent: "bot"}, 10, 10)
	s.leave(callerKey{agent: "bot"})
	if len(s.each) != 0 || s.all != 0 {
		t.Errorf("%d callers and %d calls are remembered", len(s.each), s.all)
	}
}

// A caller that has many places leaves as many free as it has, so that there is always one for another caller.
func TestFewCallersNeverHaveAllPlaces(t *testing.T) {
	s := newSlots[string]()
	for _, test := range []struct {
		caller string
		want   int
	}{{"a", 128}, {"b", 128}, {"c", 128}, {"d", 64}, {"e", 32}, {"f", 16}, {"g", 8}} {
		got := 0
		for s.enter(test.caller, 128, 512) == entered {
			got++
		}
		if got != test.want {
			t.Errorf("greedy caller %s gets %d places and not %d", test.caller, got, test.want)
		}
	}
	if s.enter("ann", 128, 512) != entered {
		t.Error("another caller finds no place")
	}
}

func TestThoseWhoWaitedAreForgotten(t *testing.T) {
	l, err := New(Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	bot := identity.Principal{Agent: identity.Agent{Identity: identity.Identity{ID: "bot"}}}
	arrived := l.Reading(bot, func() { t.Error("it is given up") })
	if len(l.reading.all) != 1 || !arrived() || len(l.reading.all) != 0 {
		t.Errorf("when its body has arrived, %d wait", len(l.reading.all))
	}
	leave, e := l.Enter(bot)
	if e != nil || len(l.running.each) != 1 || len(l.agents.each) != 1 {
		t.Errorf("while it runs, %d callers and %d agents have calls: %v", len(l.running.each), len(l.agents.each), e)
	}
	leave()
	read := l.Writing(bot, func() { t.Error("it is given up") })
	if len(l.running.each) != 0 || len(l.writing.all) != 1 {
		t.Errorf("when it has ended, %d run and %d wait to be read", len(l.running.each), len(l.writing.all))
	}
	read()
	leave() // twice
	if n := len(l.running.each) + len(l.agents.each) + len(l.reading.all) + len(l.writing.all); n != 0 {
		t.Errorf("after the request %d are remembered", n)
	}
}
