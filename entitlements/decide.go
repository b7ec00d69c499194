package entitlements

import (
	"fmt"
	"slices"
	"strings"

	"deputy/entitlements/expression"
	"deputy/identity"
)

// Decide says what the principal may see of the table, or why nothing. The Denial is nil exactly when there is an
// Access. The result is shared with later ones and must not be changed.
func (e *Entitlements) Decide(who identity.Principal, name TableName) (Access, *Denial) {
	t, ok := e.tables[name]
	if !ok {
		return Access{}, &Denial{Table: name, Reasons: []string{"there is no such table"}}
	}
	return t.decide(&who, e.Counting(&who, name))
}

// Visible is one table that a principal may know of: with Access, or else with a Denial that is requestable or closed
// for now.
type Visible struct {
	Table       TableName
	Description string
	Access      *Access
	Denial      *Denial
}

// Visible lists what the principal may know of, sorted by name. Everything else is left out as if it were not there.
func (e *Entitlements) Visible(who identity.Principal) []Visible {
	var out []Visible
	for _, name := range e.names {
		t := e.tables[name]
		v := Visible{Table: name, Description: t.description}
		access, denial := t.decide(&who, e.Counting(&who, name))
		switch {
		case denial == nil:
			v.Access = &access
		case denial.Requestable, denial.Closed:
			v.Denial = denial
		default:
			continue
		}
		out = append(out, v)
	}
	return out
}

func (t *table) decide(who *identity.Principal, approved Approvals) (Access, *Denial) {
	if who.Agent.ID == "" || who.User != nil && who.User.ID == "" {
		// not even everyone is a grant to nobody
		return Access{}, &Denial{Table: t.name, Reasons: []string{"nobody was verified"}}
	}
	if t.barred != nil {
		return Access{}, &Denial{Table: t.name, Reasons: t.barred}
	}
	judged := who.Judged()
	if broken := t.broken(&judged, who); broken != nil {
		return Access{}, &Denial{Table: t.name, Reasons: broken} // no grant would help, so there is nothing to request
	}
	access := Access{Table: t.name}
	unheard := t.open(&access, who, approved)
	if len(access.Grants) > 0 && t.closed != nil {
		return Access{}, t.denyClosed()
	}
	if len(access.Grants) == 0 {
		return Access{}, &Denial{
			Table:       t.name,
			Requestable: t.discoverable,
			Reasons:     append(unheard, "no grant opens it"),
		}
	}
	t.show(&access, &judged, who, approved)
	for _, g := range t.guardrails {
		access.Guardrails = append(access.Guardrails, g.policy)
	}
	for _, f := range t.filters {
		if f.Applies(&judged, who) {
			access.Filters = append(access.Filters, f.rule.bind(who))
		}
	}
	return access, nil
}

// broken names the guardrails that do not hold for the identity.
func (t *table) broken(judged *identity.Identity, who *identity.Principal) (reasons []string) {
	for _, g := range t.guardrails {
		if !g.require.Holds(judged, who) {
			reasons = append(
				reasons,
				fmt.Sprintf("guardrail %q does not hold for %s %s", g.policy, judged.Kind, judged.ID),
			)
		}
	}
	return reasons
}

