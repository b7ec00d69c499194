package entitlements_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"deputy/entitlements"
	"deputy/identity"
	"deputy/internal/testkit/world"
)

// seenWith is a line of what is decided: through whom, each column's masks, the filters, the grants, and until when.
func seenWith(e *entitlements.Entitlements, who identity.Principal, name entitlements.TableName) string {
	a, denial := e.Decide(who, name)
	if denial != nil {
		return fmt.Sprint("denied, requestable: ", denial.Requestable)
	}
	s := string(a.Via)
	for _, c := range a.Columns {
		for _, m := range c.Masks {
			s += fmt.Sprintf(" %s:%s", c.Name, m.Kind)
		}
	}
	s += fmt.Sprint(" ", a.Grants, " ", a.FilterPolicies())
	if a.Requests != nil || !a.Until.IsZero() {
		s += fmt.Sprint(" by ", a.Requests, " until ", a.Until.Format(time.TimeOnly))
	}
	return s
}

func TestWhatAnApprovalOpens(t *testing.T) {
	e := world.Compile(t, world.Parse(t, world.Approvable))
	contractor := world.User("cora", []string{"Marketing", "Contractors"})
	through := func(a entitlements.Approval, agent string) entitlements.Approval { a.Through = agent; return a }
	until := func(a entitlements.Approval, end time.Time) entitlements.Approval { a.Expires = end; return a }
	byAgent := func(a entitlements.Approval) entitlements.Approval { a.For.User = nil; return a }
	const masked = "user lastname:hash order_total:null [marketing reads sales] [own region]"
	const closed = "denied, requestable: true"
	for _, c := range []struct {
		name  string
		who   identity.Principal
		table entitlements.TableName
		has   []entitlements.Approval
		want  string
	}{
		{"nothing was approved", world.On(world.Taylor), world.Orders, nil, masked},
		{"a column in the clear", world.On(world.Taylor), world.Orders, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Orders, false, "lastname")},
			"user order_total:null [marketing reads sales] [own region] by [r1] until 13:00:00"},
		{"two, and the first end counts", world.On(world.Taylor), world.Orders,
			[]entitlements.Approval{world.Approval("r1", world.Taylor, world.Orders, false, "lastname"), until(world.Approval("r0", world.Taylor, world.Orders, false, "order_total"), world.Noon.Add(time.Minute))},
			"user [marketing reads sales] [own region] by [r0 r1] until 12:01:00"},
		{"two for one column, of which the longer one counts", world.On(world.Taylor), world.Orders,
			[]entitlements.Approval{world.Approval("r1", world.Taylor, world.Orders, false, "lastname"), until(world.Approval("r0", world.Taylor, world.Orders, false, "lastname"), world.Noon.Add(time.Minute))},
			"user order_total:null [marketing reads sales] [own region] by [r1] until 13:00:00"},
		{"a mask for somebody stays, and comes into force", world.On(contractor), world.Orders, []entitlements.Approval{world.Approval("r1", contractor, world.Orders, false, "order_total")},
			"user lastname:hash order_total:round [marketing reads sales] [own region] by [r1] until 13:00:00"},
		{"a column that is clear rests on nothing", world.On(world.Taylor), world.Orders, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Orders, false, "region")}, masked},
		{"a table", world.On(world.Taylor), world.Refunds, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Refunds, true)}, "user reason:hash [request r1] [own region] by [r1] until 13:00:00"},
		{"a table and its column", world.On(world.Taylor), world.Refunds, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Refunds, true, "reason")}, "user [request r1] [own region] by [r1] until 13:00:00"},
		{"a table, and its column by another", world.On(world.Taylor), world.Refunds, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Refunds, true), world.Approval("r2", world.Taylor, world.Refunds, false, "reason")},
			"user [request r1] [own region] by [r1 r2] until 13:00:00"},
		{"a column of a table that it does not open", world.On(world.Taylor), world.Refunds, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Refunds, false, "reason")}, closed},
		{"a table that is open anyway does not rest on it", world.On(world.Taylor), world.Orders, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Orders, true)},
			"user lastname:hash order_total:null [marketing reads sales request r1] [own region]"},
		{"a table that two open rests on the longer one", world.On(world.Taylor), world.Refunds,
			[]entitlements.Approval{until(world.Approval("r0", world.Taylor, world.Refunds, true), world.Noon.Add(time.Minute)), world.Approval("r1", world.Taylor, world.Refunds, true)},
			"user reason:hash [request r0 request r1] [own region] by [r1] until 13:00:00"},
		{"never against a guardrail", world.On(world.Taylor), world.Customers, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Customers, true, "email")}, "denied, requestable: false"},

		{"somebody else's", world.On(world.Priya), world.Refunds, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Refunds, true)}, closed},
		{"the human's, for the agent on its own", identity.Principal{Agent: world.Bot}, world.Refunds, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Refunds, true)}, closed},
		{"the agent's own", identity.Principal{Agent: world.Bot}, world.Refunds, []entitlements.Approval{byAgent(world.Approval("r1", world.Taylor, world.Refunds, true))},
			"agent reason:hash [request r1] [own region] by [r1] until 13:00:00"},
		{"the agent's own, for a human", world.On(world.Taylor), world.Refunds, []entitlements.Approval{byAgent(world.Approval("r1", world.Taylor, world.Refunds, true))}, closed},
		{"the agent's own, against a guardrail", identity.Principal{Agent: world.Bot}, world.Customers, []entitlements.Approval{byAgent(world.Approval("r1", world.Taylor, world.Customers, true))}, "denied, requestable: false"},
		{"through the agent that it is for", world.On(world.Taylor), world.Refunds, []entitlements.Approval{through(world.Approval("r1", world.Taylor, world.Refunds, true), world.Bot.ID)},
			"user reason:hash [request r1] [own region] by [r1] until 13:00:00"},
		{"through another", world.On(world.Taylor), world.Refunds, []entitlements.Approval{through(world.Approval("r1", world.Taylor, world.Refunds, true), "another")}, closed},
		{"that has ended", world.On(world.Taylor), world.Refunds, []entitlements.Approval{until(world.Approval("r1", world.Taylor, world.Refunds, true), world.Noon)}, closed},
		{"of another table", world.On(world.Taylor), world.Refunds, []entitlements.Approval{world.Approval("r1", world.Taylor, entitlements.TableName{Schema: "hr", Name: "refunds"}, true)}, closed},
		{"of a column that is gone", world.On(world.Taylor), world.Orders, []entitlements.Approval{world.Approval("r1", world.Taylor, world.Orders, false, "gone")}, masked},
		{"by nobody who was verified", identity.Principal{}, world.Refunds, []entitlements.Approval{{Request: "r1", Table: world.Refunds, Opens: true, Expires: world.Noon.Add(time.Hour)}}, "denied, requestable: false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			with := e.With(c.has, world.Noon)
			if got := seenWith(with, c.who, c.table); got != c.want {
				t.Errorf("it is\n%s\nnot\n%s", got, c.want)
			}
			if got, want := seenWith(with.With(nil, world.Noon), c.who, c.table), seenWith(e, c.who, c.table); got != want {
				t.Errorf("without the approvals it is\n%s\nnot\n%s", got, want)
			}
		})
	}
}

