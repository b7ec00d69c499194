package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/entitlements/requests"
	"deputy/entitlements/requests/store"
	"deputy/identity"
)

func TestARequestIsKeptAsItIsAndFoundByItsID(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		made := mustMake(t, s, request("r1"))
		if !reflect.DeepEqual(made, request("r1")) {
			t.Errorf("made   %+v\nwanted %+v", made, request("r1"))
		}
		approved := approve(t, s, "r1", "sam", noon.Add(time.Minute))
		found, err := open(t, c).Find(t.Context(), "r1") // another server
		if err != nil || !reflect.DeepEqual(found, approved) || found.Status != requests.StatusApproved ||
			found.Version != 1 {
			t.Errorf("found %+v, %v\nand not %+v", found, err, approved)
		}
		for _, id := range []string{"r2", "", "R1", "r1\x00", "\xff", "r1' OR '1'='1", strings.Repeat("r", 1<<20)} {
			if _, err := s.Find(t.Context(), id); !errors.Is(err, requests.ErrNoRequest) {
				t.Errorf("%.20q, which is not there: %v", id, err)
			}
			if _, err := s.Step(t.Context(), id, nil); !errors.Is(err, requests.ErrNoRequest) {
				t.Errorf("a step of %.20q, which is not there: %v", id, err)
			}
		}
	})
}

func TestAskingTwiceGivesTheSameRequestWhileItIsOpenOrWasJustDenied(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("r1"))
		again := func(id string, at time.Time) (string, bool) {
			r := request(id)
			r.Created, r.Lapses = at, at.Add(14*24*time.Hour)
			kept, made, err := s.Make(t.Context(), r, at.Add(-24*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			return kept.ID, made
		}
		for _, step := range []struct {
			what string
			do   func()
			at   time.Time
			id   string // of the new request
			kept string
		}{
			{"pending", func() {}, noon.Add(time.Hour), "r2", "r1"},
			{"approved", func() { approve(t, s, "r1", "sam", noon.Add(2*time.Hour)) }, noon.Add(2 * time.Hour), "r2", "r1"},
			{"a moment before it expires", func() {}, noon.Add(3*time.Hour - 1), "r2", "r1"},
			{"expired, though no sweep came", func() {}, noon.Add(3 * time.Hour), "r2", "r2"},
			{"just denied", func() { deny(t, s, "r2", noon.Add(4*time.Hour)) }, noon.Add(5 * time.Hour), "r3", "r2"},
			{"denied a while ago", func() {}, noon.Add(28*time.Hour + 1), "r3", "r3"},
		} {
			step.do()
			if kept, made := again(step.id, step.at); kept != step.kept || made != (step.id == step.kept) {
				t.Errorf("%s: asking again gives %s, made: %v", step.what, kept, made)
			}
		}
		want := []string{"r1 created", "r1 decided", "r1 expired", "r2 created", "r2 decided", "r3 created"}
		if got := happened(t, s); !slices.Equal(got, want) {
			t.Errorf("told were %v", got)
		}
		swept, err := sweep(s, t.Context(), noon.Add(30*time.Hour), 0)
		if err != nil || len(swept) != 1 || swept[0].Request.ID != "r1" || swept[0].Kind != store.Expired {
			t.Errorf("what making a request ended is not given to the audit record: %v, %v", swept, err)
		}
	})
}

func TestAnotherAskerAnotherSubjectAndAnotherPlatformAreOtherRequests(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("r1"))
		for i, change := range []func(r *requests.Request){
			func(r *requests.Request) { r.Asker = asker("robin") },
			func(r *requests.Request) { r.Asker.User = nil },
			func(r *requests.Request) { r.Columns = nil },
			func(r *requests.Request) { r.Platform = "warehouse" },
			func(r *requests.Request) { r.Table.Name = "customers" },
		} {
			r := request(fmt.Sprint("other", i))
			change(&r)
			mustMake(t, s, r)
		}
	})
}

