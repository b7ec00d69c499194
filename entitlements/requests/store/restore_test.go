package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/identity"
)

// copied is what a copy of a state has of it.
var copied = []string{"requests", "events", "counter"}

// dump copies a state aside, in its own database.
func dump(t *testing.T, s *store.State) {
	t.Helper()
	for _, table := range copied {
		raw(t, s, "DROP TABLE IF EXISTS deputy_state.copy_"+table)
		raw(t, s, "CREATE TABLE deputy_state.copy_"+table+" AS SELECT * FROM deputy_state."+table)
	}
	t.Cleanup(func() {
		for _, table := range copied {
			raw(t, s, "DROP TABLE IF EXISTS deputy_state.copy_"+table)
		}
	})
}

// restore puts the copy in the state's place, under the servers that run.
func restore(t *testing.T, s *store.State) {
	t.Helper()
	for _, table := range copied {
		raw(t, s, "DELETE FROM deputy_state."+table)
		raw(t, s, "INSERT INTO deputy_state."+table+" SELECT * FROM deputy_state.copy_"+table)
	}
}

func raw(t *testing.T, s *store.State, statement string) {
	t.Helper()
	if err := s.Raw(context.WithoutCancel(t.Context()), statement); err != nil {
		t.Fatal(err)
	}
}

// opens are the ids of the requests that count.
func opens(t *testing.T, s *store.State) ([]string, error) {
	t.Helper()
	all, err := s.Approvals(t.Context(), asker("taylor"), "shop", noon.Add(time.Minute))
	ids := []string{}
	for _, a := range all {
		ids = append(ids, a.Request)
	}
	slices.Sort(ids)
	return ids, err
}

