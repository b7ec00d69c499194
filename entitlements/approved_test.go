package entitlements

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"deputy/identity"
)

const approvable = `
discoverable: [sales.refunds]
policies:
  - {name: marketing reads sales, grant: [sales.customer_orders, eu.*], to: group:Marketing}
  - {name: EU data stays in the EU, guardrail: [eu.*], require: attribute:residency=EU}
  - {name: hide personal data, mask: [sales.customer_orders.lastname, sales.refunds.reason], with: hash, except: group:Privacy}
  - {name: totals of others, mask: [sales.customer_orders.order_total], with: null, when: region <> 'EU', except: group:Finance}
  - {name: rounded totals, mask: ["sales.*.order_total"], with: {round: 100}, for: group:Contractors}
  - {name: own region, filter: [sales.customer_orders, sales.refunds], where: region = any(:attribute.region), except: group:HQ}
`

func approval(id string, u *identity.User, table TableName, opens bool, columns ...string) Approval {
	return Approval{
		Request: id,
		Asker:   AskerOf(on(u)),
		Table:   table,
		Opens:   opens,
		Columns: columns,
		Expires: noon.Add(time.Hour),
	}
}

// seenWith is a line of what is decided: through whom, each column's masks, the filters, the grants, and until when.
func seenWith(e *Entitlements, who identity.Principal, name TableName) string {
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
	e := compile(t, parse(t, approvable))
	contractor := user("cora", []string{"Marketing", "Contractors"})
	through := func(a Approval, agent string) Approval { a.Through = agent; return a }
	until := func(a Approval, end time.Time) Approval { a.Expires = end; return a }
	byAgent := func(a Approval) Approval { a.Asker.User = nil; return a }
	const masked = "user lastname:hash order_total:null [marketing reads sales] [own region]"
	const closed = "denied, requestable: true"
	for _, c := range []struct {
		name  string
		who   identity.Principal
		table TableName
		has   []Approval
		want  string
	}{
		{"nothing was approved", on(taylor), orders, nil, masked},
		{"a column in the clear", on(taylor), orders, []Approval{approval("r1", taylor, orders, false, "lastname")},
			"user order_total:null [marketing reads sales] [own region] by [r1] until 13:00:00"},
		{"two, and the first end counts", on(taylor), orders,
			[]Approval{approval("r1", taylor, orders, false, "lastname"), until(approval("r0", taylor, orders, false, "order_total"), noon.Add(time.Minute))},
			"user [marketing reads sales] [own region] by [r0 r1] until 12:01:00"},
		{"two for one column, of which the longer one counts", on(taylor), orders,
			[]Approval{approval("r1", taylor, orders, false, "lastname"), until(approval("r0", taylor, orders, false, "lastname"), noon.Add(time.Minute))},
			"user order_total:null [marketing reads sales] [own region] by [r1] until 13:00:00"},
		{"a mask for somebody stays, and comes into force", on(contractor), orders, []Approval{approval("r1", contractor, orders, false, "order_total")},
			"user lastname:hash order_total:round [marketing reads sales] [own region] by [r1] until 13:00:00"},
		{"a column that is clear rests on nothing", on(taylor), orders, []Approval{approval("r1", taylor, orders, false, "region")}, masked},
		{"a table", on(taylor), refunds, []Approval{approval("r1", taylor, refunds, true)}, "user reason:hash [request r1] [own region] by [r1] until 13:00:00"},
		{"a table and its column", on(taylor), refunds, []Approval{approval("r1", taylor, refunds, true, "reason")}, "user [request r1] [own region] by [r1] until 13:00:00"},
		{"a table, and its column by another", on(taylor), refunds, []Approval{approval("r1", taylor, refunds, true), approval("r2", taylor, refunds, false, "reason")},
			"user [request r1] [own region] by [r1 r2] until 13:00:00"},
		{"a column of a table that it does not open", on(taylor), refunds, []Approval{approval("r1", taylor, refunds, false, "reason")}, closed},
		{"a table that is open anyway does not rest on it", on(taylor), orders, []Approval{approval("r1", taylor, orders, true)},
			"user lastname:hash order_total:null [marketing reads sales request r1] [own region]"},
		{"a table that two open rests on the longer one", on(taylor), refunds,
			[]Approval{until(approval("r0", taylor, refunds, true), noon.Add(time.Minute)), approval("r1", taylor, refunds, true)},
			"user reason:hash [request r0 request r1] [own region] by [r1] until 13:00:00"},
		{"never against a guardrail", on(taylor), customers, []Approval{approval("r1", taylor, customers, true, "email")}, "denied, requestable: false"},

		{"somebody else's", on(priya), refunds, []Approval{approval("r1", taylor, refunds, true)}, closed},
		{"the human's, for the agent on its own", identity.Principal{Agent: bot}, refunds, []Approval{approval("r1", taylor, refunds, true)}, closed},
		{"the agent's own", identity.Principal{Agent: bot}, refunds, []Approval{byAgent(approval("r1", taylor, refunds, true))},
			"agent reason:hash [request r1] [own region] by [r1] until 13:00:00"},
		{"the agent's own, for a human", on(taylor), refunds, []Approval{byAgent(approval("r1", taylor, refunds, true))}, closed},
		{"the agent's own, against a guardrail", identity.Principal{Agent: bot}, customers, []Approval{byAgent(approval("r1", taylor, customers, true))}, "denied, requestable: false"},
		{"through the agent that it is for", on(taylor), refunds, []Approval{through(approval("r1", taylor, refunds, true), bot.ID)},
			"user reason:hash [request r1] [own region] by [r1] until 13:00:00"},
		{"through another", on(taylor), refunds, []Approval{through(approval("r1", taylor, refunds, true), "another")}, closed},
		{"that has ended", on(taylor), refunds, []Approval{until(approval("r1", taylor, refunds, true), noon)}, closed},
		{"of another table", on(taylor), refunds, []Approval{approval("r1", taylor, TableName{"hr", "refunds"}, true)}, closed},
		{"of a column that is gone", on(taylor), orders, []Approval{approval("r1", taylor, orders, false, "gone")}, masked},
		{"by nobody who was verified", identity.Principal{}, refunds, []Approval{{Request: "r1", Table: refunds, Opens: true, Expires: noon.Add(time.Hour)}}, "denied, requestable: false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			with := e.With(c.has, noon)
			if got := seenWith(with, c.who, c.table); got != c.want {
				t.Errorf("it is\n%s\nnot\n%s", got, c.want)
			}
			if got, want := seenWith(with.With(nil, noon), c.who, c.table), seenWith(e, c.who, c.table); got != want {
				t.Errorf("without the approvals it is\n%s\nnot\n%s", got, want)
			}
		})
	}
}

