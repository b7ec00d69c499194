package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"deputy/entitlements/requests/store"
)

func TestASweepEndsWhatIsOverAndAnnouncesOnceWhatSoonWillBe(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("r1"))
		waits := request("r2")
		waits.Columns = nil
		mustMake(t, s, waits)
		approve(t, s, "r1", "sam", noon)
		for _, at := range []struct {
			now      time.Time
			expiring time.Duration
			want     []string
		}{
			{noon, time.Hour, nil}, // an hour was approved: it is not told at once that it ends within the hour
			{noon.Add(30*time.Minute - 1), time.Hour, nil},
			{noon.Add(30 * time.Minute), time.Minute, nil},
			{noon.Add(30 * time.Minute), time.Hour, []string{"r1 expiring"}},
			{noon.Add(31 * time.Minute), time.Hour, nil},
			{noon.Add(time.Hour - 1), time.Hour, nil},
			{noon.Add(time.Hour), time.Hour, []string{"r1 expired"}},
			{noon.Add(2 * time.Hour), time.Hour, nil},
			{noon.Add(14 * 24 * time.Hour), time.Hour, []string{"r2 expired"}}, // nobody answered
			{noon.Add(99 * 24 * time.Hour), time.Hour, nil},
		} {
			got, err := sweep(s, t.Context(), at.now, at.expiring)
			if err != nil {
				t.Fatal(err)
			}
			if told := names(got); !slices.Equal(told, at.want) {
				t.Errorf("%v: %v and not %v", at.now.Sub(noon), told, at.want)
			}
		}
		want := []string{"r1 created", "r2 created", "r1 decided", "r1 expiring", "r1 expired", "r2 expired"}
		if got := happened(t, s); !slices.Equal(got, want) {
			t.Errorf("told were %v", got)
		}
	})
}

// sweep returns what was given to be recorded.
func sweep(s *store.State, ctx context.Context, now time.Time, expiring time.Duration) (told []store.Event, err error) {
	err = s.Sweep(ctx, now, expiring, func(e store.Event) error {
		told = append(told, e)
		return nil
	})
	return told, err
}

func TestWhatCannotBeRecordedIsSweptAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("r1"))
		full := errors.New("the disk is full")
		late := noon.Add(99 * 24 * time.Hour)
		if err := s.Sweep(t.Context(), late, time.Hour, func(store.Event) error { return full }); !errors.Is(err, full) {
			t.Errorf("the sweep says %v", err)
		}
		first, _ := sweep(s, t.Context(), late, time.Hour)
		again, _ := sweep(s, t.Context(), late, time.Hour)
		if !slices.Equal(names(first), []string{"r1 expired"}) || len(again) != 0 {
			t.Errorf("recorded were %v, then %v", names(first), names(again))
		}
	})
}

func names(all []store.Event) (out []string) {
	for _, e := range all {
		out = append(out, e.Request.ID+" "+string(e.Kind))
	}
	return out
}

func TestTwoServersThatSweepAtOnceTellEachThingOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		servers := []*store.State{open(t, c), open(t, c)}
		for i := range 10 {
			r := request(fmt.Sprint("r", i))
			r.Table.Name = r.ID
			mustMake(t, servers[0], r)
			if i < 5 {
				approve(t, servers[0], r.ID, "sam", noon)
			}
		}
		for _, now := range []time.Time{noon.Add(50 * time.Minute), noon.Add(14 * 24 * time.Hour)} {
			told := make(chan string, 100)
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() {
					swept, err := sweep(servers[i%2], context.Background(), now, time.Hour)
					if err != nil {
						t.Error(err)
					}
					for _, name := range names(swept) {
						told <- name
					}
				})
			}
			all.Wait()
			close(told)
			once := map[string]int{}
			for name := range told {
				once[name]++
			}
			want := map[bool]int{true: 5, false: 10}[now.Before(noon.Add(time.Hour))]
			if len(once) != want {
				t.Errorf("%d were told and not %d: %v", len(once), want, once)
			}
			for name, n := range once {
				if n != 1 {
					t.Errorf("%s was told %d times", name, n)
				}
			}
		}
		contiguous(t, servers[0])
	})
}

func TestARequestThatCannotBeReadDoesNotKeepTheOthersFromEnding(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("bad"))
		good := request("good")
		good.Columns = nil
		mustMake(t, s, good)
		if err := s.Raw(t.Context(), `UPDATE deputy_state.requests SET body = '{}' WHERE id = 'bad'`); err != nil {
			t.Fatal(err)
		}
		swept, err := sweep(s, t.Context(), noon.Add(99*24*time.Hour), time.Hour)
		if err == nil || !slices.Equal(names(swept), []string{"good expired"}) {
			t.Errorf("swept were %v, %v", names(swept), err)
		}
	})
}