func revoke(t *testing.T, s *store.State, id string) {
	t.Helper()
	_, err := s.Step(t.Context(), id, func(r requests.Request) (requests.Request, error) {
		return r.Revoke(needs(t, 1), step("revoked-"+id, "sam", noon.Add(time.Second)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// other is a request for something else.
func other(id string) requests.Request {
	r := request(id)
	r.Columns = []string{id}
	return r
}

// A state that is put back to before a revocation opens nothing and takes nothing, for the servers that run and for one
// that starts with what the audit log knows.
func TestRestoredStateOpensNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s, beside := open(t, c), open(t, c)
		mustMake(t, s, request("r1"))
		approve(t, s, "r1", "sam", noon)
		dump(t, s)
		revoke(t, s, "r1")
		if got, err := opens(t, beside); err != nil || len(got) != 0 {
			t.Fatalf("revoked: %v, %v", got, err)
		}
		restore(t, s)
		started := open(t, c)
		started.Know(s.Reached())
		servers := map[string]*store.State{"the server": s, "one beside it": beside, "a new one": started}
		for name, server := range servers {
			got, err := opens(t, server)
			if !errors.Is(err, store.ErrRestored) || len(got) != 0 ||
				!strings.Contains(err.Error(), "deputy requests accept-restore") {
				t.Errorf("%s opens %v: %v", name, got, err)
			}
			if _, err := server.Find(t.Context(), "r1"); !errors.Is(err, store.ErrRestored) {
				t.Errorf("%s finds: %v", name, err)
			}
			if _, _, err := server.Make(t.Context(), other("r2"), noon); !errors.Is(err, store.ErrRestored) {
				t.Errorf("%s makes a request: %v", name, err)
			}
			if err := server.Sweep(
				t.Context(),
				noon.Add(30*24*time.Hour),
				time.Hour,
				nil,
			); !errors.Is(
				err,
				store.ErrRestored,
			) {
				t.Errorf("%s sweeps: %v", name, err)
			}
		}
		// A server that knows nothing of it goes on, and comes as far: the event is another one.
		ignorant := open(t, c)
		mustMake(t, ignorant, other("r3"))
		mustMake(t, ignorant, other("r4"))
		if got, err := opens(t, s); !errors.Is(err, store.ErrRestored) {
			t.Errorf("gone on beyond what was known, it opens %v: %v", got, err)
		}
	})
}

// Accepting a restore ends what the log knows as ended, holds the rest until a steward confirms it, and does not make
// another restore of the same copy good.
func TestAcceptRestore(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		for _, id := range []string{"r1", "r2", "r3"} {
			mustMake(t, s, other(id))
		}
		mustMake(t, s, other("r4")) // it waits for its approval
		for _, id := range []string{"r1", "r2", "r3"} {
			approve(t, s, id, "sam", noon)
		}
		dump(t, s)
		revoke(t, s, "r1")
		revoke(t, s, "r2")
		restore(t, s)
		sam := user("sam").Person()
		sam.Subject = "" // the log does not have it
		known := map[string]requests.Ending{
			"r1":   {Status: requests.StatusRevoked, Decision: requests.Decision{ID: "audit-1", Time: noon, By: &sam}},
			"r2":   {Status: requests.StatusCancelled, Decision: requests.Decision{ID: "audit-2", Time: noon}},
			"gone": {Status: requests.StatusRevoked, Decision: requests.Decision{ID: "audit-3", Time: noon, By: &sam}},
		}
		failed := errors.New("the log is full")
		_, err := s.AcceptRestore(
			t.Context(),
			noon.Add(time.Minute),
			known,
			func(store.Restored) error { return failed },
		)
		if !errors.Is(err, failed) {
			t.Errorf("without a record: %v", err)
		}
		if _, err := opens(t, s); !errors.Is(err, store.ErrRestored) {
			t.Errorf("without a record it is accepted: %v", err)
		}
		before := s.Reached()
		done, err := s.AcceptRestore(
			t.Context(),
			noon.Add(time.Minute),
			known,
			func(store.Restored) error { return nil },
		)
		if err != nil {
			t.Fatal(err)
		}
		if len(done.Ended) != 2 || len(done.Held) != 1 || done.Held[0].ID != "r3" ||
			done.To.Sequence <= before.Sequence {
			t.Errorf("it comes to %+v", done)
		}
		if got, err := opens(t, s); err != nil || len(got) != 0 {
			t.Errorf("accepted, it opens %v: %v", got, err)
		}
		stand := map[string]string{}
		for _, id := range []string{"r1", "r2", "r3", "r4"} {
			r, err := s.Find(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			stand[id] = fmt.Sprint(r.Status, " ", r.Held)
		}
		want := map[string]string{
			"r1": "revoked false",
			"r2": "cancelled false",
			"r3": "approved true",
			"r4": "pending false",
		}
		if fmt.Sprint(stand) != fmt.Sprint(want) {
			t.Errorf("they stand at %v", stand)
		}
		confirms(t, s)
		restore(t, s)
		if got, err := opens(t, s); !errors.Is(err, store.ErrRestored) {
			t.Errorf("restored once more, it opens %v: %v", got, err)
		}
	})
}

// confirms has r3 confirmed by those who may, and by no others.
func confirms(t *testing.T, s *store.State) {
	t.Helper()
	by := func(u identity.User, need int) error {
		_, err := s.Confirm(t.Context(), "r3", func(r requests.Request) error {
			return r.Confirm(needs(t, need), requests.Step{By: u, Now: noon.Add(time.Minute)})
		})
		return err
	}
	stranger := user("lee")
	stranger.Groups = nil
	if err := by(stranger, 1); !errors.Is(err, requests.ErrNotApprover) {
		t.Errorf("a stranger confirms: %v", err)
	}
	if err := by(user("taylor"), 1); !errors.Is(err, requests.ErrOwnRequest) {
		t.Errorf("the asker confirms: %v", err)
	}
	if got, err := opens(t, s); err != nil || len(got) != 0 {
		t.Errorf("not confirmed, it opens %v: %v", got, err)
	}
	if err := by(user("kim"), 1); err != nil {
		t.Error(err)
	}
	if got, err := opens(t, s); err != nil || fmt.Sprint(got) != "[r3]" {
		t.Errorf("confirmed, it opens %v: %v", got, err)
	}
	if err := by(user("kim"), 1); !errors.Is(err, requests.ErrNotHeld) {
		t.Errorf("once more: %v", err)
	}
}

// A server that is running notices that its state's schema is another version's.
func TestSchemaChangesUnderServer(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("r1"))
		approve(t, s, "r1", "sam", noon)
		for statement, want := range map[string]error{
			`INSERT INTO deputy_state.migrations (version_id, is_applied) VALUES (99, true)`:        store.ErrAhead,
			`UPDATE deputy_state.migrations SET version_id = version_id + 100 WHERE version_id = 3`: store.ErrAhead,
			`DELETE FROM deputy_state.migrations WHERE version_id = 3`:                              store.ErrBehind,
		} {
			raw(t, s, `CREATE TABLE deputy_state.applied AS SELECT * FROM deputy_state.migrations`)
			raw(t, s, statement)
			if got, err := opens(t, s); !errors.Is(err, want) || len(got) != 0 {
				t.Errorf("%s: it opens %v: %v", statement, got, err)
			}
			if _, _, err := s.Make(t.Context(), other("r2"), noon); !errors.Is(err, want) {
				t.Errorf("%s: it makes a request: %v", statement, err)
			}
			raw(t, s, `DELETE FROM deputy_state.migrations`)
			raw(t, s, `INSERT INTO deputy_state.migrations SELECT * FROM deputy_state.applied`)
			raw(t, s, `DROP TABLE deputy_state.applied`)
		}
		if got, err := opens(t, s); err != nil || len(got) != 1 {
			t.Errorf("as before, it opens %v: %v", got, err)
		}
	})
}