func deny(t testing.TB, s *store.State, id string, now time.Time) {
	t.Helper()
	_, err := s.Step(t.Context(), id, func(r requests.Request) (requests.Request, error) {
		return r.Deny(needs(t, 1), step("audit-"+id, "sam", now))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAStepThatIsRefusedChangesNothingAndItsErrorIsReturned(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("r1"))
		_, err := s.Step(t.Context(), "r1", func(r requests.Request) (requests.Request, error) {
			return r.Approve(needs(t, 1), step("audit", "taylor", noon))
		})
		if err != requests.ErrOwnRequest {
			t.Errorf("taylor approves their own: %v", err)
		}
		if r, err := s.Find(t.Context(), "r1"); err != nil || r.Version != 0 {
			t.Errorf("it is %+v, %v", r, err)
		}
		if got := happened(t, s); !slices.Equal(got, []string{"r1 created"}) {
			t.Errorf("told were %v", got)
		}
	})
}

func TestWhatNoStepMakesIsNotKept(t *testing.T) {
	approved, err := request("r1").Approve(needs(t, 1), step("a", "sam", noon))
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := approved.Revoke(needs(t, 1), step("b", "sam", noon))
	if err != nil {
		t.Fatal(err)
	}
	expired, _ := approved.Lapse(noon.Add(time.Hour))
	for what, wrong := range map[string]struct {
		before requests.Request
		change func(r *requests.Request)
	}{
		"nothing":                         {request("r1"), func(*requests.Request) {}},
		"two versions":                    {request("r1"), func(r *requests.Request) { *r = revoked }},
		"approved again after revocation": {revoked, func(r *requests.Request) { *r = approved; r.Version = 3 }},
		"another asker":                   {request("r1"), func(r *requests.Request) { *r = approved; r.Asker = asker("robin") }},
		"another table":                   {request("r1"), func(r *requests.Request) { *r = approved; r.Table.Name = "salaries" }},
		"another column":                  {request("r1"), func(r *requests.Request) { *r = approved; r.Columns = []string{"ssn"} }},
		"another reason":                  {request("r1"), func(r *requests.Request) { *r = approved; r.Reason = "" }},
		"longer":                          {request("r1"), func(r *requests.Request) { *r = approved; r.Wanted = requests.Duration(99 * time.Hour) }},
		"a later end of what is approved": {approved, func(r *requests.Request) { *r = revoked; r.Expires = r.Expires.Add(-1) }},
		"through another agent":           {approved, func(r *requests.Request) { *r = revoked; r.Through = "sales-assistant" }},
		"a decision taken away":           {approved, func(r *requests.Request) { r.Decisions, r.Version, r.Status = nil, 2, "cancelled" }},
		"approved once more": {approved, func(r *requests.Request) {
			late := r.Decisions[0]
			late.ID = "b"
			r.Decisions, r.Version = append(slices.Clone(r.Decisions), late), 2
		}},
		"taken back after it expired": {expired, func(r *requests.Request) {
			r.Decisions = append(slices.Clone(r.Decisions), requests.Decision{ID: "c", Time: noon, By: r.Asker.User, Verdict: requests.VerdictCancel})
			r.Status, r.Version = requests.StatusCancelled, 3
		}},
		"another decision before": {approved, func(r *requests.Request) {
			*r = revoked
			r.Decisions = slices.Clone(r.Decisions)
			r.Decisions[0].Note = "x"
		}},
	} {
		after := wrong.before
		wrong.change(&after)
		if err := store.Follows(wrong.before, after); !errors.Is(err, store.ErrNoStep) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := errors.Join(store.Follows(request("r1"), approved), store.Follows(approved, revoked)); err != nil {
		t.Errorf("real steps: %v", err)
	}
	s := open(t, newConfig(t, "SQLite"))
	mustMake(t, s, request("r1"))
	_, err = s.Step(t.Context(), "r1", func(r requests.Request) (requests.Request, error) {
		other := approved
		other.Table.Name = "salaries"
		return other, nil
	})
	if !errors.Is(err, store.ErrNoStep) {
		t.Errorf("Step takes it: %v", err)
	}
	_, err = s.Step(t.Context(), "r1", func(r requests.Request) (requests.Request, error) {
		r.Status, r.Version = requests.StatusDenied, 1 // by nobody
		return r, nil
	})
	if !errors.Is(err, store.ErrAltered) {
		t.Errorf("Step takes it: %v", err)
	}
	long := request("r2")
	long.Reason = strings.Repeat("x", 1<<20)
	if _, _, err := s.Make(t.Context(), long, noon); err == nil {
		t.Error("a reason of a megabyte is kept")
	}
	done := request("r2")
	done.Status, done.Version = requests.StatusExpired, 1
	if _, _, err := s.Make(t.Context(), done, noon); err == nil {
		t.Error("a new request that has expired is kept")
	}
}

func TestApprovalsAreThoseInForceOfTheAskerOnThePlatform(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustMake(t, s, request("r1"))
		other := request("r2")
		other.Asker = asker("robin")
		mustMake(t, s, other)
		approve(t, s, "r1", "sam", noon)
		approve(t, s, "r2", "sam", noon)
		for _, at := range []struct {
			what     string
			asker    requests.Asker
			platform string
			now      time.Time
			want     int
		}{
			{"at once", asker("taylor"), "shop", noon, 1},
			{"to the last moment", asker("taylor"), "shop", noon.Add(time.Hour - 1), 1},
			{"gone at its end", asker("taylor"), "shop", noon.Add(time.Hour), 0},
			{"not before it began", asker("taylor"), "shop", noon.Add(-1), 0},
			{"on another platform", asker("taylor"), "warehouse", noon, 0},
			{"of somebody else", asker("kim"), "shop", noon, 0},
			{"of the agent alone", requests.Asker{Agent: "sales-assistant"}, "shop", noon, 0},
		} {
			got, err := s.Approvals(t.Context(), at.asker, at.platform, at.now)
			if err != nil || len(got) != at.want || at.want > 0 && got[0].Request != "r1" {
				t.Errorf("%s: %+v, %v", at.what, got, err)
			}
		}
		s2 := open(t, c)
		if _, err := s2.Step(t.Context(), "r1", func(r requests.Request) (requests.Request, error) {
			return r.Revoke(needs(t, 1), step("b", "kim", noon.Add(time.Minute)))
		}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Approvals(t.Context(), asker("taylor"), "shop", noon.Add(time.Minute)); err != nil || len(got) != 0 {
			t.Errorf("revoked on another server: %+v, %v", got, err)
		}
	})
}

func TestAListHasWhatIsWantedTheNewestFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		now := noon
		c.Now = func() time.Time { return now }
		s := open(t, c)
		for i := range 6 {
			r := request(fmt.Sprint("r", i))
			r.Created, r.Lapses = noon.Add(time.Duration(i)*time.Second), noon.Add(24*time.Hour)
			r.Table.Name = fmt.Sprint("table", i)
			if i%2 == 1 {
				r.Asker = asker("robin")
			}
			if i == 5 {
				r.Platform = "warehouse"
			}
			mustMake(t, s, r)
		}
		approve(t, s, "r0", "sam", noon)
		deny(t, s, "r1", noon)
		robin, table := asker("robin"), entitlements.TableName{Schema: "sales", Name: "table3"}
		for _, l := range []struct {
			f    requests.Filter
			at   time.Time
			want string
		}{
			{requests.Filter{}, noon, "r5 r4 r3 r2 r1 r0"},
			{requests.Filter{Most: 2}, noon, "r5 r4"},
			{requests.Filter{Asker: &robin}, noon, "r5 r3 r1"},
			{requests.Filter{Platform: "warehouse"}, noon, "r5"},
			{requests.Filter{Table: &table}, noon, "r3"},
			{requests.Filter{Since: noon.Add(4 * time.Second)}, noon, "r5 r4"},
			{requests.Filter{Status: []requests.Status{"approved", "denied"}}, noon, "r1 r0"},
			{requests.Filter{Status: []requests.Status{"approved"}}, noon.Add(time.Hour), ""},
			{requests.Filter{Status: []requests.Status{"expired"}}, noon.Add(time.Hour), "r0"},
			{requests.Filter{Status: []requests.Status{"pending", "approved"}, Asker: &robin}, noon, "r5 r3"},
			{requests.Filter{Status: []requests.Status{"pending"}}, noon.Add(24 * time.Hour), ""},
		} {
			now = l.at
			got, err := s.List(t.Context(), l.f)
			var ids []string
			for _, r := range got {
				ids = append(ids, r.ID)
			}
			if err != nil || strings.Join(ids, " ") != l.want {
				t.Errorf("%+v: %v, %v and not %s", l.f, ids, err, l.want)
			}
		}
	})
}

