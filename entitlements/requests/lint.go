package requests

import (
	"fmt"
	"maps"
	"slices"

	"deputy/entitlements"
	"deputy/entitlements/review"
	"deputy/internal/mistake"
)

// Beside holds the rules against the platforms that they were compiled for: in the order of the configuration, each
// with the warnings about what it covers and who decides.
func Beside(rules []Rule, platforms map[string]*Compiled) (out []review.Beside) {
	covered := map[string][]covering{}
	for _, platform := range slices.Sorted(maps.Keys(platforms)) {
		p := platforms[platform]
		for _, name := range p.Tables() {
			for _, a := range p.tables[name].rules {
				view, _ := p.View(name)
				c := covering{asking: a, all: p.tables[name].rules, view: view, text: name.String()}
				if len(platforms) > 1 {
					c.text = platform + ": " + c.text
				}
				covered[a.Name] = append(covered[a.Name], c)
			}
		}
	}
	for i := range rules {
		l := &linter{Rule: &rules[i], covered: covered[rules[i].Name]}
		out = append(out, review.Beside{
			Key: mistake.At("requests.rules", i), Matchers: l.Matchers, Lint: l.lint,
		})
	}
	return out
}

// covering is a rule on a table of a platform, as it covers the table or columns of it.
type covering struct {
	asking
	all  []asking // The rules on the table.
	view entitlements.TableView
	text string // The table's name, with its platform where there are several.
}

// linter looks at one rule.
type linter struct {
	*Rule
	covered []covering
	warn    func(key, message string)
}

func (l linter) lint(warn func(key, message string)) {
	l.warn = warn
	l.coversNothing()
	l.nothingToAskFor()
	l.approvesWhatMasksHide()
	l.anybodyApproves()
	l.nobodyRevokes()
}

// coversNothing: a rule that is about nothing that is there. What is about the tag New waits for what comes.
func (l linter) coversNothing() {
	if len(l.covered) == 0 && !l.About.NameNew() {
		l.warn("about", "it covers nothing that is there: correct what it names, or take the rule out")
	}
}

// nothingToAskFor: a rule about tables that may not be discovered, and about columns whose masks no request lifts.
func (l linter) nothingToAskFor() {
	for _, c := range l.covered {
		if c.table && c.view.Discoverable {
			return
		}
		for i := range c.columns {
			if c.columns[i] && liftable(c.view.Columns[i]) {
				return
			}
		}
	}
	if len(l.covered) > 0 {
		l.warn(
			"about",
			"nothing it covers can be asked for: none of its tables may be discovered, and no mask on its columns has an except without another mask for everyone",
		)
	}
}

// liftable reports whether there could be a caller to whom approving a request shows the column in the clear.
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
func (l linter) approvesWhatMasksHide() {
	if l.Approve == nil {
		return
	}
	var columns []string
	for _, c := range l.covered {
		for i := range c.columns {
			otherwise := slices.ContainsFunc(
				c.all,
				func(other asking) bool { return other.columns[i] && other.Approve == nil },
			)
			if c.columns[i] && liftable(c.view.Columns[i]) && !otherwise && !c.named[i] {
				columns = append(columns, c.text+"."+c.view.Columns[i].Name)
			}
		}
	}
	if columns != nil {
		l.warn(
			"approve",
			fmt.Sprintf(
				"it also shows %s in the clear without asking anybody, since it is about the table: except them, or write another rule about them",
				mistake.Some(columns),
			),
		)
	}
}

// anybodyApproves: everyone is an approver.
func (l linter) anybodyApproves() {
	l.Approving(func(key string, m *entitlements.Matcher) {
		if m != nil && m.Everyone() {
			l.warn(key, "anybody may approve it who is not the one who asks: name those who may")
		}
	})
}

// nobodyRevokes: what a rule approves by itself nobody could take back, other than the one who has it.
func (l linter) nobodyRevokes() {
	if l.Approve != nil && l.Approvers == nil && len(l.Stages) == 0 {
		l.warn("approve", "nobody may revoke what it approves: name approvers, who may")
	}
}