func TestWhatIsApprovedIsVisible(t *testing.T) {
	e := compile(t, parse(t, approvable)).With([]Approval{approval("r1", taylor, people, true)}, noon)
	for who, want := range map[*identity.User]bool{taylor: true, priya: false} {
		got := slices.ContainsFunc(e.Visible(on(who)), func(v Visible) bool { return v.Table == people && v.Access != nil })
		if got != want {
			t.Errorf("%s sees that the table is there: %v", who.ID, got)
		}
	}
	if within := e.Within([]string{"hr"}); seenWith(within, on(taylor), people) != seenWith(e, on(taylor), people) {
		t.Error("it is not approved any more where only some schemas are there")
	}
}

func TestARuleThatNamesATableOpensItAndShowsNoColumnInTheClear(t *testing.T) {
	for about, want := range map[string]error{"[sales]": ErrNotAskable, "[sales.customer_orders]": ErrNotAskable, "[sales.*.*]": nil, "[sales.customer_orders.lastname]": nil} {
		e := compile(t, parse(t, approvable+"rules: [{name: r, about: "+about+", approvers: group:Stewards}]\n"))
		if _, err := e.Ask(on(taylor), orders, []string{"lastname"}); !errors.Is(err, want) {
			t.Errorf("about %s: %v", about, err)
		}
	}
}

func TestWhatIsApprovedIsNotAskedForAgain(t *testing.T) {
	cfg := parse(t, approvable+"rules: [{name: r, about: [sales, sales.*.*], approvers: group:Stewards}]\n")
	e := compile(
		t,
		cfg,
	).With([]Approval{approval("r1", taylor, refunds, true), approval("r2", taylor, orders, false, "lastname")}, noon)
	for table, columns := range map[TableName][]string{refunds: nil, orders: {"lastname"}} {
		if _, err := e.Ask(on(taylor), table, columns); err != ErrHaveIt {
			t.Errorf("%s: %v", table, err)
		}
	}
	if ask, err := e.Ask(on(taylor), orders, []string{"lastname", "order_total"}); err != nil ||
		fmt.Sprint(ask.Columns) != "[order_total]" {
		t.Errorf("what is left is %v: %v", ask.Columns, err)
	}
}

