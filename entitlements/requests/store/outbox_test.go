package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
)

const term = time.Minute

// made makes requests, each an event.
func made(t testing.TB, s *store.State, ids ...string) {
	t.Helper()
	for _, id := range ids {
		r := request(id)
		r.Table.Name = id
		mustMake(t, s, r)
	}
}

func lease(t testing.TB, s *store.State, webhook string, now time.Time) *store.Lease {
	t.Helper()
	l, ok, err := s.Outbox().Lease(t.Context(), webhook, "server", now, term)
	if err != nil || !ok {
		t.Fatalf("a lease of %s: %v, %v", webhook, ok, err)
	}
	return l
}

// next is the request of the event that the webhook is to have next; empty: none.
func next(t testing.TB, s *store.State, l *store.Lease, now time.Time) (store.Event, int) {
	t.Helper()
	e, attempts, ok, err := s.Outbox().Next(t.Context(), l, now)
	if err != nil || ok != (e.ID != "") {
		t.Fatalf("%+v, %v, %v", e, ok, err)
	}
	return e, attempts
}

func TestAWebhookGetsEachEventInOrderFromWhenItIsNew(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		made(t, s, "before")
		l := lease(t, s, "new", noon)
		if e, _ := next(t, s, l, noon); e.ID != "" {
			t.Errorf("a new webhook is told of what was before it: %+v", e)
		}
		made(t, s, "r1", "r2")
		var told []string
		ids := map[string]bool{}
		for {
			e, _ := next(t, s, l, noon)
			if e.ID == "" {
				break
			}
			told, ids[e.ID] = append(told, e.Request.ID), true
			if err := s.Outbox().Done(t.Context(), l, e); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(told, []string{"r1", "r2"}) || len(ids) != 2 {
			t.Errorf("told were %v with ids %v", told, ids)
		}
		if err := s.Outbox().Release(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		made(t, s, "r3") // while it was gone
		if e, _ := next(t, s, lease(t, s, "new", noon.Add(time.Hour)), noon.Add(time.Hour)); e.Request.ID != "r3" {
			t.Errorf("it does not go on where it was: %+v", e)
		}
	})
}

func TestWhatFailedIsTriedAgainInItsTimeAndNothingOvertakesIt(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s, other := open(t, c), open(t, c)
		now := noon
		l := lease(t, s, "hook", now)
		made(t, s, "r1", "r2")
		var id string
		for attempt := range 3 {
			e, attempts := next(t, s, l, now)
			if e.Request.ID != "r1" || attempts != attempt || id != "" && e.ID != id {
				t.Fatalf("attempt %d of %s under %s, which was %s", attempts, e.Request.ID, e.ID, id)
			}
			id = e.ID
			retry := now.Add(20 * time.Minute)
			if err := s.Outbox().Failed(t.Context(), l, e, retry); err != nil {
				t.Fatal(err)
			}
			for _, early := range []time.Time{now, retry.Add(-1)} {
				if _, ok, err := other.Outbox().Lease(t.Context(), "hook", "other", early, term); ok || err != nil {
					t.Errorf("before its time it can be tried: %v, %v", ok, err)
				}
				if due, err := other.Outbox().Due(t.Context(), []string{"hook"}, early); len(due) != 0 || err != nil {
					t.Errorf("before its time it is due: %v, %v", due, err)
				}
			}
			now = retry
			if due, err := other.Outbox().Due(t.Context(), []string{"hook", "never heard of"}, now); len(due) != 2 ||
				err != nil {
				t.Errorf("in its time it is not due: %v, %v", due, err)
			}
			s, other = other, s
			l = lease(t, s, "hook", now)
		}
		e, _ := next(t, s, l, now)
		if err := s.Outbox().Done(t.Context(), l, e); err != nil {
			t.Fatal(err)
		}
		if e, attempts := next(t, s, l, now); e.Request.ID != "r2" || attempts != 0 {
			t.Errorf("after it comes %s, attempt %d", e.Request.ID, attempts)
		}
	})
}

func TestTwoServersNeverHaveTheLeaseAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		servers := []*store.State{open(t, c), open(t, c)}
		leases := make(chan *store.Lease, 20)
		var all sync.WaitGroup
		for i := range cap(leases) {
			all.Go(func() {
				l, ok, err := servers[i%2].Outbox().Lease(context.Background(), "hook", fmt.Sprint("server", i%2), noon, term)
				if err != nil {
					t.Error(err)
				}
				if ok {
					leases <- l
				}
			})
		}
		all.Wait()
		if len(leases) != 1 {
			t.Fatalf("%d have the lease", len(leases))
		}
		first := <-leases
		made(t, servers[0], "r1")
		e, _ := next(t, servers[0], first, noon.Add(term-1)) // still ours; ends a term later
		if _, ok, _ := servers[1].Outbox().Lease(t.Context(), "hook", "server", noon.Add(2*term-2), term); ok {
			t.Error("a lease that was extended is given to another")
		}
		second := lease(t, servers[1], "hook", noon.Add(2*term-1)) // the first server died
		out := servers[0].Outbox()
		for what, err := range map[string]error{
			"Done":   out.Done(t.Context(), first, e),
			"Failed": out.Failed(t.Context(), first, e, noon),
			"Next":   func() error { _, _, _, err := out.Next(t.Context(), first, noon); return err }(),
		} {
			if !errors.Is(err, store.ErrLeaseLost) {
				t.Errorf("%s with a lease that ended: %v", what, err)
			}
		}
		if err := out.Release(t.Context(), first); err != nil {
			t.Error(err)
		}
		if again, _ := next(t, servers[1], second, noon.Add(2*term-1)); again.ID != e.ID {
			t.Errorf("the event that was not said to be done is told again as %s and not %s", again.ID, e.ID)
		}
		if _, _, _, err := out.Next(t.Context(), second, noon.Add(9*term)); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("a lease that nobody took over but that has ended: %v", err)
		}
	})
}

func TestEventsArePrunedWhenEachWebhookHasThemAndTheyAreOld(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		gone := lease(t, s, "gone", noon)
		l := lease(t, s, "hook", noon)
		made(t, s, "r1", "r2", "r3")
		for range 2 {
			e, _ := next(t, s, l, noon)
			if err := s.Outbox().Done(t.Context(), l, e); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range []struct {
			webhooks []string
			now      time.Time
			want     int64
		}{
			{[]string{"hook"}, noon.Add(30 * 24 * time.Hour), 0}, // not older
			{[]string{"hook", "gone"}, noon.Add(31 * 24 * time.Hour), 0},
			{[]string{"hook"}, noon.Add(31 * 24 * time.Hour), 2},
		} {
			if n, err := s.Outbox().Prune(t.Context(), p.webhooks, p.now); err != nil || n != p.want {
				t.Errorf("%v: %d were pruned and not %d: %v", p.webhooks, n, p.want, err)
			}
		}
		if e, _ := next(t, s, l, noon); e.Request.ID != "r3" {
			t.Errorf("next is %+v", e)
		}
		if e, _ := next(t, s, gone, noon); e.Request.ID != "r3" {
			t.Errorf("a webhook that comes back goes on with what there is still: %+v", e)
		}
	})
}

func TestAnEventThatWasWrittenByHandIsNotTold(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		l := lease(t, s, "hook", noon)
		made(t, s, "r1")
		for _, change := range []string{`kind = 'decided'`, `kind = 'whatever'`, `request = 'r2'`, `version = 5`, `body = '{"v":1}'`} {
			if err := s.Raw(t.Context(), `UPDATE deputy_state.events SET `+change); err != nil {
				t.Fatal(err)
			}
			if _, _, ok, err := s.Outbox().Next(t.Context(), l, noon); ok || !errors.Is(err, store.ErrAltered) {
				t.Errorf("%s: %v, %v", change, ok, err)
			}
			body, err := store.Encode(func() requests.Request { r := request("r1"); r.Table.Name = "r1"; return r }())
			if err != nil {
				t.Fatal(err)
			}
			set := `UPDATE deputy_state.events SET kind = 'created', request = 'r1', version = 0, body = ?`
			if err := s.Raw(t.Context(), set, body); err != nil {
				t.Fatal(err)
			}
		}
		next(t, s, l, noon)
	})
}
