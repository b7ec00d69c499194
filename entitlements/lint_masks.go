package entitlements

import (
	"slices"
	"strings"
)

// everyColumn calls do for each column that the mask policy is about, with the place of its rule among those of the
// column.
func (l *linter) everyColumn(do func(t placed, c *column, rule int)) {
	for _, t := range l.reached {
		for i := range t.columns {
			if rule := t.columns[i].rule(l.policy.Name); rule >= 0 {
				do(t, &t.columns[i], rule)
			}
		}
	}
}

// beaten names the policy that takes every cell of the column before the rule is asked, whoever asks; empty: none does.
func (t placed) beaten(c *column, rule int) string {
	for _, m := range c.masks[:rule] {
		if len(m.When) == 0 && t.masks[m.scope].everyone() {
			return m.Policy
		}
	}
	return ""
}

// everyone reports whether the scope leaves nobody out.
func (s scope) everyone() bool {
	if s.only != nil {
		return slices.ContainsFunc(s.only.Alternatives(), func(m *Matcher) bool { return m.term.Word == "everyone" })
	}
	return s.except == nil
}

// aboutNobody: a mask or filter that leaves out everybody there could be.
func (l *linter) aboutNobody() {
	s := scope{l.policy.For, l.policy.Except}
	if Contradict(s.matcher(), scope{}.matcher()) {
		key := "for"
		if s.except != nil {
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
	l.everyColumn(func(t placed, c *column, rule int) {
		columns++
		winner := t.beaten(c, rule)
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

// weakerFirst: a mask that hides less than another and comes before it, only because its tag is deeper or it names the
// column.
func (l *linter) weakerFirst() {
	var losers []string
	columns := map[string][]string{}
	losing := map[string]Mask{}
	var winning Mask
	l.everyColumn(func(t placed, c *column, rule int) {
		m := c.masks[rule]
		if t.beaten(c, rule) != "" {
			return
		}
		for i := rule + 1; i < len(c.masks); i++ {
			other := c.masks[i]
			if other.reach < m.reach && compareStrictness(m.Mask, other.Mask) > 0 &&
				!Contradict(t.masks[m.scope].matcher(), t.masks[other.scope].matcher()) {
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
			some(columns[loser]),
			winning,
			loser,
			losing[loser],
		)
	}
}

// matcher is the scope as one matcher.
func (s scope) matcher() *Matcher {
	switch {
	case s.only != nil:
		return s.only
	case s.except != nil:
		return &Matcher{not: s.except}
	}
	return &Matcher{term: Term{Word: "everyone"}}
}

// becomesNull: a mask that does not fit what it is on.
func (l *linter) becomesNull() {
	var columns []string
	l.everyColumn(func(t placed, c *column, rule int) {
		if c.masks[rule].misfit != nil && t.beaten(c, rule) == "" {
			typ := c.Type
			if c.Equality == Unsaid {
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
			some(columns),
		)
	}
}
