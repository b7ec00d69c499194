package requests

import (
	"errors"
	"strings"
	"testing"
	"time"

	"deputy/identity"
)

// person is a verified user with an account of their own.
func person(id, email string, groups ...string) identity.User {
	return identity.User{
		Identity: party(identity.KindUser, id, groups, nil),
		Issuer:   "https://issuer",
		Subject:  id,
		Email:    email,
	}
}

func stage(t *testing.T, rule string, number int, need string, approvers string) Stage {
	t.Helper()
	m := matcher(t, approvers)
	s := Stage{
		Rule:      rule,
		Number:    number,
		Approvers: m.Alternatives(),
		Need:      map[string]int{"": 1, "1": 1, "2": 2, "3": 3}[need],
		Every:     need == "all",
	}
	return s
}

func want(stages ...Stage) Requirement { return Requirement{Stages: stages, AtMost: 8 * time.Hour} }

var (
	ada   = person("ada", "ada@example.com", "Stewards")
	bob   = person("bob", "bob@example.com", "Stewards")
	carol = person("carol", "carol@example.com", "Privacy")
	dora  = person("dora", "dora@example.com", "Privacy", "Stewards")
	guest = person("guest", "guest@example.com")
)

func requestOf(asker identity.User) Request {
	p := asker.Person()
	return Request{
		ID:      "r1",
		Asker:   Asker{Agent: "marketing-bot", User: &p},
		Table:   orders,
		Columns: []string{"lastname"},
		Wanted:  Duration(4 * time.Hour),
		Created: noon,
		Lapses:  noon.Add(24 * time.Hour),
		Status:  StatusPending,
	}
}

func by(u identity.User) Step { return Step{ID: "audit-1", By: u, Now: noon.Add(time.Minute)} }

// approve lets people approve one after the other, and returns how it stands and what the last of them was told.
func approve(r Request, q Requirement, people ...identity.User) (Request, error) {
	var err error
	for _, p := range people {
		r, err = r.Approve(q, by(p))
	}
	return r, err
}

func TestNobodyDecidesOnTheirOwnRequest(t *testing.T) {
	taylor := person("taylor", "taylor.k@example.com", "Stewards")
	q := want(stage(t, "r", 1, "", "group:Stewards"))
	own := requestOf(taylor)
	agents := func(owner string) Request {
		r := requestOf(taylor)
		r.Asker = Asker{Agent: "nightly", Owner: owner}
		return r
	}
	second := func(change func(*identity.User)) identity.User {
		u := person("other", "other@example.com", "Stewards")
		change(&u)
		return u
	}
	for _, c := range []struct {
		name string
		r    Request
		by   identity.User
	}{
		{"by the account", own, taylor},
		{"by the account, with another address", own, second(func(u *identity.User) { u.Issuer, u.Subject = "https://issuer", "taylor" })},
		{"by a second account with the address", own, second(func(u *identity.User) { u.Email = "taylor.k@example.com" })},
		{"in capitals", own, second(func(u *identity.User) { u.Email = "Taylor.K@EXAMPLE.com" })},
		{"with a Kelvin sign for the K", own, second(func(u *identity.User) { u.Email = "taylor.\u212a@example.com" })},
		{"in full-width letters", own, second(func(u *identity.User) { u.Email = "ｔaylor.k@example.com" })},
		{"with spaces around it", own, second(func(u *identity.User) { u.Email = " taylor.k@example.com\n" })},
		{"by the id that policies know, though another client's subject is another", own, second(func(u *identity.User) { u.ID = "taylor" })},
		{"by the owner of the agent, by id", agents("taylor"), taylor},
		{"by the owner of the agent, by address", agents("TAYLOR.K@example.com"), taylor},
		{"by the owner of the agent that carried a human's", func() Request { r := requestOf(guest); r.Asker.Owner = "taylor"; return r }(), taylor},
	} {
		t.Run(c.name, func(t *testing.T) {
			approved := c.r
			approved.Status, approved.Expires = StatusApproved, noon.Add(time.Hour)
			approved.Decisions = []Decision{
				{Verdict: VerdictApprove, By: &identity.Person{Issuer: c.by.Issuer, Subject: c.by.Subject}},
			}
			for step, take := range map[string]func() (Request, error){
				"approve": func() (Request, error) { return c.r.Approve(q, by(c.by)) },
				"deny":    func() (Request, error) { return c.r.Deny(q, by(c.by)) },
				"revoke":  func() (Request, error) { return approved.Revoke(q, by(c.by)) },
			} {
				if r, err := take(); !errors.Is(err, ErrOwnRequest) || r.Version != 0 {
					t.Errorf("%s: %v, and it is %s", step, err, r.Status)
				}
			}
		})
	}
	if r, err := own.Approve(q, by(ada)); err != nil || r.Status != StatusApproved {
		t.Errorf("another steward: %v", err)
	}
	nameless := person("x", "", "Stewards")
	if _, err := requestOf(person("y", "")).Approve(q, by(nameless)); err != nil {
		t.Errorf("two people without an address are not one: %v", err)
	}
}

