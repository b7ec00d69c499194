package requests

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deputy/identity"

	"deputy/entitlements"
)

// human is somebody with several accounts: in one of the groups, and known by their address, however it is written.
type human struct {
	name     string
	groups   []string
	accounts []identity.User
}

func genHumans() *rapid.Generator[[]human] {
	return rapid.Custom(func(t *rapid.T) (out []human) {
		for i := range 5 {
			h := human{name: fmt.Sprint("h", i)}
			h.groups = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C"}), 0, 3, rapid.ID).Draw(t, "groups")
			h.accounts = []identity.User{
				person(h.name, h.name+"@example.com", h.groups...),
				person(h.name+"-admin", "H"+h.name[1:]+"@EXAMPLE.com", h.groups...),
			}
			out = append(out, h)
		}
		return out
	})
}

func genRequirement() *rapid.Generator[Requirement] {
	return rapid.Custom(func(t *rapid.T) Requirement {
		q := Requirement{
			AtMost:      time.Duration(rapid.IntRange(1, 6).Draw(t, "at most")) * time.Hour,
			OnlyThrough: rapid.Bool().Draw(t, "only"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "stages") {
			s := Stage{
				Rule:   rapid.SampledFrom([]string{"r", "s"}).Draw(t, "rule"),
				Number: rapid.IntRange(1, 2).Draw(t, "number"),
				Need:   rapid.IntRange(0, 3).Draw(t, "need"),
				Every:  rapid.Bool().Draw(t, "every"),
			}
			if slices.ContainsFunc(q.Stages, func(o Stage) bool { return o.Rule == s.Rule && o.Number == s.Number }) {
				continue
			}
			for range rapid.IntRange(0, 2).Draw(t, "approvers") {
				s.Approvers = append(
					s.Approvers,
					matcher(
						t,
						rapid.SampledFrom([]string{"group:A", "group:B", "[group:A, group:C]", "{not: group:A}"}).Draw(t, "of"),
					),
				)
			}
			q.Stages = append(q.Stages, s)
		}
		if rapid.IntRange(0, 5).Draw(t, "itself") == 0 {
			q.Approved, q.Unasked = "r", time.Duration(rapid.IntRange(0, 3).Draw(t, "unasked"))*time.Hour
		}
		return q
	})
}

// enough reports whether the humans can fill every place of every stage, each of them one. It tries all ways there are.
func enough(q Requirement, humans []human) bool {
	var places []func(human) bool
	for _, s := range q.Stages {
		is := func(of []*entitlements.Matcher) func(human) bool {
			return func(h human) bool {
				return slices.ContainsFunc(of, func(m *entitlements.Matcher) bool {
					return m.Holds(&h.accounts[0].Identity, &identity.Principal{User: &h.accounts[0]})
				})
			}
		}
		switch {
		case len(s.Approvers) == 0:
			return false
		case s.Every:
			for _, m := range s.Approvers {
				places = append(places, is([]*entitlements.Matcher{m}))
			}
		default:
			for range max(s.Need, 1) {
				places = append(places, is(s.Approvers))
			}
		}
	}
	var fill func(places []func(human) bool, left []human) bool
	fill = func(places []func(human) bool, left []human) bool {
		if len(places) == 0 {
			return true
		}
		for i, h := range left {
			if places[0](h) && fill(places[1:], slices.Concat(left[:i], left[i+1:])) {
				return true
			}
		}
		return false
	}
	return len(places) > 0 && fill(places, humans)
}

// From any sequence of steps by anybody, under rules that may change before each: what is in force was approved by
// enough people, each of them once, and none of them the one who asked.
func TestWhatIsInForceWasApprovedByEnoughOthers(t *testing.T) {
	inForce, half := 0, 0
	check := func(t *rapid.T) {
		humans := genHumans().Draw(t, "humans")
		asker := humans[0]
		r := requestOf(asker.accounts[rapid.IntRange(0, 1).Draw(t, "account")])
		if rapid.Bool().Draw(t, "agent") {
			r.Asker = Asker{Agent: "nightly", Owner: rapid.SampledFrom([]string{"h0", "H0@example.com"}).Draw(t, "owner")}
			if r.Asker.Owner == "h0" { // of an owner who is named by an id, no other account can be known
				humans[0].accounts = humans[0].accounts[:1]
			}
		}
		r.Wanted = Duration(rapid.IntRange(1, 6).Draw(t, "wanted")) * Duration(time.Hour)
		now, q := noon, genRequirement().Draw(t, "rules")
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 1, 30, 600, -30}).Draw(t, "minutes")) * time.Minute)
			if rapid.IntRange(0, 4).Draw(t, "change") == 0 {
				q = genRequirement().Draw(t, "rules")
			}
			who := rapid.SampledFrom(humans).Draw(t, "who")
			s := Step{
				ID:  "a",
				Now: now,
				By:  rapid.SampledFrom(who.accounts).Draw(t, "account"),
				For: time.Duration(rapid.IntRange(0, 2).Draw(t, "for")) * time.Hour,
			}
			before, err := r, error(nil)
			step := rapid.SampledFrom([]string{"approve", "approve", "approve", "approve", "approve", "approve", "rules", "deny", "revoke", "cancel", "lapse"}).
				Draw(t, "step")
			switch step {
			case "approve":
				r, err = r.Approve(q, s)
			case "rules":
				r = r.Automatically(q, "a", now)
			case "deny":
				r, err = r.Deny(q, s)
			case "revoke":
				r, err = r.Revoke(q, s)
			case "cancel":
				r, err = r.Cancel("a", now)
			case "lapse":
				r, _ = r.Lapse(now)
			}
			changed := r.Status != before.Status || len(r.Decisions) != len(before.Decisions)
			switch {
			case err != nil && (changed || r.Version != before.Version):
				t.Fatalf("%s was refused (%v) and changed it", step, err)
			case changed && r.Version != before.Version+1 || !changed && r.Version != before.Version:
				t.Fatalf("%s makes version %d of %d", step, r.Version, before.Version)
			case !before.Open() && changed:
				t.Fatalf("%s makes %s of what was %s", step, r.Status, before.Status)
			case before.At(now).Status == StatusExpired && r.Status != StatusExpired && changed:
				t.Fatalf("%s makes %s of what had come to its end", step, r.Status)
			case who.name == asker.name && (step == "approve" || step == "deny" || step == "revoke") && changed:
				t.Fatalf("%s by the one who asked", step)
			}
			if before.Status == StatusPending && len(r.Decisions) > 0 && r.Status == StatusPending {
				half++
			}
			if r.Status != StatusApproved || before.Status == StatusApproved {
				continue
			}
			inForce++
			least := min(time.Duration(r.Wanted), q.AtMost)
			var approved []human
			for _, d := range r.Decisions {
				least = min(least, cmp.Or(time.Duration(d.For), least))
				for _, h := range humans {
					if d.Verdict == VerdictApprove && d.By != nil &&
						slices.ContainsFunc(h.accounts, func(u identity.User) bool { return u.ID == d.By.ID }) {
						approved = append(approved, h)
					}
				}
			}
			slices.SortFunc(approved, func(a, b human) int { return cmp.Compare(a.name, b.name) })
			approved = slices.CompactFunc(approved, func(a, b human) bool { return a.name == b.name })
			switch {
			case step == "rules" && (q.Approved == "" || time.Duration(r.Wanted) > q.Unasked):
				t.Fatal("rules that leave it to people approved it")
			case step == "approve" && !enough(q, approved):
				t.Fatalf("approved by %v under %+v", approved, q.Stages)
			case slices.ContainsFunc(approved, func(h human) bool { return h.name == asker.name }):
				t.Fatal("the one who asked is one of those who approved")
			case r.Expires.Sub(r.Began) > least || r.Expires.Sub(r.Began) <= 0:
				t.Fatalf("it holds for %s, and somebody said %s", r.Expires.Sub(r.Began), least)
			case q.OnlyThrough != (r.Through == r.Asker.Agent):
				t.Fatalf("it counts through %q", r.Through)
			}
			if _, ok := r.Approval(r.Expires.Add(-1)); !ok {
				t.Fatal("it ends before its end")
			}
			if _, ok := r.Approval(r.Expires); ok {
				t.Fatal("it does not end at its end")
			}
		}
	}
	for range 20 { // until enough came of it
		if rapid.Check(t, check); inForce >= 5 && half >= 5 {
			break
		}
	}
	if inForce < 5 || half < 5 {
		t.Errorf("%d came into force, and %d were approved in part: this proves nothing", inForce, half)
	}
}
