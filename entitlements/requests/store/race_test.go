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

func TestFiftyDecisionsAtOnceOnTwoServersEndInOneOutcome(t *testing.T) {
	onBoth(t, fiftyDecisions)
	t.Run("a login with another isolation", func(t *testing.T) {
		c := newConfig(t, "PostgreSQL")
		c.DSN += " default_transaction_isolation='repeatable read'"
		fiftyDecisions(t, c)
	})
}

func fiftyDecisions(t *testing.T, c store.Config) {
	servers := []*store.State{open(t, c), open(t, c)}
	for round := range 4 {
		id := fmt.Sprint("r", round)
		r := request(id)
		r.Table.Name = id
		mustMake(t, servers[0], r)
		at := noon.Add(time.Minute)
		var mu sync.Mutex
		took := map[requests.Verdict]int{}
		var all sync.WaitGroup
		begin := make(chan struct{})
		for i := range 50 {
			verdict := []requests.Verdict{requests.VerdictApprove, requests.VerdictDeny, requests.VerdictRevoke}[i%3]
			all.Go(func() {
				<-begin
				_, err := servers[i%2].Step(
					context.Background(),
					id,
					func(r requests.Request) (requests.Request, error) {
						s := step(fmt.Sprint("audit", i), fmt.Sprint("steward", i), at)
						switch verdict {
						case requests.VerdictApprove:
							return r.Approve(needs(nil, 1), s)
						case requests.VerdictDeny:
							return r.Deny(needs(nil, 1), s)
						}
						return r.Revoke(needs(nil, 1), s)
					},
				)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					took[verdict]++
				} else if !errors.Is(err, requests.ErrSettled) && !errors.Is(err, requests.ErrNotInForce) {
					t.Errorf("%s: %v", verdict, err)
				}
			})
		}
		close(begin)
		all.Wait()
		end, err := servers[1].Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		want := map[requests.Status]string{"denied": "0 1 0", "approved": "1 0 0", "revoked": "1 0 1"}[end.Status]
		if got := fmt.Sprint(took["approve"], took["deny"], took["revoke"]); got != want {
			t.Errorf("it is %s, and approvals, denials and revocations that came through are %s", end.Status, got)
		}
		var kinds []string
		if err := servers[0].Ask(
			t.Context(),
			&kinds,
			`SELECT kind FROM deputy_state.events WHERE request = '`+id+`' ORDER BY sequence`,
		); err != nil {
			t.Fatal(err)
		}
		told := map[requests.Status][]string{
			"denied": {"created", "decided"}, "approved": {"created", "decided"}, "revoked": {"created", "decided", "revoked"},
		}[end.Status]
		if !slices.Equal(kinds, told) || len(end.Decisions) != len(told)-1 {
			t.Errorf("it is %s with %d decisions, and told were %v", end.Status, len(end.Decisions), kinds)
		}
	}
}

func TestTwoServersThatMakeTheSameAtOnceMakeOne(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		servers := []*store.State{open(t, c), open(t, c)}
		// a rule may deny it at once
		for _, status := range []requests.Status{requests.StatusPending, requests.StatusDenied} {
			kept := make(chan string, 20)
			var all sync.WaitGroup
			for i := range cap(kept) {
				all.Go(func() {
					r := request(fmt.Sprintf("%s%d", status, i))
					r.Table.Name = string(status)
					if status == requests.StatusDenied {
						r = r.Automatically(requests.Requirement{Denied: "never"}, "audit", noon)
					}
					k, made, err := servers[i%2].Make(context.Background(), r, noon.Add(-time.Hour))
					if err != nil || made != (k.ID == r.ID) {
						t.Errorf("%v, %v", made, err)
					}
					kept <- k.ID
				})
			}
			all.Wait()
			close(kept)
			ids := map[string]bool{}
			for id := range kept {
				ids[id] = true
			}
			if len(ids) != 1 {
				t.Errorf("%s: %d requests were made", status, len(ids))
			}
		}
		if told := happened(t, servers[0]); len(told) != 2 {
			t.Errorf("told were %v", told)
		}
	})
}

func TestStepsMakingAndSweepsOfManyAtOnceWaitForEachOtherAndNeverForEver(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		servers := []*store.State{open(t, c), open(t, c)}
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				s := servers[i%2]
				for round := range 5 {
					now := noon.Add(time.Duration(round) * 2 * time.Hour)
					r := request(fmt.Sprintf("r%d-%d", i, round))
					r.Created, r.Lapses, r.Table.Name = now, now.Add(24*time.Hour), fmt.Sprint("t", i/2)
					kept, _, err := s.Make(context.Background(), r, now)
					if err == nil {
						_, err = s.Step(
							context.Background(),
							kept.ID,
							func(r requests.Request) (requests.Request, error) {
								return r.Approve(needs(nil, 1), step("audit", "sam", now))
							},
						)
					}
					if err != nil && !errors.Is(err, requests.ErrSettled) {
						t.Error(err)
					}
					if _, err := sweep(s, context.Background(), now.Add(time.Hour), time.Minute); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		contiguous(t, servers[0])
	})
}

// contiguous checks what has to hold whatever happened: sequences without gaps, each event once, and requests that can
// be read.
func contiguous(t testing.TB, s *store.State) {
	t.Helper()
	var n struct {
		N    int64 `db:"n"`
		Last int64 `db:"last"`
		Says int64 `db:"says"`
	}
	err := s.One(
		t.Context(),
		&n,
		`SELECT count(*) AS n, coalesce(max(sequence), 0) AS last, (SELECT sequence FROM deputy_state.counter) AS says FROM deputy_state.events`,
	)
	if err != nil || n.N != n.Last || n.Last != n.Says {
		t.Errorf("%d events up to %d, the counter says %d: %v", n.N, n.Last, n.Says, err)
	}
}

func TestTheDatabaseItselfHasOneOpenRequestForEach(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("r1"))
		const twice = `INSERT INTO deputy_state.requests SELECT 'r2', asker, subject, platform, table_schema, table_name, status, version, created, ends,
			denied, announced, told, body, held FROM deputy_state.requests`
		if err := s.Raw(t.Context(), twice); err == nil {
			t.Error("a second open request can be written")
		}
		deny(t, s, "r1", noon)
		if err := s.Raw(t.Context(), twice); err != nil {
			t.Errorf("a second one that is not open cannot: %v", err)
		}
	})
}
