package entitlements

import (
	"slices"

	"deputy/internal/mistake"
)

// asked is a table that a rule covers, or columns of it.
type asked struct {
	placed
	asking
}

// lintRules holds the request rules against everything else, in their order.
func (l *linter) lintRules() {
	covered := map[string][]asked{}
	for _, t := range l.tables() {
		for _, a := range t.rules {
			covered[a.Name] = append(covered[a.Name], asked{t, a})
		}
	}
	for i := range l.Rules {
		r := &l.Rules[i]
		l.policy, l.at, l.matchers = &Policy{}, mistake.At("requests.rules", i), r.matchers
		l.coversNothing(r, covered[r.Name])
		l.nothingToAskFor(covered[r.Name])
		l.approvesWhatMasksHide(r, covered[r.Name])
		l.anybodyApproves(r)
		l.nobodyRevokes(r)
		l.nobodyActsSo()
		l.unheard()
		l.purposeAlone()
	}
}

// matchers calls do for each of the rule's matchers, with its key.
func (r *RequestRule) matchers(do func(key string, m *Matcher)) {
	some := func(key string, m *Matcher) {
		if m != nil {
			do(key, m)
		}
	}
	some("from", r.From)
	r.approving(some)
	if r.Approve != nil {
		some("approve.when", r.Approve.When)
	}
	if r.Deny != nil {
		some("deny.when", r.Deny.When)
	}
}

// approving calls do for each matcher of people who approve.
func (r *RequestRule) approving(do func(key string, m *Matcher)) {
	do("approvers", r.Approvers)
	for i, s := range r.Stages {
		do(mistake.At("stages", i)+".approvers", s.Approvers)
	}
}

// coversNothing: a rule that is about nothing that is there. What is about the tag New waits for what comes.
func (l *linter) coversNothing(r *RequestRule, covered []asked) {
	if len(covered) == 0 && !slices.Contains(r.About, "tag:"+New) {
		l.warn("about", "it covers nothing that is there: correct what it names, or take the rule out")
	}
}

// nothingToAskFor: a rule about tables that may not be discovered, and about columns whose masks no request lifts.
func (l *linter) nothingToAskFor(covered []asked) {
	for _, a := range covered {
		if a.asking.table && a.discoverable {
			return
		}
		for i := range a.asking.columns {
			if a.asking.columns[i] && a.placed.liftable(i) {
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
func (t placed) liftable(column int) bool {
	some := false
	for _, m := range t.columns[column].masks {
		s := t.masks[m.scope]
		if s.except == nil && s.everyone() {
			return false
		}
		some = some || s.except != nil
	}
	return some
}

// approvesWhatMasksHide: a rule that approves by itself, and covers masked columns only because it is about their
// table.
func (l *linter) approvesWhatMasksHide(r *RequestRule, covered []asked) {
	if r.Approve == nil {
		return
	}
	var columns []string
	for _, a := range covered {
		for i := range a.asking.columns {
			otherwise := slices.ContainsFunc(
				a.rules,
				func(other asking) bool { return other.columns[i] && other.Approve == nil },
			)
			if a.asking.columns[i] && a.placed.liftable(i) && !otherwise && !a.placed.named(i, a.about) {
				columns = append(columns, a.placed.String()+"."+a.placed.columns[i].Name)
			}
		}
	}
	if columns != nil {
		l.warn(
			"approve",
			"it also shows %s in the clear without asking anybody, since it is about the table: except them, or write another rule about them",
			some(columns),
		)
	}
}

// named reports whether one of the selectors is about the column itself.
func (t placed) named(column int, selectors []selector) bool {
	c := &t.columns[column]
	return slices.ContainsFunc(selectors, func(s selector) bool {
		return s.matchesColumn(t.name, c.Name) || s.tag != "" && tagged(c.tags, s.tag)
	})
}

// anybodyApproves: everyone is an approver.
func (l *linter) anybodyApproves(r *RequestRule) {
	r.approving(func(key string, m *Matcher) {
		if m != nil && (scope{only: m}).everyone() {
			l.warn(key, "anybody may approve it who is not the one who asks: name those who may")
		}
	})
}

// nobodyRevokes: what a rule approves by itself nobody could take back, other than the one who has it.
func (l *linter) nobodyRevokes(r *RequestRule) {
	if r.Approve != nil && r.Approvers == nil && len(r.Stages) == 0 {
		l.warn("approve", "nobody may revoke what it approves: name approvers, who may")
	}
}