func TestWhatIsAskedForOftenIsFoundByAnIndex(t *testing.T) {
	s := open(t, newConfig(t, "SQLite"))
	a, table := asker("taylor"), entitlements.TableName{Schema: "sales", Name: "orders"}
	plan := func(query string, values ...any) string {
		var steps []struct {
			ID      int    `db:"id"`
			Parent  int    `db:"parent"`
			NotUsed int    `db:"notused"`
			Detail  string `db:"detail"`
		}
		if err := s.Ask(t.Context(), &steps, "EXPLAIN QUERY PLAN "+query, values...); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range steps {
			out = append(out, s.Detail)
		}
		return strings.Join(out, "; ")
	}
	listing := func(f requests.Filter) string {
		query, values := store.Listing(f, noon)
		return plan(query, values...)
	}
	for want, got := range map[string]string{
		"requests_in_force":  plan(store.InForce, "a", "b", 1),
		"requests_by_time":   listing(requests.Filter{}),
		"requests_by_asker":  listing(requests.Filter{Asker: &a}),
		"requests_by_table":  listing(requests.Filter{Table: &table}),
		"requests_by_status": listing(requests.Filter{Status: []requests.Status{"denied"}}),
		"requests_ending":    plan(store.Ended, 1),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not used: %s", want, got)
		}
	}
}

func TestARequestThatIsNotWholeIsNotMade(t *testing.T) {
	s := open(t, newConfig(t, "SQLite"))
	for what, change := range map[string]func(r *requests.Request){
		"no id":                         func(r *requests.Request) { r.ID = "" },
		"no platform":                   func(r *requests.Request) { r.Platform = "" },
		"no table":                      func(r *requests.Request) { r.Table.Name = "" },
		"no asker":                      func(r *requests.Request) { r.Asker = requests.Asker{} },
		"an asker without an issuer":    func(r *requests.Request) { r.Asker.User = &identity.Person{Subject: "x"} },
		"an asker without a subject":    func(r *requests.Request) { r.Asker.User = &identity.Person{Issuer: "x"} },
		"columns that are not sorted":   func(r *requests.Request) { r.Columns = []string{"b", "a"} },
		"a column twice":                func(r *requests.Request) { r.Columns = []string{"a", "a"} },
		"for no time":                   func(r *requests.Request) { r.Wanted = 0 },
		"never made":                    func(r *requests.Request) { r.Created = time.Time{} },
		"lapsed when it was made":       func(r *requests.Request) { r.Lapses = r.Created },
		"a version that counts nothing": func(r *requests.Request) { r.Version = 1 },
		"approved by nothing":           func(r *requests.Request) { r.Status = requests.StatusApproved },
	} {
		r := request("r1")
		change(&r)
		if _, made, err := s.Make(t.Context(), r, noon); made || !errors.Is(err, store.ErrAltered) {
			t.Errorf("%s: %v, %v", what, made, err)
		}
	}
}