func TestEveryStageNeedsItsPeople(t *testing.T) {
	two := stage(t, "r", 1, "2", "group:Stewards")
	each := stage(t, "r", 1, "all", "[group:Stewards, group:Privacy]")
	ada2 := person("ada-admin", "ADA@example.com", "Stewards", "Privacy")
	for _, c := range []struct {
		name   string
		q      Requirement
		people []identity.User
		status Status
		err    error // of the last
	}{
		{"one of one", want(stage(t, "r", 1, "", "group:Stewards")), []identity.User{ada}, StatusApproved, nil},
		{"somebody who is none of them", want(two), []identity.User{guest}, StatusPending, ErrNotApprover},
		{"one of two", want(two), []identity.User{ada}, StatusPending, nil},
		{"the same one again", want(two), []identity.User{ada, ada}, StatusPending, ErrTwice},
		{"the same one from a second account", want(two), []identity.User{ada, ada2}, StatusPending, ErrTwice},
		{"two of two", want(two), []identity.User{ada, bob}, StatusApproved, nil},
		{"two rules, one person in both", want(stage(t, "a", 1, "", "group:Stewards"), stage(t, "b", 1, "", "group:Privacy")), []identity.User{dora, dora}, StatusPending, ErrTwice},
		{"two rules, a person each", want(stage(t, "a", 1, "", "group:Stewards"), stage(t, "b", 1, "", "group:Privacy")), []identity.User{dora, carol}, StatusApproved, nil},
		{"a later stage waits for the first", want(stage(t, "r", 1, "", "group:Stewards"), stage(t, "r", 2, "", "group:Privacy")), []identity.User{carol}, StatusPending, ErrNotApprover},
		{"one of each", want(each), []identity.User{ada, carol}, StatusApproved, nil},
		{"two of one kind", want(each), []identity.User{ada, bob}, StatusPending, ErrTaken},
		{"who is of both kinds takes the place that is left", want(each), []identity.User{ada, dora}, StatusApproved, nil},
		{"and moves to the other when somebody comes who is of one kind", want(each), []identity.User{dora, ada}, StatusApproved, nil},
		{"and to the first", want(each), []identity.User{dora, carol}, StatusApproved, nil},
		{"one person does not take both places", want(each), []identity.User{dora, dora}, StatusPending, ErrTwice},

		{"no stage at all: nobody can", want(), []identity.User{ada}, StatusPending, ErrNotApprover},
		{"a stage of nobody", want(Stage{Rule: "r", Number: 1, Need: 1}), []identity.User{ada}, StatusPending, ErrNotApprover},
		{"a stage of nobody, one each", want(Stage{Rule: "r", Number: 1, Every: true}), []identity.User{ada}, StatusPending, ErrNotApprover},
		{"a stage of nobody behind one of somebody", want(stage(t, "r", 1, "", "group:Stewards"), Stage{Rule: "r", Number: 2, Every: true}), []identity.User{ada}, StatusPending, nil},
		{"a stage that needs none needs one", want(stage(t, "r", 1, "", "group:Stewards"), Stage{Rule: "r", Number: 2, Approvers: matcher(t, "group:Privacy").Alternatives()}), []identity.User{ada}, StatusPending, nil},
		{"a rule denies", Requirement{Denied: "no", Stages: []Stage{two}, AtMost: time.Hour}, []identity.User{ada}, StatusPending, ErrRuleDenies},
		{"an account without an id", want(stage(t, "r", 1, "", "everyone")), []identity.User{{Issuer: "i", Subject: "s"}}, StatusPending, ErrNotApprover},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := approve(requestOf(person("somebody", "")), c.q, c.people...)
			if r.Status != c.status || !errors.Is(err, c.err) {
				t.Errorf("it is %s and the last was told %v, not %s and %v", r.Status, err, c.status, c.err)
			}
		})
	}
}