func TestWhatIsApprovedIsVisible(t *testing.T) {
	e := world.Compile(t, world.Parse(t, world.Approvable)).
		With([]entitlements.Approval{world.Approval("r1", world.Taylor, world.People, true)}, world.Noon)
	for who, want := range map[*identity.User]bool{world.Taylor: true, world.Priya: false} {
		got := slices.ContainsFunc(
			e.Visible(world.On(who)),
			func(v entitlements.Visible) bool { return v.Table == world.People && v.Access != nil },
		)
		if got != want {
			t.Errorf("%s sees that the table is there: %v", who.ID, got)
		}
	}
	if within := e.Within([]string{"hr"}); seenWith(
		within,
		world.On(world.Taylor),
		world.People,
	) != seenWith(
		e,
		world.On(world.Taylor),
		world.People,
	) {
		t.Error("it is not approved any more where only some schemas are there")
	}
}

// BenchmarkWith is one call's decision, with approvals and without: counting them has to cost next to nothing beside
// the decision.
func BenchmarkWith(b *testing.B) {
	e := world.Compile(b, world.Parse(b, world.Approvable))
	some := []entitlements.Approval{
		world.Approval("r1", world.Taylor, world.Orders, false, "lastname"),
		world.Approval("r2", world.Taylor, world.Refunds, true),
		world.Approval("r3", world.Taylor, world.People, true),
	}
	for name, has := range map[string][]entitlements.Approval{"none": nil, "three": some} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.With(has, world.Noon).Decide(world.On(world.Taylor), world.Orders)
			}
		})
	}
}

// A call without approvals, as nearly all are, must not pay for them; one with some pays a few allocations.
func TestApprovalsCostNextToNothing(t *testing.T) {
	e := world.Compile(t, world.Parse(t, world.Approvable))
	some := []entitlements.Approval{
		world.Approval("r1", world.Taylor, world.Orders, false, "lastname"),
		world.Approval("r2", world.Taylor, world.Refunds, true),
		world.Approval("r3", world.Taylor, world.People, true),
	}
	cost := func(has []entitlements.Approval) float64 {
		return testing.AllocsPerRun(100, func() { e.With(has, world.Noon).Decide(world.On(world.Taylor), world.Orders) })
	}
	plain := testing.AllocsPerRun(100, func() { e.Decide(world.On(world.Taylor), world.Orders) })
	if none := cost(nil); none != plain {
		t.Errorf("%v allocations without approvals, %v without asking for any", none, plain)
	}
	if with := cost(some); with > plain+10 {
		t.Errorf("%v allocations with three approvals, %v without", with, plain)
	}
}
