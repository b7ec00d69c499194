package requests

import (
	"errors"
	"fmt"
	"testing"

	"deputy/entitlements"
	"deputy/internal/testkit/world"
)

const approvable = world.Approvable

var approval = world.Approval

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
	).With([]entitlements.Approval{approval("r1", taylor, refunds, true), approval("r2", taylor, orders, false, "lastname")}, noon)
	for table, columns := range map[entitlements.TableName][]string{refunds: nil, orders: {"lastname"}} {
		if _, err := e.Ask(on(taylor), table, columns); err != ErrHaveIt {
			t.Errorf("%s: %v", table, err)
		}
	}
	if ask, err := e.Ask(on(taylor), orders, []string{"lastname", "order_total"}); err != nil ||
		fmt.Sprint(ask.Columns) != "[order_total]" {
		t.Errorf("what is left is %v: %v", ask.Columns, err)
	}
}

func TestOnlyWhatRulesCoverIsLeftOfWhatWasApproved(t *testing.T) {
	all := []entitlements.Approval{
		approval("r1", taylor, refunds, true),
		approval("r2", taylor, orders, false, "lastname"),
		approval("r3", taylor, entitlements.TableName{Schema: "sales", Name: "gone"}, true),
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