func TestExplainShowsWhatWasApproved(t *testing.T) {
	e := compile(t, parse(t, approvable))
	only := approval("r2", taylor, refunds, true)
	only.Through = "another"
	e = e.With(
		[]Approval{approval("r1", taylor, refunds, true, "reason"), only, approval("r3", priya, refunds, true)},
		noon,
	)
	x, _ := e.Explain(on(taylor), refunds)
	want := []GrantVerdict{
		{Policy: "request r1", To: "user:taylor", Opens: ViaUser, Missing: []string{}, Until: noon.Add(time.Hour)},
		{
			Policy:  "request r2",
			To:      "{all: [user:taylor, agent:another]}",
			Missing: []string{"agent:another"},
			Until:   noon.Add(time.Hour),
		},
	}
	if fmt.Sprint(x.Grants) != fmt.Sprint(want) {
		t.Errorf("grants: %+v", x.Grants)
	}
	if m := x.Columns[0].Masks[0]; m.Outcome != Lifted || m.Request != "r1" || !m.Until.Equal(noon.Add(time.Hour)) ||
		!x.Columns[0].Clear ||
		!x.Until.Equal(m.Until) {
		t.Errorf("the mask: %+v, clear: %v", m, x.Columns[0].Clear)
	}
	contractor := user("cora", []string{"Marketing", "Contractors"})
	x, _ = compile(
		t,
		parse(t, approvable),
	).With([]Approval{approval("r1", contractor, orders, false, "order_total")}, noon).
		Explain(on(contractor), orders)
	var outcomes []Outcome
	for _, m := range x.Columns[2].Masks {
		outcomes = append(outcomes, m.Outcome)
	}
	if fmt.Sprint(outcomes) != "[applies lifted]" || x.Columns[2].Clear {
		t.Errorf("a mask that stays, beside one that is lifted: %v", outcomes)
	}
}

// BenchmarkWith is one call's decision, with approvals and without: counting them has to cost next to nothing beside
// the decision.
func BenchmarkWith(b *testing.B) {
	e := compile(b, parse(b, approvable))
	some := []Approval{
		approval("r1", taylor, orders, false, "lastname"),
		approval("r2", taylor, refunds, true),
		approval("r3", taylor, people, true),
	}
	for name, has := range map[string][]Approval{"none": nil, "three": some} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.With(has, noon).Decide(on(taylor), orders)
			}
		})
	}
}

// A call without approvals, as nearly all are, must not pay for them; one with some pays a few allocations.
func TestApprovalsCostNextToNothing(t *testing.T) {
	e := compile(t, parse(t, approvable))
	some := []Approval{
		approval("r1", taylor, orders, false, "lastname"),
		approval("r2", taylor, refunds, true),
		approval("r3", taylor, people, true),
	}
	cost := func(has []Approval) float64 {
		return testing.AllocsPerRun(100, func() { e.With(has, noon).Decide(on(taylor), orders) })
	}
	plain := testing.AllocsPerRun(100, func() { e.Decide(on(taylor), orders) })
	if none := cost(nil); none != plain {
		t.Errorf("%v allocations without approvals, %v without asking for any", none, plain)
	}
	if with := cost(some); with > plain+10 {
		t.Errorf("%v allocations with three approvals, %v without", with, plain)
	}
}

func TestOnlyWhatRulesCoverIsLeftOfWhatWasApproved(t *testing.T) {
	all := []Approval{
		approval("r1", taylor, refunds, true),
		approval("r2", taylor, orders, false, "lastname"),
		approval("r3", taylor, TableName{"sales", "gone"}, true),
	}
	for rules, want := range map[string]string{
		"": "", "rules: [{name: r, about: [sales.refunds], approvers: group:Stewards}]\n": "r1",
		"rules: [{name: r, about: [sales, sales.*.*], approvers: group:Stewards}]\n": "r1 r2", "rules: [{name: r, about: [sales.customer_orders], approvers: group:Stewards}]\n": "",
	} {
		got := ""
		for _, a := range compile(t, parse(t, approvable+rules)).Covered(all) {
			got += " " + a.Request
		}
		if got != "" && got[1:] != want || got == "" && want != "" {
			t.Errorf("by %q there is left%s, not %s", rules, got, want)
		}
	}
}