// Rules may change between two approvals: what counts is what they say when somebody decides.
func TestRulesMayChangeBetweenTwoApprovals(t *testing.T) {
	two := want(stage(t, "r", 1, "2", "group:Stewards"))
	half, err := approve(requestOf(guest), two, ada)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a rule of another name starts anew, for the same people too", func(t *testing.T) {
		renamed := want(stage(t, "r2", 1, "2", "group:Stewards"))
		r, err := approve(half, renamed, bob)
		if err != nil || r.Status != StatusPending {
			t.Fatalf("what counted for a rule that is gone, counted: %s, %v", r.Status, err)
		}
		if r, err = approve(r, renamed, ada); err != nil || r.Status != StatusApproved {
			t.Errorf("who approved under the old name, may not under the new: %v", err)
		}
	})
	t.Run("named back, nobody counts twice", func(t *testing.T) {
		r, _ := approve(half, want(stage(t, "r2", 1, "2", "group:Stewards")), ada)
		if r, err := approve(r, two, ada); !errors.Is(err, ErrTwice) || r.Status != StatusPending {
			t.Errorf("ada makes up two: %s, %v", r.Status, err)
		}
		both := want(stage(t, "r", 1, "", "group:Stewards"), stage(t, "r2", 1, "", "group:Stewards"))
		if r, err := approve(r, both, ada); !errors.Is(err, ErrTwice) || r.Status != StatusPending {
			t.Errorf("ada is both: %s, %v", r.Status, err)
		}
	})
	t.Run("approvers of another kind do not take over what others approved", func(t *testing.T) {
		r, err := approve(half, want(stage(t, "r", 1, "2", "group:Privacy")), carol)
		if err != nil || r.Status != StatusPending {
			t.Errorf("a steward counts as privacy: %s, %v", r.Status, err)
		}
	})
	t.Run("where less is needed now, whoever may finishes it", func(t *testing.T) {
		one := want(stage(t, "r", 1, "", "group:Stewards"))
		if _, err := approve(half, one, carol); !errors.Is(err, ErrNotApprover) {
			t.Errorf("somebody who may not: %v", err)
		}
		for _, p := range []identity.User{bob, ada} {
			if r, err := approve(half, one, p); err != nil || r.Status != StatusApproved {
				t.Errorf("%s: %s, %v", p.ID, r.Status, err)
			}
		}
	})
	t.Run("who is not needed any more for one stage may approve the next", func(t *testing.T) {
		r, _ := approve(requestOf(guest), want(stage(t, "r", 1, "3", "group:Stewards")), ada, dora)
		fewer := want(stage(t, "r", 1, "", "group:Stewards"), stage(t, "r", 2, "", "group:Privacy"))
		if r, err := approve(r, fewer, dora); err != nil || r.Status != StatusApproved {
			t.Errorf("it is %s: %v", r.Status, err)
		}
	})
	t.Run("one person is one, however often they stand there", func(t *testing.T) {
		r := half
		r.Decisions = append(r.Decisions, half.Decisions[0])
		if two.Waits(r) == nil {
			t.Error("ada twice makes two")
		}
	})
	t.Run("stages in another order", func(t *testing.T) {
		r, _ := approve(
			requestOf(guest),
			want(stage(t, "r", 1, "", "group:Stewards"), stage(t, "r", 2, "", "group:Privacy")),
			ada,
		)
		turned := want(stage(t, "r", 1, "", "group:Privacy"), stage(t, "r", 2, "", "group:Stewards"))
		if r, err := approve(r, turned, carol); err != nil || r.Status != StatusPending {
			t.Errorf("an approval of the first stage counts for what is first now: %s, %v", r.Status, err)
		}
	})
	t.Run("less time than an earlier approver gave", func(t *testing.T) {
		r, err := requestOf(guest).Approve(two, Step{By: ada, Now: noon, For: 3 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		short := two
		short.AtMost = time.Hour
		if r, err = approve(r, short, bob); err != nil || r.Expires.Sub(r.Began) != time.Hour {
			t.Errorf("it holds for %s: %v", r.Expires.Sub(r.Began), err)
		}
	})
}

func TestNothingIsApprovedForLongerThanAnybodySaid(t *testing.T) {
	two := want(stage(t, "r", 1, "2", "group:Stewards"))
	for _, c := range []struct {
		wanted, atMost, ada, bob, want time.Duration
		err                            error
	}{
		{4 * time.Hour, 8 * time.Hour, 0, 0, 4 * time.Hour, nil},
		{9 * time.Hour, 8 * time.Hour, 0, 0, 8 * time.Hour, nil},
		{9 * time.Hour, 8 * time.Hour, time.Hour, 0, time.Hour, nil},
		{9 * time.Hour, 8 * time.Hour, time.Hour, 2 * time.Hour, time.Hour, nil},
		{9 * time.Hour, 8 * time.Hour, 9 * time.Hour, 0, 0, ErrTooLong},
		{2 * time.Hour, 8 * time.Hour, 3 * time.Hour, 0, 0, ErrTooLong},
		{2 * time.Hour, 8 * time.Hour, -time.Hour, 0, 0, ErrTooLong},
		{0, 8 * time.Hour, 0, 0, 0, ErrTooLong},
		{-time.Hour, 8 * time.Hour, 0, 0, 0, ErrTooLong},
		{time.Hour, 0, 0, 0, 0, ErrTooLong},
	} {
		r, q := requestOf(guest), two
		r.Wanted, q.AtMost = Duration(c.wanted), c.atMost
		r, err := r.Approve(q, Step{By: ada, Now: noon, For: c.ada})
		if err == nil {
			r, err = r.Approve(q, Step{By: bob, Now: noon, For: c.bob})
		}
		if !errors.Is(err, c.err) || err == nil && r.Expires.Sub(r.Began) != c.want || err != nil && !r.Began.IsZero() {
			t.Errorf("%+v: it holds for %s: %v", c, r.Expires.Sub(r.Began), err)
		}
	}
}

func TestRulesDecideByThemselvesOnlyWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		name   string
		q      Requirement
		wanted time.Duration
		want   Status
	}{
		{"nothing is said", Requirement{AtMost: time.Hour}, time.Hour, StatusPending},
		{"yes", Requirement{AtMost: time.Hour, Approved: "r", Unasked: time.Hour}, time.Hour, StatusApproved},
		{"yes, but not for so long", Requirement{AtMost: 8 * time.Hour, Approved: "r", Unasked: time.Hour}, 2 * time.Hour, StatusPending},
		{"yes, but for no time", Requirement{AtMost: time.Hour, Approved: "r"}, time.Hour, StatusPending},
		{"yes, for a time that nobody asked for", Requirement{AtMost: time.Hour, Approved: "r", Unasked: time.Hour}, 0, StatusPending},
		{"yes and no", Requirement{AtMost: time.Hour, Approved: "r", Unasked: time.Hour, Denied: "s"}, time.Hour, StatusDenied},
	} {
		r := requestOf(guest)
		r.Wanted = Duration(c.wanted)
		got := r.Automatically(c.q, "audit-1", noon)
		if steps := len(got.Decisions); got.Status != c.want || got.Version != steps ||
			(steps == 1) != (c.want != StatusPending) {
			t.Errorf("%s: it is %s after %d steps, not %s", c.name, got.Status, steps, c.want)
		}
	}
	lapsed := requestOf(guest)
	if got := lapsed.Automatically(Requirement{AtMost: time.Hour, Approved: "r", Unasked: 9 * time.Hour}, "", lapsed.Lapses); got.Status != StatusPending ||
		got.Version != 0 {
		t.Errorf("a request that has lapsed is %s", got.Status)
	}
}

