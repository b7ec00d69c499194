package requests

import (
	"errors"
	"fmt"
	"slices"

	"deputy/entitlements"
	"deputy/identity"
)

// Why something cannot be asked for. The sentences may be shown to whoever asks.
var (
	ErrUnknownTable  = errors.New("that table is not there, or you may not know of it")
	ErrUnknownColumn = errors.New("the table has no such column")
	ErrHaveIt        = errors.New("you have that already: there is nothing to ask for")
	ErrNotAskable    = errors.New("that cannot be asked for")
)

// Ask is what somebody may ask for, and what the rules want for it.
type Ask struct {
	Requirement
	Opens   bool     // the table is closed to the caller: approving opens it
	Columns []string // that approving shows in the clear, sorted, each once; what is clear as it is, is left out
}

// Ask says what it takes for the principal to get a table, or columns of it in the clear. Of a table that they may not
// know of, the answer is that of one which is not there. Columns can be asked for when nothing but masks with an except
// hides them: a mask for somebody, or for everyone, is not lifted by asking, and neither is a guardrail.
func (c *Compiled) Ask(who identity.Principal, name entitlements.TableName, columns []string) (Ask, error) {
	_, denial := c.Decide(who, name)
	if denial != nil && !denial.Requestable {
		return Ask{}, ErrUnknownTable
	}
	t := c.tables[name]
	ask := Ask{Opens: denial != nil}
	wanted, err := t.indexes(columns)
	if err != nil {
		return Ask{}, err
	}
	if wanted, err = c.liftable(who, name, wanted); err != nil {
		return Ask{}, err
	}
	if !ask.Opens && len(wanted) == 0 {
		return Ask{}, ErrHaveIt
	}
	for _, i := range wanted {
		ask.Columns = append(ask.Columns, t.columns[i])
	}
	slices.Sort(ask.Columns)
	rules, ok := t.covering(ask.Opens, wanted)
	if !ok {
		return Ask{}, ErrNotAskable
	}
	judged := who.Judged()
	ask.Requirement, err = require(rules).of(rules, &judged, &who)
	return ask, err
}

// Required is what the rules want now for a request that was made, whoever made it: who asks, and what is decided
// without asking anybody, was judged when it was made. ErrNotAskable: no rule covers all of it any more, so that nobody
// can approve it.
func (c *Compiled) Required(r Request) (Requirement, error) {
	rules, err := c.covering(r.Table, r.Columns, r.Opens)
	if err != nil {
		return Requirement{}, err
	}
	return require(rules), nil
}

// Covered leaves of the approvals those that count as the rules are now: those of which rules cover all. What an
// administrator takes out of the rules cannot be asked for any more, and what was approved by them ends with the very
// next call. If a rule covers it again before its time is over, it counts again. Everything else that changes in rules
// is about what will be decided: an approval stays what it was until it ends or is revoked.
func (c *Compiled) Covered(approvals []entitlements.Approval) (out []entitlements.Approval) {
	for _, a := range approvals {
		if _, err := c.covering(a.Table, a.Columns, a.Opens); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// covering are the rules that have a say about what is asked for of a table. Each column, and the table where it is to
// be opened or none of its columns is named, has to be covered.
func (c *Compiled) covering(name entitlements.TableName, columns []string, opens bool) ([]*compiledRule, error) {
	t, ok := c.tables[name]
	if !ok {
		return nil, ErrUnknownTable
	}
	wanted, err := t.indexes(columns)
	if err != nil {
		return nil, err
	}
	rules, ok := t.covering(opens || len(wanted) == 0, wanted)
	if !ok {
		return nil, ErrNotAskable
	}
	return rules, nil
}

// indexes finds columns by their names, each once.
func (t *ruledTable) indexes(names []string) (out []int, err error) {
	for _, name := range names {
		i := slices.Index(t.columns, name)
		if i < 0 {
			return nil, fmt.Errorf("column %q: %w", name, ErrUnknownColumn)
		}
		if !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	return out, nil
}

// liftable leaves of the columns those that a mask hides, and refuses when any would still be hidden once its masks
// with an except are lifted.
func (c *Compiled) liftable(who identity.Principal, name entitlements.TableName, wanted []int) (out []int, err error) {
	for _, i := range wanted {
		column := c.tables[name].columns[i]
		switch c.Hiding(who, name, column) {
		case entitlements.Hidden:
			return nil, fmt.Errorf("column %q: %w", column, ErrNotAskable)
		case entitlements.Exceptable:
			out = append(out, i)
		}
	}
	return out, nil
}

// covering are the rules that have a say. It is not ok unless some rule covers each part by itself: a column that no
// rule covers does not become one to ask for by being asked for beside another.
func (t *ruledTable) covering(opens bool, columns []int) (rules []*compiledRule, ok bool) {
	tableCovered, covered := false, make([]bool, len(columns))
	for _, a := range t.rules {
		has := opens && a.table
		tableCovered = tableCovered || has
		for n, i := range columns {
			if a.columns[i] {
				covered[n], has = true, true
			}
		}
		if has {
			rules = append(rules, a.compiledRule)
		}
	}
	return rules, len(rules) > 0 && (tableCovered || !opens) && !slices.Contains(covered, false)
}

// require adds up what rules want, without what depends on who asks.
func require(rules []*compiledRule) (q Requirement) {
	for i, r := range rules {
		q.Rules = append(q.Rules, r.Name)
		q.Stages = append(q.Stages, r.stages...)
		if i == 0 || r.atMost < q.AtMost {
			q.AtMost = r.atMost
		}
		q.OnlyThrough = q.OnlyThrough || r.OnlyThroughAgent
		for _, question := range r.Questions {
			if !slices.ContainsFunc(q.Questions, func(asked Question) bool { return asked.Name == question.Name }) {
				q.Questions = append(q.Questions, question)
			}
		}
	}
	return q
}

// of adds what the rules say of the one who asks.
func (q Requirement) of(
	rules []*compiledRule,
	judged *identity.Identity,
	who *identity.Principal,
) (Requirement, error) {
	automatic, unasked := true, longestPeriod
	for _, r := range rules {
		if r.From != nil && !r.From.Holds(judged, who) {
			return Requirement{}, ErrNotAskable
		}
		if r.Deny != nil && r.Deny.When.MayHold(judged, who) && q.Denied == "" {
			q.Denied = r.Name
		}
		automatic = automatic && r.Approve != nil && r.Approve.When.Holds(judged, who)
		unasked = min(unasked, r.upTo)
	}
	switch {
	case q.Denied != "":
	case automatic:
		q.Approved, q.Unasked = rules[0].Name, min(unasked, q.AtMost)
		if len(q.Stages) == 0 {
			q.AtMost = q.Unasked // nobody could approve more
		}
	case len(q.Stages) == 0:
		return Requirement{}, ErrNotAskable // it would wait for nobody
	}
	return q, nil
}
