package review

import (
	"reflect"
	"slices"
	"strings"

	"deputy/entitlements"
	"deputy/internal/mistake"
)

// everyColumn calls do for each column that the mask policy is about, with the place of its rule among those of the
// column.
func (l *linter) everyColumn(do func(t Placed, c *entitlements.ColumnView, rule int)) {
	for _, t := range l.reached {
		for i := range t.Columns {
			if rule := rule(&t.Columns[i], l.policy.Name); rule >= 0 {
				do(t, &t.Columns[i], rule)
			}
		}
	}
}

// beaten names the policy that takes every cell of the column before the rule is asked, whoever asks; empty: none does.
func beaten(c *entitlements.ColumnView, rule int) string {
	for _, m := range c.Masks[:rule] {
		if len(m.When) == 0 && m.Scope.Everyone() {
			return m.Policy
		}
	}
	return ""
}

// aboutNobody: a mask or filter that leaves out everybody there could be.
func (l *linter) aboutNobody() {
	s := entitlements.Scope{Only: l.policy.For, Except: l.policy.Except}
	if entitlements.Contradict(s.Matcher(), entitlements.Scope{}.Matcher()) {
		key := "for"
		if s.Except != nil {
			key = "except"
		}
		l.warn(key, "it is about nobody, and hides nothing: %s leaves everybody out", s)
	}
}

// neverFirst: a mask that another takes every cell from, on each column that it reaches.
func (l *linter) neverFirst() {
	var by []string
	columns := 0
	live := false
	l.everyColumn(func(t Placed, c *entitlements.ColumnView, rule int) {
		columns++
		winner := beaten(c, rule)
		live = live || winner == ""
		by = appendOnce(by, winner)
	})
	if columns > 0 && !live {
		l.warn(
			"mask",
			"it never hides anything: on every column that it reaches, %q comes first for everyone; take it out, or name the columns more exactly than that one does",
			strings.Join(by, `", "`),
		)
	}
}

// neverClear: a mask whose except shows nothing, since on each of its columns a mask that no request lifts is for all
// who are excepted, in every row.
func (l *linter) neverClear() {
	if l.policy.Except == nil {
		return
	}
	var by []string
	clear, first := false, false
	l.everyColumn(func(t Placed, c *entitlements.ColumnView, rule int) {
		i := slices.IndexFunc(c.Masks, func(m entitlements.MaskView) bool {
			return m.Policy != l.policy.Name && len(m.When) == 0 && covers(m.Scope, l.policy.Except)
		})
		if i < 0 {
			clear = true
			return
		}
		by = appendOnce(by, c.Masks[i].Policy)
		first = first || beaten(c, rule) == ""
	})
	if first && !clear {
		l.exceptShowsNothing("column", by)
	}
}

// neverMoreRows: a filter whose except shows nothing, since on each of its tables the same filter is for all who are
// excepted. Of one that asks for something else it is not certain that it leaves the same rows out.
func (l *linter) neverMoreRows() {
	if l.policy.Except == nil || l.policy.Filter == nil {
		return
	}
	var by []string
	for _, t := range l.reached {
		own := slices.IndexFunc(t.Filters, func(f entitlements.FilterView) bool { return f.Policy == l.policy.Name })
		i := slices.IndexFunc(t.Filters, func(f entitlements.FilterView) bool {
			if own < 0 || f.Policy == l.policy.Name || !covers(f.Scope, l.policy.Except) {
				return false
			}
			f.Policy = l.policy.Name
			return reflect.DeepEqual(f.Filter, t.Filters[own].Filter)
		})
		if i < 0 {
			return
		}
		by = appendOnce(by, t.Filters[i].Policy)
	}
	if by != nil {
		l.exceptShowsNothing("table", by)
	}
}

func (l *linter) exceptShowsNothing(reached string, by []string) {
	l.warn(
		"except",
		"it shows nothing to %s: on every %s that it reaches, %q hides the same from them; except them there too",
		l.policy.Except,
		reached,
		strings.Join(by, `", "`),
	)
}

// covers reports whether it is certain that the scope is for all who are excepted. What has an except of its own can be
// lifted.
func covers(s entitlements.Scope, excepted *entitlements.Matcher) bool {
	others := entitlements.Not(*s.Matcher())
	return s.Except == nil && entitlements.Contradict(excepted, &others)
}

// weakerFirst: a mask that hides less than another and comes before it, only because its tag is deeper or it names the
// column.
func (l *linter) weakerFirst() {
	var losers []string
	columns := map[string][]string{}
	losing := map[string]entitlements.Mask{}
	var winning entitlements.Mask
	l.everyColumn(func(t Placed, c *entitlements.ColumnView, rule int) {
		m := c.Masks[rule]
		if beaten(c, rule) != "" {
			return
		}
		for i := rule + 1; i < len(c.Masks); i++ {
			other := c.Masks[i]
			if other.Reach < m.Reach && entitlements.CompareStrictness(m.Mask, other.Mask) > 0 &&
				!entitlements.Contradict(m.Scope.Matcher(), other.Scope.Matcher()) {
				losers = appendOnce(losers, other.Policy)
				columns[other.Policy] = append(columns[other.Policy], t.String()+"."+c.Name)
				winning, losing[other.Policy] = m.Mask, other.Mask
			}
		}
	})
	for _, loser := range losers {
		l.warn(
			"mask",
			"on %s it shows more (%s) than %q would (%s), and comes first because it is more exact: that may be meant",
			mistake.Some(columns[loser]),
			winning,
			loser,
			losing[loser],
		)
	}
}

// becomesNull: a mask that does not fit what it is on.
func (l *linter) becomesNull() {
	var columns []string
	l.everyColumn(func(t Placed, c *entitlements.ColumnView, rule int) {
		if c.Masks[rule].Misfit != nil && beaten(c, rule) == "" {
			typ := c.Type
			if c.Equality == entitlements.Unsaid {
				typ += " that is equal to what is written differently"
			}
			columns = append(columns, t.String()+"."+c.Name+" ("+typ+")")
		}
	})
	if columns != nil {
		l.warn(
			"with",
			"%s does not fit the type of %s: NULL is shown there; write with: null if that is meant",
			l.policy.With,
			mistake.Some(columns),
		)
	}
}