func TestWhatHasEndedStaysAsItIs(t *testing.T) {
	q := want(stage(t, "r", 1, "", "group:Stewards"))
	approved, err := approve(requestOf(guest), q, ada)
	if err != nil {
		t.Fatal(err)
	}
	denied, _ := requestOf(guest).Deny(q, by(ada))
	revoked, _ := approved.Revoke(q, by(bob))
	cancelled, _ := requestOf(guest).Cancel("a", noon)
	lapsed, _ := requestOf(guest).Lapse(noon.Add(24 * time.Hour))
	over, _ := approved.Lapse(approved.Expires)
	for status, r := range map[Status]Request{StatusDenied: denied, StatusRevoked: revoked, StatusCancelled: cancelled, StatusExpired: lapsed, "over": over} {
		if r.Status != status && status != "over" || r.Open() {
			t.Fatalf("%s is %s", status, r.Status)
		}
		// whatever the clock says
		for _, now := range []time.Time{noon.Add(-time.Hour), noon.Add(time.Minute), noon.Add(48 * time.Hour)} {
			s := Step{By: bob, Now: now}
			for name, step := range map[string]func() (Request, error){
				"approve": func() (Request, error) { return r.Approve(q, s) }, "deny": func() (Request, error) { return r.Deny(q, s) },
				"revoke": func() (Request, error) { return r.Revoke(q, s) }, "cancel": func() (Request, error) { return r.Cancel("a", now) },
			} {
				if after, err := step(); err == nil || after.Status != r.Status || after.Version != r.Version {
					t.Errorf("%s: %s makes it %s: %v", status, name, after.Status, err)
				}
			}
			if _, ok := r.Lapse(now); ok {
				t.Errorf("%s lapses", status)
			}
			if _, ok := r.Approval(now); ok {
				t.Errorf("%s opens something", status)
			}
			if after := r.Automatically(Requirement{Approved: "r", Unasked: time.Hour * 24, AtMost: time.Hour * 24}, "", now); after.Status != r.Status {
				t.Errorf("%s: a rule makes it %s", status, after.Status)
			}
		}
	}
}

