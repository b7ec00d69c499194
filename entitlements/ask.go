package entitlements

import (
	"errors"
	"fmt"
	"slices"

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
func (e *Entitlements) Ask(who identity.Principal, name TableName, columns []string) (Ask, error) {
	_, denial := e.Decide(who, name)
	if denial != nil && !denial.Requestable {
		return Ask{}, ErrUnknownTable
	}
	t := e.tables[name]
	ask := Ask{Opens: denial != nil}
	wanted, err := t.indexes(columns)
	if err != nil {
		return Ask{}, err
	}
	judged := who.Judged()
	wanted, err = t.liftable(wanted, e.Counting(&who, name), &judged, &who)
	if err != nil {
		return Ask{}, err
	}
	if !ask.Opens && len(wanted) == 0 {
		return Ask{}, ErrHaveIt
	}
	for _, i := range wanted {
		ask.Columns = append(ask.Columns, t.columns[i].Name)
	}
	slices.Sort(ask.Columns)
	rules, ok := t.covering(ask.Opens, wanted)
	if !ok {
		return Ask{}, ErrNotAskable
	}
	ask.Requirement, err = require(rules).of(rules, &judged, &who)
	return ask, err
}

// Required is what the rules want now for a request that was made, whoever made it: who asks, and what is decided
// without asking anybody, was judged when it was made. ErrNotAskable: no rule covers all of it any more, so that nobody
// can approve it.
func (e *Entitlements) Required(r Request) (Requirement, error) {
	t, ok := e.tables[r.Table]
	if !ok {
		return Requirement{}, ErrUnknownTable
	}
	wanted, err := t.indexes(r.Columns)
	if err != nil {
		return Requirement{}, err
	}
	rules, ok := t.covering(r.Opens || len(wanted) == 0, wanted)
	if !ok {
		return Requirement{}, ErrNotAskable
	}
	return require(rules), nil
}

// indexes finds columns by their names, each once.
func (t *table) indexes(names []string) (out []int, err error) {
	for _, name := range names {
		i := slices.IndexFunc(t.columns, func(c column) bool { return c.Name == name })
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
// with an except are lifted. Masks that others come before count too: they would come into force.
func (t *table) liftable(
	wanted []int,
	approved Approvals,
	judged *identity.Identity,
	who *identity.Principal,
) (out []int, err error) {
	for _, i := range wanted {
		hidden, lifted := false, approved.Lifting(t.columns[i].Name) != nil
		for _, m := range t.columns[i].masks {
			switch s := t.masks[m.scope]; {
			case !s.Applies(judged, who):
			case s.Except == nil:
				return nil, fmt.Errorf("column %q: %w", t.columns[i].Name, ErrNotAskable)
			default:
				hidden = hidden || !lifted
			}
		}
		if hidden {
			out = append(out, i)
		}
	}
	return out, nil
}

// covering are the rules that have a say. It is not ok unless some rule covers each part by itself: a column that no
// rule covers does not become one to ask for by being asked for beside another.
func (t *table) covering(opens bool, columns []int) (rules []*requestRule, ok bool) {
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
			rules = append(rules, a.requestRule)
		}
	}
	return rules, len(rules) > 0 && (tableCovered || !opens) && !slices.Contains(covered, false)
}

// require adds up what rules want, without what depends on who asks.
func require(rules []*requestRule) (q Requirement) {
	for i, r := range rules {
		q.Rules = append(q.Rules, r.Name)
		q.Stages = append(q.Stages, r.stages...)
		if i == 0 || r.atMost < q.AtMost {
			q.AtMost = r.atMost
		}
		q.OnlyThrough = q.OnlyThrough || r.OnlyThroughAgent
		for _, question := range r.Questions {
			if !slices.ContainsFunc(q.Questions, func(asked Question) bool { return asked.Name == question.Name }) {
				q.Questions = append(q.Questions, Question(question))
			}
		}
	}
	return q
}

// of adds what the rules say of the one who asks.
func (q Requirement) of(rules []*requestRule, judged *identity.Identity, who *identity.Principal) (Requirement, error) {
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