// open puts in the grants that open the table, and through whom. The user and the agent are judged one after the other,
// each with its own groups and attributes; the agent's own grants count only if the agent itself passes every
// guardrail. unheard says which guardrails kept the agent's grants from counting.
//
// An approved request is one more grant, to the one who asked: the user, or the agent when it acts on its own. The
// access rests on it only where no policy grants the same.
func (t *table) open(access *Access, who *identity.Principal, approved Approvals) (unheard []string) {
	agentBroken := t.broken(&who.Agent.Identity, who)
	byUser, byAgent := false, false
	count := func(policy string, user, agent bool) {
		if agent && agentBroken != nil {
			agent, unheard = false, agentBroken
		}
		if user || agent {
			access.Grants = append(access.Grants, policy)
		}
		byUser, byAgent = byUser || user, byAgent || agent
	}
	for i := range t.grants {
		user, agent := t.grants[i].opensTo(who)
		count(t.grants[i].policy, user, agent)
	}
	if longest := approved.Opening(); longest != nil {
		if !byUser && !byAgent {
			access.restsOn(longest)
		}
		for i := range approved {
			if approved[i].Opens {
				count(approved[i].Policy(), who.User != nil, who.User == nil)
			}
		}
	}
	switch {
	case byUser && byAgent:
		access.Via = ViaBoth
	case byUser:
		access.Via = ViaUser
	default:
		access.Via = ViaAgent
	}
	return unheard
}

// opensTo says who of the principal qualifies. For the user, what is said of the agent alone is left aside: see
// Matcher.aboutAgent.
func (g *grant) opensTo(who *identity.Principal) (user, agent bool) {
	user = who.User != nil && slices.ContainsFunc(g.to, func(m *Matcher) bool {
		return !m.AboutAgent() && m.Holds(&who.User.Identity, who)
	})
	agent = slices.ContainsFunc(g.to, func(m *Matcher) bool { return m.Holds(&who.Agent.Identity, who) })
	return user, agent
}

// show puts in all columns, each with those of its masks that apply, up to the first that takes every cell. A policy
// that exempts the caller says nothing about the others: a column is clear only if none applies. An approved request
// exempts the caller from those masks on its columns that exempt somebody.
func (t *table) show(access *Access, judged *identity.Identity, who *identity.Principal, approved Approvals) {
	applies := make([]bool, len(t.masks))
	for i := range t.masks {
		applies[i] = t.masks[i].Applies(judged, who)
	}
	out := make([]ColumnAccess, len(t.columns))
	for i := range t.columns {
		c := &t.columns[i]
		out[i] = ColumnAccess{Column: c.Column, Place: i + 1, Tags: c.tags, Inherited: c.inherited}
		lifted := approved.Lifting(c.Name)
		for j := range c.masks {
			if !applies[c.masks[j].scope] {
				continue
			}
			if lifted != nil && t.masks[c.masks[j].scope].Except != nil {
				access.restsOn(lifted)
				continue
			}
			mask := c.masks[j].AppliedMask
			if len(mask.When) > 0 {
				mask = mask.bind(who)
			}
			if out[i].Masks = append(out[i].Masks, mask); len(mask.When) == 0 {
				break
			}
		}
	}
	access.Columns = out
}

func (f Filter) bind(who *identity.Principal) Filter {
	f.Where, f.Never = bind(f.Where, who)
	return f
}

// bind gives the condition its values. One that names something nobody has a value for could only be guessed at: the
// mask then takes every cell.
func (m AppliedMask) bind(who *identity.Principal) AppliedMask {
	when, missing := bind(m.When, who)
	if missing {
		when = nil
	}
	m.When = when
	return m
}

// bind puts in the values of the judged identity. What is asked of a user, an agent that acts alone has no value for:
// its name could be that of a user.
func bind(parts []expression.Part, who *identity.Principal) (bound []expression.Part, missing bool) {
	bound = slices.Clone(parts)
	for i := range bound {
		part := &bound[i]
		switch {
		case part.Variable == "":
			continue
		case part.Variable == expression.UserID:
			if who.User != nil {
				part.Values = []string{who.User.ID}
			}
		case part.Variable == expression.UserGroups:
			if who.User != nil {
				part.Values = slices.DeleteFunc(
					slices.Clone(who.User.Groups),
					func(g string) bool { return g == identity.AllUsers || g == identity.AllAgents },
				)
			}
		default:
			part.Values = who.Judged().Attributes[strings.TrimPrefix(part.Variable, expression.AttributePrefix)]
		}
		missing = missing || len(part.Values) == 0
	}
	return bound, missing
}