func TestAnApprovalEndsToTheSecond(t *testing.T) {
	q := want(stage(t, "r", 1, "", "group:Stewards"))
	r, err := requestOf(guest).Approve(q, Step{By: ada, Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	who := identity.Principal{Agent: bot, User: &guest}
	for at, open := range map[time.Time]bool{
		noon.Add(-time.Nanosecond): false, noon: true,
		noon.Add(4*time.Hour - time.Nanosecond): true, noon.Add(4 * time.Hour): false,
	} {
		a, ok := r.Approval(at)
		if ok != open || ok && !a.CountsFor(who, at) {
			t.Errorf("at %s it opens: %v", at, ok)
		}
	}
	a, _ := r.Approval(noon)
	if a.CountsFor(who, noon.Add(4*time.Hour)) {
		t.Error("an approval that was looked up before its end counts after it")
	}
}

// Go's clock has two hands: a comparison of two times it has read uses the one that stands still while the machine
// sleeps.
func TestWhatWasApprovedEndsByTheClockOnTheWall(t *testing.T) {
	now := time.Now()
	if !strings.Contains(now.String(), "m=") {
		t.Skip("this clock has one hand only")
	}
	r := requestOf(guest)
	r.Lapses = now.Add(time.Hour)
	r, err := r.Approve(want(stage(t, "r", 1, "", "group:Stewards")), Step{By: ada, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for what, at := range map[string]time.Time{"began": r.Began, "expires": r.Expires, "decided": r.Decisions[0].Time} {
		if strings.Contains(at.String(), "m=") {
			t.Errorf("%s: %s", what, at)
		}
	}
}

func TestWhoeverApprovedMayRevokeWhateverTheRulesSayNow(t *testing.T) {
	r, err := approve(requestOf(guest), want(stage(t, "r", 1, "", "group:Stewards")), ada)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []identity.User{ada, bob, guest} { // guest is the one who asked
		if got := (Requirement{}).Concerns(r, p); got == (p.ID == "bob") {
			t.Errorf("%s may know of it: %v", p.ID, got)
		}
	}
	if _, err := r.Revoke(Requirement{}, by(bob)); !errors.Is(err, ErrNotApprover) {
		t.Errorf("somebody else: %v", err)
	}
	namesake := ada
	namesake.Subject, namesake.ID = "another", "another"
	if _, err := r.Revoke(Requirement{}, by(namesake)); !errors.Is(err, ErrNotApprover) {
		t.Errorf("somebody with the address of one who approved: %v", err)
	}
	if r, err = r.Revoke(Requirement{}, by(ada)); err != nil || r.Status != StatusRevoked {
		t.Errorf("who approved: %v", err)
	}
}

func TestARequestIsItsAskersAlone(t *testing.T) {
	mine := AskerOf(identity.Principal{Agent: bot, User: &ada})
	agents := AskerOf(identity.Principal{Agent: bot})
	nameless := func(id string) *identity.User {
		return &identity.User{Identity: party(identity.KindUser, id, nil, nil)}
	}
	for _, c := range []struct {
		name string
		a    Asker
		who  identity.Principal
		is   bool
	}{
		{"through the same agent", mine, identity.Principal{Agent: bot, User: &ada}, true},
		{"through another agent", mine, identity.Principal{Agent: euBot, User: &ada}, true},
		{"another human", mine, identity.Principal{Agent: bot, User: &bob}, false},
		{"the agent on its own", mine, identity.Principal{Agent: bot}, false},
		{"the agent's own", agents, identity.Principal{Agent: bot}, true},
		{"the agent's own, for a human", agents, identity.Principal{Agent: bot, User: &ada}, false},
		{"another agent's", agents, identity.Principal{Agent: euBot}, false},
		{"two that no issuer knows are not one", AskerOf(on(nameless("a"))), on(nameless("b")), false},
		{"one that no issuer knows", AskerOf(on(nameless("a"))), on(nameless("a")), true},
	} {
		if got := c.a.Is(c.who); got != c.is || (AskerOf(c.who).Key() == c.a.Key()) != c.is {
			t.Errorf("%s: it is theirs: %v", c.name, got)
		}
	}
}
