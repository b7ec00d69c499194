package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"deputy/entitlements/requests/store"
	"deputy/identity/stops"
	"deputy/identity/stops/fleet"
)

// sharing is a state on PostgreSQL without a stop in it.
func sharing(t *testing.T) (*store.State, store.Config) {
	t.Helper()
	c := newConfig(t, "PostgreSQL")
	s := open(t, c)
	if err := s.Raw(t.Context(), "DELETE FROM deputy_state.stops"); err != nil {
		t.Fatal(err)
	}
	return s, c
}

// listed is what a server reads: who is stopped, and how many of the known were lifted.
func listed(t *testing.T, s *store.State, known ...string) (names string, lifted int) {
	t.Helper()
	v, err := s.Stops(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range v.Active {
		names += e.String() + ";"
	}
	return names, len(v.Lifted)
}

func TestSharedStops(t *testing.T) {
	s, c := sharing(t)
	robin := stops.Stop{Agent: "robin", By: "ada", At: noon, Why: `a "reason"`}
	added, first, err := s.Stop(t.Context(), robin)
	if err != nil || !added {
		t.Fatal(added, err)
	}
	if added, again, err := s.Stop(t.Context(), robin); err != nil || added || again != first {
		t.Errorf("twice: %v %s %v", added, again, err)
	}
	other := open(t, c)
	v, err := other.Stops(t.Context(), nil)
	if err != nil || len(v.Active) != 1 || v.Active[0].Stop != robin ||
		stops.HashOf([]string{v.Active[0].ID}) != first {
		t.Fatalf("another server reads %+v, %v", v, err)
	}
	entry := v.Active[0]
	if _, _, err := other.Stop(t.Context(), stops.Stop{User: "kim", Issuer: "https://one"}); err != nil {
		t.Fatal(err)
	}
	if lifted, _, err := other.Lift(t.Context(), stops.Stop{Agent: "ROBIN"}, "ada"); err != nil || !lifted {
		t.Fatal(lifted, err)
	}
	if err := s.PutStops(t.Context(), []fleet.Entry{entry}); err != nil { // by a server that has not seen it lifted
		t.Fatal(err)
	}
	if names, lifted := listed(t, s, entry.ID, "unknown"); names != "user kim of https://one;" || lifted != 1 {
		t.Errorf("lifted: %q, %d", names, lifted)
	}
	if lifted, hash, err := s.Lift(
		t.Context(),
		stops.Stop{User: "kim"},
		"ada",
	); err != nil || !lifted ||
		hash != "none" {
		t.Errorf("a user at any issuer: %v %s %v", lifted, hash, err)
	}
	if lifted, _, err := s.Lift(t.Context(), stops.Stop{User: "kim"}, "ada"); err != nil || lifted {
		t.Errorf("lifted twice: %v %v", lifted, err)
	}
}

// Two administrators who stop and lift at once leave a list that is one of theirs, and each party at most once.
func TestSharedStopsAtOnce(t *testing.T) {
	s, c := sharing(t)
	other := open(t, c)
	var all sync.WaitGroup
	for i := range 12 {
		by := []*store.State{s, other}[i%2]
		all.Go(func() {
			if _, _, err := by.Stop(t.Context(), stops.Stop{Agent: fmt.Sprint("agent", i/4)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if names, _ := listed(t, s); strings.Count(names, ";") != 3 {
		t.Errorf("the list is %s", names)
	}
	for i := range 3 {
		all.Go(func() {
			if lifted, _, err := other.Lift(
				t.Context(),
				stops.Stop{Agent: fmt.Sprint("agent", i)},
				"",
			); err != nil ||
				!lifted {
				t.Error(lifted, err)
			}
		})
	}
	all.Wait()
	if names, _ := listed(t, s); names != "" {
		t.Errorf("lifted, the list is %s", names)
	}
}

// An entry that is not as Deputy wrote it is no list. A state that is behind what is known, or ahead of this Deputy,
// still says who is stopped.
func TestSharedStopsOfAnyState(t *testing.T) {
	s, _ := sharing(t)
	if _, _, err := s.Stop(t.Context(), stops.Stop{Agent: "robin"}); err != nil {
		t.Fatal(err)
	}
	mustMake(t, s, request("r1"))
	raw := func(statement string) {
		t.Helper()
		if err := s.Raw(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	raw("UPDATE deputy_state.counter SET sequence = 0")
	raw("INSERT INTO deputy_state.migrations (version_id, is_applied) VALUES (900, true)")
	t.Cleanup(func() {
		if err := s.Raw(
			context.Background(),
			"DELETE FROM deputy_state.migrations WHERE version_id = 900",
		); err != nil {
			t.Error(err)
		}
	})
	if s.Sound(t.Context()) == nil {
		t.Error("the state is said to be sound")
	}
	if names, _ := listed(t, s); names != "agent robin;" {
		t.Errorf("it is read as %s", names)
	}
	if _, _, err := s.Stop(t.Context(), stops.Stop{Agent: "kim"}); err != nil {
		t.Error(err)
	}
	for _, body := range []string{"", "{}", `{"agent":"a","more":1}`, `{"agent":"a","user":"b"}`, `{"agent":"a"`} {
		raw("UPDATE deputy_state.stops SET body = '" + body + "' WHERE body LIKE '%robin%' OR body NOT LIKE '%kim%'")
		if v, err := s.Stops(t.Context(), nil); !errors.Is(err, fleet.ErrUnreadable) {
			t.Errorf("%s is read as %+v, %v", body, v, err)
		}
		if _, _, err := s.Lift(t.Context(), stops.Stop{Agent: "kim"}, ""); !errors.Is(err, fleet.ErrUnreadable) {
			t.Errorf("beside %s, something is lifted: %v", body, err)
		}
	}
}

// A state that is a file is one server's: stops are in the list beside its configuration.
func TestFileHoldsNoStops(t *testing.T) {
	s := open(t, newConfig(t, "SQLite"))
	if _, err := s.Stops(t.Context(), nil); err == nil {
		t.Error("it is read")
	}
	if _, _, err := s.Stop(t.Context(), stops.Stop{Agent: "robin"}); err == nil {
		t.Error("it is written")
	}
}
