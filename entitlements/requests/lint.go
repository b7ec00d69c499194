// Package requests holds what can be asked for, and who decides.
package requests

import (
	"fmt"
	"slices"

	"deputy/entitlements"
	"deputy/entitlements/review"
	"deputy/internal/mistake"
)

// asked is a table that a rule covers, or columns of it.
type asked struct {
	review.Placed
	entitlements.RuleView
}

// linter is at one rule.
type linter struct {
	warn func(key, message string)
}

// Beside holds the request rules against everything else, in their order.
func Beside(r review.Review, rules []entitlements.RequestRule) (out []review.Beside) {
	covered := map[string][]asked{}
	for _, t := range r.Tables() {
		for _, a := range t.Rules() {
			covered[a.Name] = append(covered[a.Name], asked{t, a})
		}
	}
	for i := range rules {
		r := &rules[i]
		lint := func(warn func(key, message string)) {
			l := linter{warn}
			l.coversNothing(r, covered[r.Name])
			l.nothingToAskFor(covered[r.Name])
			l.approvesWhatMasksHide(r, covered[r.Name])
			l.anybodyApproves(r)
			l.nobodyRevokes(r)
		}
		out = append(out, review.Beside{Key: mistake.At("requests.rules", i), Matchers: r.Matchers, Lint: lint})
	}
	return out
}

// coversNothing: a rule that is about nothing that is there. What is about the tag New waits for what comes.
func (l linter) coversNothing(r *entitlements.RequestRule, covered []asked) {
	if len(covered) == 0 && !slices.Contains(r.About, "tag:"+entitlements.New) {
		l.warn("about", "it covers nothing that is there: correct what it names, or take the rule out")
	}
}

// nothingToAskFor: a rule about tables that may not be discovered, and about columns whose masks no request lifts.
func (l linter) nothingToAskFor(covered []asked) {
	for _, a := range covered {
		if a.Table && a.Discoverable {
			return
		}
		for i := range a.RuleView.Columns {
			if a.RuleView.Columns[i] && liftable(a.Placed.Columns[i]) {
				return
			}
		}
	}
	if len(covered) > 0 {
		l.warn(
			"about",
			"nothing it covers can be asked for: none of its tables may be discovered, and no mask on its columns has an except without another mask for everyone",
		)
	}
}

// liftable reports whether there could be somebody to whom approving a request shows the column in the clear.
func liftable(c entitlements.ColumnView) bool {
	some := false
	for _, m := range c.Masks {
		if m.Scope.Except == nil && m.Scope.Everyone() {
			return false
		}
		some = some || m.Scope.Except != nil
	}
	return some
}

// approvesWhatMasksHide: a rule that approves by itself, and covers masked columns only because it is about their
// table.
func (l linter) approvesWhatMasksHide(r *entitlements.RequestRule, covered []asked) {
	if r.Approve == nil {
		return
	}
	var columns []string
	for _, a := range covered {
		for i := range a.RuleView.Columns {
			otherwise := slices.ContainsFunc(
				a.Rules(),
				func(other entitlements.RuleView) bool { return other.Columns[i] && other.Approve == nil },
			)
			if a.RuleView.Columns[i] && liftable(a.Placed.Columns[i]) && !otherwise && !a.Names(i) {
				columns = append(columns, a.Placed.String()+"."+a.Placed.Columns[i].Name)
			}
		}
	}
	if columns != nil {
		l.warn("approve", fmt.Sprintf(
			"it also shows %s in the clear without asking anybody, since it is about the table: except them, or write another rule about them",
			mistake.Some(columns),
		))
	}
}

// anybodyApproves: everyone is an approver.
func (l linter) anybodyApproves(r *entitlements.RequestRule) {
	r.Approving(func(key string, m *entitlements.Matcher) {
		if m != nil && m.Everyone() {
			l.warn(key, "anybody may approve it who is not the one who asks: name those who may")
		}
	})
}

// nobodyRevokes: what a rule approves by itself nobody could take back, other than the one who has it.
func (l linter) nobodyRevokes(r *entitlements.RequestRule) {
	if r.Approve != nil && r.Approvers == nil && len(r.Stages) == 0 {
		l.warn("approve", "nobody may revoke what it approves: name approvers, who may")
	}
}
